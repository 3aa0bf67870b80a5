"""What a person sees in the terminal: progress and log lines on stderr, results on stdout."""

import contextlib
import io
import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from gan_aug.progress import OnProgress

if TYPE_CHECKING:
    # Only named here: importing them would make `gan-aug --help` wait for SciPy.
    from gan_aug.evaluation.anomaly import AnomalyResult, Separation
    from gan_aug.evaluation.comparison import Comparison, PairedDifference, Score
    from gan_aug.evaluation.study import StudyResult
    from gan_aug.reporting.folders import RunSummary

__all__ = [
    "ERR",
    "OUT",
    "draw",
    "log_progress",
    "log_to_terminal",
    "mute_native_output",
    "print_anomalies",
    "print_error",
    "print_result",
    "print_study",
    "show_progress",
    "tabulate_facts",
    "tabulate_runs",
]

OUT = Console(soft_wrap=True, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def log_progress() -> list[logging.Logger]:
    """Have this project's loggers tell what they do, and return them."""
    loggers = [logging.getLogger(name) for name in ("gan_aug", "flows")]
    for logger in loggers:
        logger.setLevel(logging.INFO)
    return loggers


def log_to_terminal() -> None:
    """Send the log lines of this project, and warnings of all others, to stderr."""
    handler = RichHandler(console=ERR, show_path=False, log_time_format="%H:%M:%S")
    for logger in log_progress():
        logger.handlers = [*(h for h in logger.handlers if not isinstance(h, RichHandler)), handler]


def print_error(message: object) -> None:
    """Print one line about what went wrong."""
    ERR.print(f"gan-aug: {' '.join(str(message).split())}", style="red", markup=False)


@contextlib.contextmanager
def mute_native_output() -> Iterator[None]:
    """Drop what native libraries write to stderr past Python: TensorFlow's start-up lines."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - os.devnull is no path of ours
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextlib.contextmanager
def show_progress(label: str, total: int) -> Iterator[OnProgress]:
    """Show a bar while a stage runs: stage, step, newest metrics, time left.

    Args:
        label: The stage.
        total: Number of its steps.
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
    short = {"discriminator": "D", "generator": "G", "accuracy": "acc"}
    return "  ".join(
        f"{' '.join(short.get(word, word) for word in name.split('_'))} {value:.2f}"
        for name, value in metrics.items()
    )


def print_result(comparison: "Comparison", folder: Path, console: Console = OUT) -> None:
    """Print the table, the verdict, and on the last line the run's folder."""
    console.print(tabulate_comparison(comparison))
    console.print(f"\n{comparison.verdict}\n", style="bold")
    console.print(str(folder), markup=False)


def print_study(result: "StudyResult", folder: Path, console: Console = OUT) -> None:
    """Print the means on test images, the verdict, what failed, and the study's folder."""
    console.print(tabulate_study(result))
    console.print(f"\n{result.verdict}\n", style="bold")
    for failure in result.failures:
        cell = f"{failure.classifier or 'all classifiers'}, {failure.arm or 'all arms'}"
        print_error(
            f"failed: {failure.labels} labels, seed {failure.seed}, {cell}: {failure.message}"
        )
    console.print(str(folder), markup=False)


def print_anomalies(result: "AnomalyResult", folder: Path, console: Console = OUT) -> None:
    """Print how well each detector finds what is foreign, the verdict, and the folder."""
    console.print(tabulate_separations([*result.foreign, *result.left_out]))
    console.print(f"\n{result.verdict}\n", style="bold")
    console.print(str(folder), markup=False)


def tabulate_separations(separations: Sequence["Separation"]) -> Table:
    """Lay AUROCs out, a row a kind of foreign images, a column a detector."""
    rows: dict[str, list[str]] = {}
    for separation in separations:
        rows.setdefault(separation.kind, []).append(f"{separation.auroc:.3f}")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("AUROC", no_wrap=True)
    for detector in dict.fromkeys(separation.detector for separation in separations):
        table.add_column(detector, justify="right", no_wrap=True)
    for kind, cells in rows.items():
        table.add_row(kind, *cells)
    return table


def tabulate_study(result: "StudyResult") -> Table:
    """Lay the means on test images out, one row per classifier, budget and arm."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("model", "labels", "arm", "draws", "accuracy", "minus original"):
        table.add_column(heading, no_wrap=True, justify="left" if heading == "arm" else "right")
    for cell in result.summaries:
        if cell.split == "test":
            points = [cell.difference, cell.low, cell.high]
            shown = [f"{100 * value:+.2f}" for value in points if value is not None]
            table.add_row(
                cell.classifier,
                f"{cell.labels:,}",
                cell.arm,
                str(cell.draws),
                f"{cell.accuracy:.2%}",
                escape(f"{shown[0]} [{shown[1]}, {shown[2]}]") if shown else "",
            )
    return table


def tabulate_comparison(comparison: "Comparison") -> Table:
    """Lay the scores out, one row per classifier, arm and split."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("model", "arm", "split"):
        table.add_column(heading, no_wrap=True)
    for heading in ("accuracy", "log-loss", "minus original", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for score in comparison.scores:
        table.add_row(*tabulate_score(score))
    table.caption = (
        "minus original: percentage points of accuracy on the same images, "
        f"{comparison.confidence_level:.0%} bootstrap interval; p: exact McNemar test"
    )
    table.caption_justify = "left"
    return table


def tabulate_score(score: "Score") -> Sequence[str]:
    """Return the cells of one score's row."""
    paired = score.versus_original
    return (
        score.classifier,
        score.arm,
        score.split,
        f"{score.accuracy:.2%}",
        f"{score.log_loss:.4f}",
        escape(tabulate_difference(paired)) if paired else "",
        f"{paired.mcnemar_p:.2g}" if paired else "",
    )


def tabulate_difference(paired: "PairedDifference") -> str:
    """``+1.79 [+1.21, +2.40]``, in percentage points."""
    difference, low, high = (100 * x for x in (paired.difference, paired.low, paired.high))
    return f"{difference:+.2f} [{low:+.2f}, {high:+.2f}]"


def tabulate_facts(facts: Mapping[str, str]) -> Table:
    """Lay named facts out, one a row."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, fact in facts.items():
        table.add_row(name, escape(fact))
    return table


def draw(png: bytes) -> None:
    """Draw a small picture in half-blocks, where stdout is a terminal wide enough for it."""
    from PIL import Image  # noqa: PLC0415 - --help must not wait
    from rich_pixels import Pixels  # noqa: PLC0415 - --help must not wait

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    if OUT.is_terminal and picture.width <= OUT.width:
        OUT.print(Pixels.from_image(picture))


def tabulate_runs(summaries: Sequence["RunSummary"]) -> Table:
    """Lay the runs out, one row each."""
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "labels", "seed"):
        table.add_column(heading, no_wrap=True)
    table.add_column("minus original, validation")
    for summary in summaries:
        config = summary.config
        found = summarize_comparison(summary.comparison) if summary.comparison else "unfinished"
        table.add_row(summary.name, str(config.labels), str(config.seed), found)
    return table


def summarize_comparison(comparison: "Comparison") -> str:
    """``cnn gan -0.30, lightgbm gan +1.67``, in percentage points."""
    return ", ".join(
        f"{score.classifier} {score.arm} {100 * score.versus_original.difference:+.2f}"
        for score in comparison.scores
        if score.split == "validation" and score.versus_original
    )
