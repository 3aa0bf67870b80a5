"""The command: ``python -m benchmarks [PART ...]``."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from cyclopts import App
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import benchmarks.silence  # noqa: F401 - before anything else imports TensorFlow
from benchmarks.growth import measure_growth
from benchmarks.interleave import OnUnit
from benchmarks.machine import describe_machine
from benchmarks.memory import measure_memory
from benchmarks.quality import measure_quality
from benchmarks.report import Files, write_results
from benchmarks.results import Results, read_results
from benchmarks.speed import (
    measure_cnn_training,
    measure_dcgan_step,
    measure_lightgbm_training,
)
from gan_aug.data.local import find_local_sets
from gan_aug.data.readers.named import open_mnist
from gan_aug.data.source import Part as DataPart
from gan_aug.errors import UserError
from gan_aug.settings.data import ReadingConfig

Part = Literal["dcgan_step", "cnn_training", "lightgbm_training", "quality", "memory", "growth"]
Measure = Callable[[int, OnUnit], Any]

MEASURES: dict[Part, tuple[Measure, int]] = {
    "dcgan_step": (measure_dcgan_step, 15),
    "cnn_training": (measure_cnn_training, 5),
    "lightgbm_training": (measure_lightgbm_training, 5),
    "quality": (measure_quality, 1),
    "memory": (measure_memory, 1),
    "growth": (measure_growth, 3),
}
"""Part → what measures it, and in how many rounds."""

MNIST_VARIABLE = "GAN_AUG_MNIST"
PARTS: tuple[DataPart, ...] = ("train", "test")
ROOT = Path(__file__).parent.parent
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

app = App(name="python -m benchmarks", help="Measure speed, memory and growth, side by side.")


@app.default
def measure(*parts: Part, rounds: int | None = None, root: Path = ROOT) -> None:
    """Measure parts, all of them by default, and write JSON, page and plot.

    Parts that were measured before on this machine stay as they are. Where `docs/performance.md`
    has the results of another machine, those of this one get files of their own below
    `artifacts/benchmarks`.

    Parameters
    ----------
    parts
        What to measure.
    rounds
        Units of each contender, instead of each part's own number. Few are for trying things.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    results = open_results(root)
    with provide_mnist():
        for part in parts or get_args(Part):
            results = measure_part(part, rounds, results)
            files = write_results(results, root)
            ERR.print(f"{part}: {files.page}")


def measure_part(part: Part, rounds: int | None, results: Results) -> Results:
    """Measure one part in so many rounds, or its usual ones, and return the results with it."""
    take_measure, usual_rounds = MEASURES[part]
    with show_progress(part) as on_unit:
        measured = take_measure(rounds or usual_rounds, on_unit)
    return results.model_copy(update={part: measured, "commit": measured.stamp.commit})


@app.command
def render(*, root: Path = ROOT) -> None:
    """Write page and plot from the JSON again, without measuring."""
    results = read_results(root / "artifacts" / "benchmarks.json")
    if results is None:
        sys.exit(f"{root}: expected artifacts/benchmarks.json there, found none; run `make bench`")
    write_results(results, root)


@contextmanager
def provide_mnist() -> Iterator[None]:
    """Have ``GAN_AUG_MNIST`` name a file: peers read it without this project's help.

    Raises:
        UserError: MNIST can't be had, or is something else.
    """
    source = open_mnist(find_local_sets().get("mnist"))
    images = source.read(ReadingConfig()).images
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mnist.npz"
        arrays: dict[str, Any] = {f"x_{part}": images[part] for part in PARTS}
        arrays |= {f"y_{part}": source.labels[part].astype(np.uint8) for part in PARTS}
        np.savez(path, **arrays)
        os.environ[MNIST_VARIABLE] = str(path)
        yield


def open_results(root: Path) -> Results:
    """Return the results to add to: earlier ones of this machine, or none."""
    machine = describe_machine()
    return read_results(Files.of(machine, root).json) or Results(machine=machine)


@contextmanager
def show_progress(part: Part) -> Iterator[OnUnit]:
    """Show which unit runs; drawn between units only, to leave the cores alone."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=ERR, auto_refresh=False) as progress:
        task = progress.add_task(part)

        def on_unit(name: str, done: int, total: int) -> None:
            progress.update(
                task, description=f"{part}: {name}", completed=done, total=total, refresh=True
            )

        yield on_unit
        progress.update(task, description=part, completed=progress.tasks[task].total, refresh=True)


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        ERR.print(str(error), markup=False)
        sys.exit(2)
