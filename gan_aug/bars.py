"""A bar that shows how far a long stage is, in a terminal or a notebook."""

import contextlib
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

__all__ = ["show_bar"]

SHORT_WORDS = {"discriminator": "D", "generator": "G", "accuracy": "acc"}


@contextlib.contextmanager
def show_bar(label: str, total: int, console: Console, *, shown: bool) -> Iterator[OnProgress]:
    """Show a bar while a stage runs: its name, step, newest metrics and time left.

    Args:
        label: Name of the stage.
        total: Number of its steps.
        console: Where the bar is drawn.
        shown: Whether it is.

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
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
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
