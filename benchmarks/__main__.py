"""The command: ``python -m benchmarks [PART ...]``."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np
from cyclopts import App
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.growth import measure_growth
from benchmarks.interleave import OnUnit
from benchmarks.machine import describe_machine
from benchmarks.memory import measure_memory
from benchmarks.quality import measure_quality
from benchmarks.report import write_results
from benchmarks.results import Results, read_results
from benchmarks.speed import (
    measure_cnn_training,
    measure_dcgan_step,
    measure_lightgbm_training,
)
from gan_aug.errors import UserError

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
ROOT = Path(__file__).parent.parent
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

app = App(name="python -m benchmarks", help="Measure speed, memory and growth, side by side.")


@app.default
def measure(*parts: Part, rounds: int | None = None, root: Path = ROOT) -> None:
    """Measure parts, all of them by default, and write JSON, page and plot.

    Other parts that are already in `artifacts/benchmarks.json` stay as they are.

    Parameters
    ----------
    parts
        What to measure.
    rounds
        Units of each contender, instead of each part's own number. Few are for trying things.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    chosen = parts or get_args(Part)
    results = open_results(root, is_complete=set(chosen) == set(get_args(Part)))
    with provide_mnist():
        for part in chosen:
            results = measure_part(part, rounds, results)
            write_results(results, root)


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
    """Have ``GAN_AUG_MNIST`` name a file: peers read it without this project's help."""
    named = os.environ.get(MNIST_VARIABLE)
    if named is not None:
        if not Path(named).expanduser().is_file():
            sys.exit(f"{MNIST_VARIABLE}: expected the path of a mnist.npz, found {named}")
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mnist.npz"
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
        np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
        os.environ[MNIST_VARIABLE] = str(path)
        yield


def open_results(root: Path, *, is_complete: bool) -> Results:
    """Return the results to add to: earlier ones if they are of this machine.

    Args:
        root: Where earlier ones are.
        is_complete: Whether every part is to be measured, so that no earlier one is needed.
    """
    machine = describe_machine()
    earlier = read_results(root / "artifacts" / "benchmarks.json")
    if earlier is not None and earlier.machine == machine:
        return earlier
    if earlier is not None and not is_complete:
        sys.exit(
            "artifacts/benchmarks.json: expected results of this machine to add to, found those "
            f"of another ({earlier.machine.cpu_model}); measure all parts, or remove the file"
        )
    return Results(machine=machine)


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
        sys.exit(str(error))
