"""What a person sees in the terminal: results on stdout, log lines and errors on stderr."""

import io
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich import filesize
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.table import Table

from gan_aug.flows.progress import ERR, Terminal, log_progress

if TYPE_CHECKING:
    # Only named here: importing them would make `gan-aug --help` wait for SciPy.
    from gan_aug.data.dataset import Provenance
    from gan_aug.evaluation.anomaly import AnomalyResult, Separation
    from gan_aug.evaluation.comparison import Comparison, Score
    from gan_aug.evaluation.runs import RunsComparison
    from gan_aug.evaluation.study import CellSummary, Failure, StudyResult
    from gan_aug.evaluation.verdict import Difference
    from gan_aug.reporting.folders import ReportFolder, RunSummary
    from gan_aug.store.cleaning import Holding

__all__ = [
    "OUT",
    "add_sizes",
    "draw",
    "log_to_terminal",
    "print_data",
    "print_error",
    "print_failures",
    "print_outcome",
    "tabulate_comparison",
    "tabulate_contrasts",
    "tabulate_facts",
    "tabulate_holdings",
    "tabulate_runs",
    "tabulate_separations",
    "tabulate_settings",
    "tabulate_sides",
    "tabulate_study",
]

OUT = Terminal(soft_wrap=True, highlight=False)
WIDEST = 1000
SHARES = ("accuracy", "balanced", "F1")


def log_to_terminal(level: int = logging.INFO) -> None:
    """Send the log lines of this project, and warnings of all others, to stderr.

    Args:
        level: Of the lines that are shown; above INFO there are no progress bars either.
    """
    ERR.shows_bars = level <= logging.INFO
    handler = RichHandler(level, console=ERR, show_path=False, log_time_format="%H:%M:%S")
    logger = log_progress()
    logger.setLevel(min(level, logging.INFO))
    logger.handlers = [*(h for h in logger.handlers if not isinstance(h, RichHandler)), handler]


def print_error(message: object) -> None:
    """Print one line about what went wrong."""
    ERR.print(f"gan-aug: {' '.join(str(message).split())}", style="red", markup=False)


def print_failures(failures: Iterable["Failure"]) -> None:
    """Print one line for each cell of a study that failed."""
    for failure in failures:
        classifier = title(failure.classifier) if failure.classifier else "all classifiers"
        cell = f"seed {failure.seed}, {classifier}, {failure.arm or 'all arms'}"
        print_error(f"failed: {failure.budget} labels, {cell}: {failure.message}")


def print_data(provenance: "Provenance") -> None:
    """Print how many images of each class there are, their shape, and how they were read."""
    counts = provenance.class_counts
    table = start_table(("class", *counts), numbers=tuple(counts))
    for place, name in enumerate(provenance.classes):
        table.add_row(escape(name), *(f"{own[place]:,}" for own in counts.values()))
    table.add_row("all", *(f"{sum(own):,}" for own in counts.values()))
    print_whole(table, OUT)
    height, width, channels = provenance.shape
    shape = f"{height}x{width} {'RGB' if channels == 3 else 'grey'}"
    unlabeled = provenance.images.get("unlabeled", 0)
    OUT.print(f"\n{provenance.name}: {shape}, {unlabeled:,} unlabeled images", markup=False)
    for note in provenance.notes:
        OUT.print(f"- {note}", markup=False)


def print_outcome(
    outcome: "Comparison | StudyResult | AnomalyResult",
    tables: Sequence[Table],
    folder: Path,
    *,
    as_json: bool,
) -> None:
    """Print what a flow found: tables, the verdict, and on the last line the folder.

    Args:
        outcome: What it found.
        tables: The numbers that people look at first.
        folder: Where everything is.
        as_json: Print the outcome on stdout as JSON, and the rest on stderr.
    """
    if as_json:
        OUT.print_json(outcome.model_dump_json())
    console = ERR if as_json else OUT
    for table in tables:
        print_whole(table, console)
        console.print()
    console.print(f"{outcome.verdict}\n", style="bold", markup=False)
    console.print(str(folder), markup=False)


def print_whole(table: Table, console: Console) -> None:
    """Print a table at its own width: a narrow terminal wraps its lines, and cuts no number."""
    wide = console.options.update_width(WIDEST)
    table.width = console.measure(table, options=wide).maximum
    console.print(table)


