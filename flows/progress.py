"""How the flows tell a person how far they are: a bar on stderr, and log lines."""

import contextlib
import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from gan_aug.progress import OnProgress

__all__ = ["ERR", "log_progress", "mute_native_output", "show_progress"]

ERR = Console(stderr=True, soft_wrap=True, highlight=False)

SHORT_WORDS = {"discriminator": "D", "generator": "G", "accuracy": "acc"}


def log_progress() -> list[logging.Logger]:
    """Let the loggers of this project log at level INFO.

    Returns:
        These loggers.
    """
    loggers = [logging.getLogger(name) for name in ("gan_aug", "flows")]
    for logger in loggers:
        logger.setLevel(logging.INFO)
    return loggers


@contextlib.contextmanager
def mute_native_output() -> Iterator[None]:
    """Drop what native libraries write to stderr past Python: TensorFlow's start-up lines."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - os.devnull is no path of ours
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


@contextlib.contextmanager
def show_progress(label: str, total: int) -> Iterator[OnProgress]:
    """Show a bar while a stage runs: its name, step, newest metrics and time left.

    Args:
        label: Name of the stage.
        total: Number of its steps.

    Yields:
        A function that moves the bar.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[metrics]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # The bars of several processes would overwrite each other.
    shown = ERR.is_terminal and multiprocessing.parent_process() is None
    with Progress(*columns, console=ERR, transient=True, disable=not shown) as progress:
        task = progress.add_task(label, total=total, metrics="")

        def on_progress(done: int, metrics: Mapping[str, float]) -> None:
            progress.update(task, completed=done, metrics=abbreviate(metrics))

        yield on_progress


def abbreviate(metrics: Mapping[str, float]) -> str:
    """``{"generator_loss": 0.7}`` → ``G loss 0.70``."""
    return "  ".join(
        f"{' '.join(SHORT_WORDS.get(word, word) for word in name.split('_'))} {value:.2f}"
        for name, value in metrics.items()
    )
