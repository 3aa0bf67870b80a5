"""Kill runs at calls of the file system, again and again, and see what the next run makes of it.

A script: TensorFlow must not have computed anything in the process that forks. It writes a line of
JSON for every chain of kills.
"""

import json
import multiprocessing
import os
import signal
import sys
import traceback
import zipfile
from dataclasses import dataclass, field
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
from gan_aug.store.store import KEY_LENGTH, Store

FORK = multiprocessing.get_context("fork")
NAME = "killed"
LONGEST_CHAIN = 12
FARTHEST = 60
"""Calls of the file system that a process makes at most before it is killed."""
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
# What Python tells its audit hooks before it changes the file system.
CHANGES = {
    "os.chmod",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "shutil.rmtree",
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


@dataclass
class Killer:
    """An audit hook that ends the process at a call that changes a folder.

    Attributes:
        folder: Of which changes count.
        left: Calls until the end; None for never.
        points: Where to note the call at which it ended.
    """

    folder: str
    left: int | None
    points: Path
    opening: bool = field(default=False, init=False)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Count a call, and end the process if it is the last."""
        if self.left is None or self.opening or not self.concerns(event, arguments):
            return
        self.left -= 1
        if self.left <= 0:
            self.opening = True
            with self.points.open("a", encoding="utf-8") as file:
                file.write(f"{event} {generalize(str(arguments[0]), self.folder)}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def concerns(self, event: str, arguments: tuple[Any, ...]) -> bool:
        """Whether a call changes the folder."""
        if event == "open":
            path, mode, flags = arguments
            writes = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            changes = writes or any(letter in (mode or "") for letter in "wax+")
        else:
            path, changes = (arguments or ("",))[0], event in CHANGES
        return changes and isinstance(path, str | os.PathLike) and self.folder in str(path)


def generalize(path: str, folder: str) -> str:
    """Return a path without what differs from run to run."""
    below = path.partition(folder)[2]
    parts = [part for part in below.split("/") if part]
    hexadecimal = "0123456789abcdef"
    words = [part.lstrip(hexadecimal) if len(part) >= KEY_LENGTH else part for part in parts]
    return "/".join("".join(letter for letter in word if not letter.isdigit()) for word in words)


def fork(artifacts: Path, ledger: Path, points: Path, kill_at: int | None) -> int:
    """Make the run in a fork of this process; return its exit code."""

    def call() -> None:
        sys.addaudithook(Killer(str(artifacts), kill_at, points))
        with (artifacts.with_name("log")).open("a") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        try:
            compute_run(artifacts, ledger)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    process = FORK.Process(target=call)
    process.start()
    process.join()
    return int(process.exitcode or 0)


def tear(artifacts: Path, rng: np.random.Generator) -> None:
    """Leave temporary files as a kill in the middle of a write does."""
    for path in artifacts.rglob(".*.partial"):
        os.truncate(path, int(rng.integers(0, path.stat().st_size + 1)))


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


def find_made_again(ledger: Path) -> list[str]:
    """Return stages that were made although they had been said to be done."""
    done: set[str] = set()
    again = []
    for line in ledger.read_text(encoding="utf-8").splitlines():
        identity, reused = line.split()
        if identity in done and reused == "False":
            again.append(identity)
        done.add(identity)
    return again


def find_leftovers(artifacts: Path) -> list[str]:
    """Return files that only an unfinished process may have there."""
    marks = (".partial", ".fetched", ".checkpoint.npz")
    return [
        str(path.relative_to(artifacts))
        for path in artifacts.rglob("*")
        if path.name.endswith(marks)
    ]


def try_chain(folder: Path, length: int, seed: int, expected: dict[str, Any]) -> dict[str, Any]:
    """Kill a run, the next one and so on, let the last one finish, and tell what was broken."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    artifacts, ledger, points = (folder / name for name in ("artifacts", "ledger", "points"))
    ledger.touch()
    points.touch()
    for _ in range(length):
        fork(artifacts, ledger, points, int(rng.integers(1, FARTHEST)))
        if rng.random() < 0.5 and artifacts.exists():
            tear(artifacts, rng)
    broken = []
    if fork(artifacts, ledger, points, None):
        last = (folder / "log").read_text().splitlines()[-1:]
        broken.append(f"the next run did not finish: {' '.join(last)}")
    else:
        found = read_results(artifacts)
        broken += [f"another {name}" for name in expected if found[name] != expected[name]]
        broken += [f"left behind: {name}" for name in find_leftovers(artifacts)]
    broken += [f"made again: {name}" for name in find_made_again(ledger)]
    return {"seed": seed, "points": points.read_text().splitlines(), "broken": broken}


def main(folder: Path, chains: int, length: int) -> None:
    """Try chains of kills, and write a line for each."""
    artifacts, ledger, points = (
        folder / "whole" / name for name in ("artifacts", "ledger", "points")
    )
    (folder / "whole").mkdir(parents=True)
    assert fork(artifacts, ledger, points, None) == 0, (folder / "whole" / "log").read_text()
    expected = read_results(artifacts)
    for seed in range(chains):
        told = try_chain(folder / str(seed), length, seed, expected)
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