def tabulate_comparison(comparison: "Comparison") -> Table:
    """Lay the scores out, one row for each classifier, arm and split."""
    table = start_table(
        ("model", "arm", "split", *SHARES, "loss", "minus original", "p"),
        numbers=(*SHARES, "loss", "minus original", "p"),
    )
    for score in comparison.scores:
        table.add_row(*tabulate_score(score))
    table.caption = (
        "balanced: mean recall of the classes; F1: their mean F1; loss: log-loss; "
        "p: exact McNemar test\n"
        "minus original: percentage points of accuracy on the same images, "
        f"{comparison.confidence_level:.0%} bootstrap interval"
    )
    table.caption_justify = "left"
    return table


def tabulate_score(score: "Score") -> Sequence[str]:
    """Return the cells of one score's row."""
    paired = score.versus_original
    return (
        title(score.classifier),
        score.arm,
        score.split,
        *tabulate_shares(score),
        f"{score.log_loss:.3f}",
        tabulate_difference(paired),
        f"{paired.mcnemar_p:.2g}" if paired else "",
    )


def tabulate_shares(measured: "Score | CellSummary") -> Sequence[str]:
    """Return the cells of the columns :data:`SHARES`."""
    shares = (measured.accuracy, measured.balanced_accuracy, measured.macro_f1)
    return [f"{share:.2%}" for share in shares]


def tabulate_difference(difference: "Difference | None") -> str:
    """``+1.79 [+1.21, +2.40]`` in percentage points, or nothing where there is no difference."""
    if difference is None:
        return ""
    values = (difference.difference, difference.low, difference.high)
    middle, low, high = (f"{100 * value:+.2f}" for value in values)
    return escape(f"{middle} [{low}, {high}]")


def tabulate_contrasts(measured: Sequence["Score | CellSummary"]) -> list[Table]:
    """Lay out the differences from other arms than ``original``: a table, or none without any."""
    table = start_table(
        ("model", "labels", "arm", "minus", "split", "points"), numbers=("labels", "points")
    )
    for cell in measured:
        for baseline, difference in cell.versus_others.items():
            labels, points = f"{cell.budget:,}", tabulate_difference(difference)
            table.add_row(title(cell.classifier), labels, cell.arm, baseline, cell.split, points)
    return [table] if table.rows else []


def tabulate_study(result: "StudyResult") -> Table:
    """Lay the means on test images out, one row for each classifier, budget and arm."""
    table = start_table(
        ("model", "labels", "arm", "draws", *SHARES, "minus original"),
        numbers=("labels", "draws", *SHARES, "minus original"),
    )
    for cell in result.summaries:
        if cell.split == "test":
            table.add_row(
                title(cell.classifier),
                f"{cell.budget:,}",
                cell.arm,
                str(cell.draws),
                *tabulate_shares(cell),
                tabulate_difference(cell.versus_original),
            )
    return table


def tabulate_separations(separations: Sequence["Separation"]) -> Table:
    """Lay AUROCs out, one row for each kind of foreign images, one column for each detector."""
    detectors = list(dict.fromkeys(separation.detector for separation in separations))
    table = start_table(("AUROC", *detectors), numbers=detectors)
    rows: dict[str, list[str]] = {}
    for separation in separations:
        rows.setdefault(separation.kind, []).append(f"{separation.auroc:.3f}")
    for kind, cells in rows.items():
        table.add_row(escape(kind), *cells)
    return table


