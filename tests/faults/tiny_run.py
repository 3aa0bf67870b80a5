"""A whole run that takes seconds, without Prefect, and what it leaves."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from gan_aug.data.dataset import describe_dataset
from gan_aug.data.load import load_dataset
from gan_aug.device import select_compute
from gan_aug.execution import Executor, Output, execute_stage
from gan_aug.pipeline import plan_run, run_stages
from gan_aug.reporting.contents import fill_run
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import Run
from gan_aug.settings.presets import resolve_config
from gan_aug.stage import Stage
from gan_aug.store.store import Store

NAME = "whole"
SETTINGS: dict[str, Any] = {
    "dataset": "digits",
    "labels": 50,
    "device": "cpu",
    "precision": "float32",
    "arms": ("original", "gan"),
    "cnn": {"updates": 4, "epochs": 0, "batch_size": 8},
    "dcgan": {
        "generator_width": 8,
        "discriminator_width": 4,
        "clusters": 0,
        "steps": 6,
        "batch_size": 8,
        "interval": 2,
    },
    "synthesis": {"images": 60},
    "pseudo_labels": {"teacher": "shift", "confidence_threshold": 0.0, "per_class": 5},
    "lightgbm": {"rounds": 2},
    "comparison": {"resamples": 100, "trial": True},
}


def compute_run(artifacts: Path, ledger: Path) -> None:
    """Make a run, and note every stage whose output is there, and whether it was reused."""
    config = resolve_config("smoke", SETTINGS)
    compute = select_compute(config.device, config.precision)
    store = Store.open(artifacts, None)
    data = load_dataset(config, {})
    known = execute_stage(describe_dataset(data.provenance, data), store)

    def execute(stage: Stage[Any], store: Store) -> Output[Any]:
        output = execute_stage(stage, store)
        with ledger.open("a", encoding="utf-8") as file:
            file.write(f"{output.entry.identity} {output.reused}\n")
        return output

    executor = Executor(store, execute, {known.entry.identity: known})
    plan = plan_run(executor, config, describe_dataset(data.provenance), compute)
    run = Run.open(artifacts, NAME, config)
    run.write_environment(describe_environment(compute, data.provenance))
    fill_run(run, run_stages(plan, executor))


def read_results(artifacts: Path) -> dict[str, Any]:
    """Return what a finished run leaves, as bytes that can be compared."""
    run = artifacts / "runs" / NAME
    with zipfile.ZipFile(run / "generator.keras") as archive:
        generator = {name: archive.read(name) for name in ("config.json", "model.weights.h5")}
    with np.load(run / "synthetic.npz") as arrays:
        synthetic = {name: arrays[name].tobytes() for name in arrays.files}
    return {
        "comparison.csv": (run / "comparison.csv").read_bytes(),
        "generator": generator,
        "synthetic": synthetic,
    }