def tabulate_facts(facts: Mapping[str, str]) -> Table:
    """Lay named facts out, one in each row."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, fact in facts.items():
        table.add_row(name, escape(fact))
    return table


def tabulate_runs(summaries: Sequence["RunSummary"]) -> Table:
    """Lay the runs out, one in each row."""
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "labels", "seed"):
        table.add_column(heading, no_wrap=True)
    table.add_column("minus original, validation")
    for summary in summaries:
        config = summary.config
        found = summarize_comparison(summary.comparison) if summary.comparison else "unfinished"
        table.add_row(summary.name, str(config.labels), str(config.seed), found)
    return table


def tabulate_settings(comparison: "RunsComparison") -> Table:
    """Lay out the settings that differ between runs, one in each row."""
    table = start_table(("setting that differs", *number_runs(comparison)), numbers=())
    for name, values in comparison.settings.items():
        flag = f"--{name.replace('_', '-')}"
        table.add_row(flag, *(escape(json.dumps(value)) for value in values))
    return table


def tabulate_sides(comparison: "RunsComparison") -> Table:
    """Lay out the accuracies of runs side by side, and the differences from the first."""
    first, *others = number_runs(comparison)
    numbers = (first, *others, *(f"{other} minus {first}" for other in others))
    table = start_table(("model", "arm", "split", *numbers), numbers=numbers)
    for score in comparison.scores:
        accuracies = ["" if share is None else f"{share:.2%}" for share in score.accuracies]
        differences = [tabulate_difference(difference) for difference in score.differences]
        table.add_row(title(score.classifier), score.arm, score.split, *accuracies, *differences)
    table.caption = (
        "percentage points of accuracy on the same images, "
        f"{comparison.confidence_level:.0%} bootstrap interval"
    )
    table.caption_justify = "left"
    return table


def number_runs(comparison: "RunsComparison") -> list[str]:
    """Return ``1``, ``2``, …: what the runs are called in tables."""
    return [str(number) for number, _ in enumerate(comparison.runs, start=1)]


def tabulate_holdings(
    results: Sequence["ReportFolder"],
    made_of: Sequence[set[str] | None],
    holdings: Sequence["Holding"],
) -> Table:
    """Lay out what a store holds, a row for each of the results and one for what is in none.

    Args:
        results: Runs, studies, DCGANs and rankings.
        made_of: Identities of what each is made of; None where it does not say.
        holdings: What the store holds.
    """
    numbers = ("outputs", "size", "its own")
    table = start_table(("results", "last used", *numbers), numbers=numbers)
    users = Counter(identity for own in made_of for identity in own or ())
    for result, own in zip(results, made_of, strict=True):
        name = escape(f"{result.home}/{result.name}")
        if own is None:
            table.add_row(name, "it does not say; run it again")
            continue
        found = [holding for holding in holdings if holding.identity in own]
        alone = [holding for holding in found if users[holding.identity] == 1]
        table.add_row(name, *tabulate_sizes(found), add_sizes(alone))
    rest = [holding for holding in holdings if not users[holding.identity]]
    table.add_row("in none of them", *tabulate_sizes(rest), add_sizes(rest))
    table.add_row("all", *tabulate_sizes(holdings))
    return table


def tabulate_sizes(holdings: Sequence["Holding"]) -> Sequence[str]:
    """Return when outputs were used last, how many there are, and how large they are."""
    last = max((holding.used for holding in holdings), default=None)
    used = f"{datetime.fromtimestamp(last):%Y-%m-%d %H:%M}" if last else ""
    return used, f"{len(holdings):,}", add_sizes(holdings)


def add_sizes(holdings: Sequence["Holding"]) -> str:
    """Return the size of outputs together, for people."""
    return filesize.decimal(sum(holding.size for holding in holdings))


def summarize_comparison(comparison: "Comparison") -> str:
    """``CNN gan -0.30, LightGBM gan +1.67``, in percentage points."""
    return ", ".join(
        f"{title(score.classifier)} {score.arm} {100 * score.versus_original.difference:+.2f}"
        for score in comparison.scores
        if score.split == "validation" and score.versus_original
    )


def start_table(headings: Sequence[str], *, numbers: Sequence[str]) -> Table:
    """Return a table without rows, whose columns of numbers are aligned on the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", no_wrap=True)
    return table


def title(classifier: str) -> str:
    """Return what people call a classifier."""
    from gan_aug.classifiers import CLASSIFIERS  # noqa: PLC0415 - --help must not wait

    return CLASSIFIERS[classifier].title


def draw(png: bytes) -> None:
    """Draw a small picture in half-blocks, if stdout is a terminal that is wide enough."""
    from PIL import Image  # noqa: PLC0415 - --help must not wait
    from rich_pixels import Pixels  # noqa: PLC0415 - --help must not wait

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    if OUT.is_terminal and picture.width <= OUT.width:
        OUT.print(Pixels.from_image(picture))
