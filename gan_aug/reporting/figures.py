"""Charts for people, as SVG; :mod:`gan_aug.reporting.galleries` shows images.

Charts are narrow, so that they can be read on a phone; those that belong together stand beside
each other where there is room. What is black in a chart takes the colour of a page's text, and the
ground is the page's: so charts follow where people prefer a dark page.
"""

import functools
import io
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from PIL import Image

from gan_aug.arms import ARMS
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.anomaly import Separation
from gan_aug.evaluation.calibration import Calibration
from gan_aug.evaluation.comparison import Comparison
from gan_aug.evaluation.study import CellSummary, StudyResult
from gan_aug.evaluation.titles import ARM_TITLES
from gan_aug.evaluation.verdict import Difference
from gan_aug.images import Decision, PseudoLabels
from gan_aug.prediction import Split
from gan_aug.reporting.colors import INK, PAPER
from gan_aug.reporting.names import NAMED_CLASSES, label, pick_largest
from gan_aug.settings.anomalies import Detector
from gan_aug.store.curve import Curve

__all__ = [
    "ARM_STYLES",
    "BLUE",
    "CHART",
    "DETECTOR_STYLES",
    "ORANGE",
    "SPLIT_STYLES",
    "VIOLET",
    "Panel",
    "add_legend",
    "compress",
    "draw_chart",
    "name_chart",
    "name_ticks",
    "open_chart",
    "render_comparison",
    "render_decisions",
    "render_gains",
    "render_history",
    "render_learning_curves",
    "render_reliability",
    "render_separations",
    "render_trainings",
    "to_png",
    "to_svg",
]

Parameters = ParamSpec("Parameters")
Drawn = TypeVar("Drawn")

# Inches; charts of this width have letters of some 10 pixels on a phone.
CHART = 4.6
BLUE, ORANGE, VIOLET, GREY = "#0072b2", "#d55e00", "#7b61c9", "#808080"
SPLIT_STYLES: dict[Split, tuple[str, str, float]] = {
    "validation": (BLUE, "o", -0.14),
    "test": (ORANGE, "s", 0.14),
}
# Each has a contrast of 3 or more to white and to the dark paper, and colour-blind people can tell
# most of them apart, after Okabe and Ito. Markers are for print; as there are more of them than
# colours, arms beyond the palette still differ.
PALETTE = (
    "#000000",
    ORANGE,
    BLUE,
    "#cc79a7",
    "#009e73",
    VIOLET,
    "#c08400",
    GREY,
    "#3d96cc",
    "#c4426b",
    "#7f8a1f",
)
MARKERS = ("o", "s", "^", "D", "v", "h", "P", "X", "*", "<", ">", "p", "d")
ARM_STYLES: dict[str, tuple[str, str]] = {
    arm: (PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)])
    for place, arm in enumerate(ARMS)
}
CURVE_STYLES: dict[str, tuple[str, str]] = {
    **{ARM_TITLES[arm]: style for arm, style in ARM_STYLES.items()},
    "as trained": ("#000000", "o"),
    "at its temperature": (ORANGE, "s"),
}
DECISION_STYLES: dict[Decision, tuple[str, str]] = {
    Decision.ACCEPTED: ("accepted", "#0072b2"),
    Decision.SURPLUS: ("class already full", "#3d96cc"),
    Decision.DISAGREEMENT: ("not what was meant", "#cc79a7"),
    Decision.SMALL_MARGIN: ("small margin", "#c08400"),
    Decision.LOW_CONFIDENCE: ("low confidence", "#d55e00"),
}
# The last is how far beside the tick.
DETECTOR_STYLES: dict[Detector, tuple[str, str, float]] = {
    "logit": ("#000000", "o", -0.24),
    "feature-distance": ("#d55e00", "s", -0.08),
    "isolation-forest": ("#0072b2", "^", 0.08),
    "local-outlier-factor": ("#009e73", "v", 0.24),
}
COLORS = 128
LONGEST_TICK = 14
LONGEST_LINE = 20
LETTERS = 11  # of a title, an inch
# Characters below the charts of decisions and of separations.
DECISIONS_ROOM = 46
SEPARATIONS_ROOM = 50
SMALLEST_ERROR = 0.01
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
# The same chart is the same text. Letters are those of the page: no common font is wider than the
# one that charts are laid out for.
SVG_STYLE: dict[Any, Any] = {"svg.hashsalt": "gan-aug", "svg.fonttype": "none"}
SVG_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
SVG_CSS = (
    f".chart{{color:{INK['light']};background:{PAPER['light']};"
    "font-family:system-ui,'Segoe UI','Liberation Sans','DejaVu Sans',sans-serif}"
    ".chart *{stroke-linejoin:round;stroke-linecap:butt}"
    "@media screen and (prefers-color-scheme:dark)"
    f"{{.chart{{color:{INK['dark']};background:{PAPER['dark']}}}}}"
)


@dataclass(frozen=True)
class Panel:
    """A picture of a report; those of one name stand beside each other.

    Attributes:
        content: A chart, or a PNG of images.
        title: What it is among those of its name; empty where it is alone.
    """

    content: Figure | bytes
    title: str = ""


def draw_chart(render: Callable[Parameters, Drawn]) -> Callable[Parameters, Drawn]:
    """Have a function draw in the style of the reports."""

    @functools.wraps(render)
    def styled(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Drawn:
        with mpl.rc_context(STYLE):
            return render(*args, **kwargs)

    return styled


def open_chart(height: float, width: float = CHART) -> tuple[Figure, mpl.axes.Axes]:
    """Open a chart of a size in inches, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def name_chart(figure: Figure, title: str) -> None:
    """Write a title above a chart, on more lines where one is too short for it."""
    figure.suptitle(textwrap.fill(title, round(LETTERS * figure.get_figwidth())), fontsize=10)


def add_legend(figure: Figure, columns: int = 2) -> None:
    """Say below a chart what is what, where there is something to tell apart."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)


@draw_chart
def render_history(history: Sequence[Mapping[str, float]]) -> list[Panel]:
    """Draw losses and accuracies of both players against steps.

    Args:
        history: Rows as in :data:`gan_aug.gan.adversarial.HISTORY_COLUMNS`.
    """
    panels = []
    steps = [row["step"] for row in history]
    for quantity in ("loss", "accuracy"):
        figure, axes = open_chart(2.8)
        for player, color in (("discriminator", BLUE), ("generator", ORANGE)):
            values = [row[f"{player}_{quantity}"] for row in history]
            axes.plot(steps, values, color=color, label=player, marker=".")
        axes.set(xlabel="step")
        name_chart(figure, quantity)
        axes.set_ylim(bottom=0, top=1 if quantity == "accuracy" else None)
        add_legend(figure)
        panels.append(Panel(figure, quantity))
    return panels


@draw_chart
def render_trainings(trainings: Mapping[str, Mapping[str, Curve]]) -> list[Panel]:
    """Draw how the loss fell in training, a panel a classifier.

    Args:
        trainings: Title of a classifier → arm → its curve, whose rows have a ``loss``.
    """
    panels = []
    for classifier, curves in trainings.items():
        figure, axes = open_chart(3.6)
        for arm, curve in curves.items():
            losses = [curve[step]["loss"] for step in sorted(curve)]
            name = textwrap.fill(ARM_TITLES[arm], LONGEST_LINE)
            axes.plot(sorted(curve), losses, color=ARM_STYLES[arm][0], label=name)
        axes.set(xlabel="updates or rounds", ylabel="loss")
        axes.set_ylim(bottom=0)
        name_chart(figure, classifier)
        add_legend(figure)
        panels.append(Panel(figure, classifier))
    return panels


@draw_chart
def render_comparison(comparison: Comparison) -> list[Panel]:
    """Draw each arm's accuracy difference from ``original``, with its interval: a forest plot."""
    scores = [score for score in comparison.scores if score.versus_original]
    groups = {
        part.title: {
            ARM_TITLES[arm]: [s for s in scores if (s.classifier, s.arm) == (name, arm)]
            for arm in ARMS
            if any((s.classifier, s.arm) == (name, arm) for s in scores)
        }
        for name, part in CLASSIFIERS.items()
        if any(score.classifier == name for score in scores)
    }
    figure, axes, rows = open_forest(groups, room=0.42)
    for split, (color, marker, place) in SPLIT_STYLES.items():
        found = {
            row + place: score.versus_original
            for row, of_row in rows
            for score in of_row
            if score.split == split
        }
        draw_differences(axes, found, color=color, marker=marker, name=f"{split} images")
    axes.set_xlabel(f"points of accuracy ({comparison.confidence_level:.0%} interval)")
    add_legend(figure)
    return [Panel(figure)]


Cells = TypeVar("Cells")


def open_forest(
    groups: Mapping[str, Mapping[str, Cells]], room: float
) -> tuple[Figure, mpl.axes.Axes, list[tuple[int, Cells]]]:
    """Open a forest plot: a heading a group, a row for each of its members.

    Args:
        groups: Heading → name of a row → what is in it.
        room: Inches a row.

    Returns:
        The chart, its axes, and the place of each row with what is in it.
    """
    rows: list[tuple[int, Cells]] = []
    names: list[str] = []
    for heading, members in groups.items():
        names.append(heading)
        for name, member in members.items():
            rows.append((len(names), member))
            names.append(textwrap.fill(name, LONGEST_LINE))
    figure, axes = open_chart(0.9 + room * len(names))
    axes.axvline(0, color=GREY, linewidth=1)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for tick in axes.get_yticklabels():
        tick.set_fontweight("bold" if tick.get_text() in groups else "normal")
    return figure, axes, rows


def draw_differences(
    axes: mpl.axes.Axes,
    rows: Mapping[float, Difference | None],
    *,
    color: str,
    marker: str,
    name: str | None = None,
) -> None:
    """Draw differences with their intervals, in points, each at its place."""
    for row, found in rows.items():
        if found is not None:
            low, middle, high = (100 * v for v in (found.low, found.difference, found.high))
            spread = [[max(0, middle - low)], [max(0, high - middle)]]
            axes.errorbar(
                middle,
                row,
                xerr=spread,
                fmt=marker,
                markersize=5,
                color=color,
                capsize=2.5,
                label=name,
            )
            name = None


@draw_chart
def render_learning_curves(result: StudyResult) -> list[Panel]:
    """Draw each arm's mean test error against the label budget, a panel a classifier.

    Bands are one standard deviation over the draws to either side.
    """
    tested = [summary for summary in result.summaries if summary.split == "test"]
    budgets = sorted({summary.budget for summary in tested})
    panels = []
    for name, of_classifier in group_by_classifier(tested):
        figure, axes = open_chart(4.6)
        for arm, (color, marker) in ARM_STYLES.items():
            curve = [summary for summary in of_classifier if summary.arm == arm]
            if curve:
                draw_curve(axes, arm, curve, color=color, marker=marker)
        name_chart(figure, name)
        axes.set(xlabel="labels", ylabel="test error, %", xscale="log", yscale="log")
        axes.set_xticks(budgets, [f"{budget:,}" for budget in budgets], minor=False)
        axes.set_xticks([], minor=True)
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
        add_legend(figure)
        panels.append(Panel(figure, name))
    return panels


def group_by_classifier(
    summaries: Sequence[CellSummary],
) -> Iterator[tuple[str, list[CellSummary]]]:
    """Yield the title of each classifier that there is something of, and that."""
    for name, classifier in CLASSIFIERS.items():
        of_classifier = [summary for summary in summaries if summary.classifier == name]
        if of_classifier:
            yield classifier.title, of_classifier


def draw_curve(
    axes: mpl.axes.Axes, arm: str, curve: Sequence[CellSummary], *, color: str, marker: str
) -> None:
    """Draw the errors of one arm and their band; logarithms want them above zero."""
    curve = sorted(curve, key=lambda summary: summary.budget)
    budgets = [summary.budget for summary in curve]
    errors = np.array([100 * (1 - summary.accuracy) for summary in curve])
    spread = np.array([100 * (summary.accuracy_sd or 0) for summary in curve])
    low, middle = (np.maximum(values, SMALLEST_ERROR) for values in (errors - spread, errors))
    name = textwrap.fill(ARM_TITLES[arm], LONGEST_LINE)
    axes.plot(budgets, middle, color=color, marker=marker, markersize=5, label=name)
    axes.fill_between(budgets, low, middle + spread, color=color, alpha=0.15, lw=0)


@draw_chart
def render_gains(result: StudyResult) -> list[Panel]:
    """Draw what each arm adds to test accuracy on average, with its interval: forest plots.

    A panel a classifier, in it a group of rows a label budget.
    """
    tested = [s for s in result.summaries if s.split == "test" and s.versus_original]
    panels = []
    for name, of_classifier in group_by_classifier(tested):
        groups = {
            f"{budget:,} labels": {
                ARM_TITLES[arm]: cell
                for arm in ARMS
                for cell in of_classifier
                if (cell.arm, cell.budget) == (arm, budget)
            }
            for budget in sorted({cell.budget for cell in of_classifier})
        }
        figure, axes, rows = open_forest(groups, room=0.36)
        for row, cell in rows:
            color, marker = ARM_STYLES[cell.arm]
            draw_differences(axes, {row: cell.versus_original}, color=color, marker=marker)
        name_chart(figure, name)
        axes.set(xlabel="points of test accuracy")
        panels.append(Panel(figure, name))
    return panels


@draw_chart
def render_decisions(pseudo: PseudoLabels, classes: Sequence[str]) -> list[Panel]:
    """Draw how many images of each class, as the teacher sees it, were accepted and were not.

    More than 20 classes stand in the order of their size, without their names: what is to be seen
    then is how evenly they fill.

    Args:
        pseudo: The images that the teacher labeled.
        classes: Names of the classes.
    """
    counts = {
        decision: np.bincount(pseudo.labels[pseudo.decisions == decision], minlength=len(classes))
        for decision in DECISION_STYLES
    }
    many = len(classes) > NAMED_CLASSES
    totals = np.sum(list(counts.values()), axis=0)
    order = np.lexsort((-counts[Decision.ACCEPTED], -totals)) if many else np.arange(len(classes))
    figure, axes = open_chart(3.2)
    edges = np.arange(len(classes) + 1) - 0.5
    below = np.zeros(len(classes))
    for decision, (name, color) in DECISION_STYLES.items():
        drawn = counts[decision][order]
        if many and drawn.any():
            axes.stairs(below + drawn, edges, baseline=below, color=color, fill=True, label=name)
        elif drawn.any():
            axes.bar(range(len(classes)), drawn, 0.85, below, color=color, label=name)
        below = below + drawn
    if many:
        axes.set_xlabel(f"{len(classes):,} classes, the most frequent first")
    else:
        axes.set_xlabel("class, says the teacher")
        name_ticks(axes, "x", classes, room=DECISIONS_ROOM)
    axes.set(ylabel="images", xlim=(edges[0], edges[-1]))
    add_legend(figure)
    return [Panel(figure)]


def name_ticks(
    axes: mpl.axes.Axes,
    which: Literal["x", "y"],
    names: Sequence[str],
    places: Sequence[float] | None = None,
    *,
    room: int = 0,
) -> None:
    """Name the ticks of an axis.

    Args:
        axes: Where.
        which: Which of its axes.
        names: Of the ticks, which are shortened.
        places: Of the ticks; by default 0, 1, ...
        room: Characters that fit below an ``x`` axis; names that need more are slanted.
    """
    places = range(len(names)) if places is None else places
    shown = [label(name, LONGEST_TICK) for name in names]
    if which == "y":
        axes.set_yticks(places, shown)
    elif len(shown) * (max(map(len, shown)) + 1) <= room:
        axes.set_xticks(places, shown)
    else:
        axes.set_xticks(places, shown, rotation=45, ha="right", rotation_mode="anchor")


@draw_chart
def render_reliability(panels: Mapping[str, Mapping[str, Calibration]]) -> list[Panel]:
    """Draw accuracy against confidence: on the diagonal, confidence can be trusted.

    Args:
        panels: Title → label of a curve, one of :data:`CURVE_STYLES` → what it shows.
    """
    drawn = []
    for title, curves in panels.items():
        figure, axes = open_chart(3.1 + 0.18 * len(curves), width=3.2)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        for name, calibration in curves.items():
            color, marker = CURVE_STYLES[name]
            filled = np.array(calibration.count) > 0
            axes.plot(
                np.array(calibration.confidence)[filled],
                np.array(calibration.accuracy)[filled],
                color=color,
                marker=marker,
                markersize=4,
                label=f"{name} ({calibration.error:.3f})",
            )
        name_chart(figure, title)
        axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
        add_legend(figure, columns=1)
        drawn.append(Panel(figure, title))
    return drawn


@draw_chart
def render_separations(panels: Mapping[str, Sequence[Separation]]) -> list[Panel]:
    """Draw how well each detector finds each kind of foreign images: AUROC with its interval.

    Of more than 20 kinds the 20 that are hardest to find are shown.

    Args:
        panels: Title → what was measured.
    """
    drawn = []
    for title, found in panels.items():
        kinds = pick_hardest(found)
        figure, axes = open_chart(4.2)
        axes.axhline(0.5, color=GREY, linewidth=1)
        for detector in DETECTOR_STYLES:
            by_kind = {s.kind: s for s in found if s.detector == detector}
            draw_detector(axes, detector, [by_kind[kind] for kind in kinds])
        name_ticks(axes, "x", kinds, room=SEPARATIONS_ROOM)
        name_chart(figure, title)
        axes.set(ylabel="AUROC; 0.5 is guessing", ylim=(0, 1.02))
        add_legend(figure)
        drawn.append(Panel(figure, title))
    return drawn


def pick_hardest(separations: Sequence[Separation]) -> list[str]:
    """Return the 20 kinds that the best detector finds worst, in their order."""
    best: dict[str, float] = {}
    for separation in separations:
        best[separation.kind] = max(best.get(separation.kind, 0), separation.auroc)
    kinds = list(best)
    return [kinds[place] for place in pick_largest(-np.array(list(best.values())))]


def draw_detector(
    axes: mpl.axes.Axes, detector: Detector, separations: Sequence[Separation]
) -> None:
    """Draw the AUROC of one detector for every kind, beside those of the others."""
    color, marker, place = DETECTOR_STYLES[detector]
    axes.errorbar(
        [kind + place for kind in range(len(separations))],
        [s.auroc for s in separations],
        yerr=[
            [max(0, s.auroc - s.low) for s in separations],
            [max(0, s.high - s.auroc) for s in separations],
        ],
        fmt=marker,
        color=color,
        capsize=2,
        label=detector,
    )


def to_svg(figure: Figure) -> str:
    """Turn a chart into an SVG by itself, the same text each time.

    What is black takes the colour of text, on a ground for light and for dark pages.
    """
    buffer = io.StringIO()
    with mpl.rc_context(SVG_STYLE):
        figure.savefig(buffer, format="svg", transparent=True, metadata=SVG_METADATA)
    opened, _, text = buffer.getvalue().partition("<svg")[2].partition(">")
    text = re.sub(r"(?s)<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text)
    referred = set(re.findall(r"#([\w-]+)", text))
    text = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in referred else "", text)
    text = re.sub(r' ?font-family: [^;"]*;?| transform="rotate\(-0 [^"]*"', "", text)
    text = re.sub(r' (?:d|x|y|width|height|transform)="[^"]*"', round_numbers, drop_groups(text))
    text = re.sub(r"\s*\n\s*", "\n", text.replace("#000000", "currentColor"))
    return (
        f'<svg{opened} class="chart" fill="currentColor"><style>{SVG_CSS}</style>{text.strip()}\n'
    )


def drop_groups(text: str) -> str:
    """Take out groups that say nothing of what is in them."""
    telling: list[bool] = []

    def keep(tag: re.Match[str]) -> str:
        if tag[0].endswith("/>"):
            return ""
        if not tag[0].startswith("</"):
            telling.append(tag[0] != "<g>")
            return tag[0] if telling[-1] else ""
        return tag[0] if telling.pop() else ""

    return re.sub(r"</?g\b[^>]*>", keep, text)


def round_numbers(attribute: re.Match[str]) -> str:
    """Return an attribute with two decimals: a hundredth of a point can't be seen."""
    rounded = re.sub(
        r"-?\d+\.\d+", lambda n: f"{float(n[0]):.2f}".rstrip("0").rstrip("."), attribute[0]
    )
    return " " + " ".join(rounded.split())


def to_png(figure: Figure, colors: int | None = COLORS) -> bytes:
    """Turn a figure into a PNG on white.

    Args:
        figure: What to save.
        colors: How many it may keep, which makes it a third of the size; all of them if None.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return compress(Image.open(buffer).convert("RGB"), colors)


def compress(picture: Image.Image, colors: int | None) -> bytes:
    """Return a picture as a PNG of so many colours; of all it has if None."""
    buffer = io.BytesIO()
    if colors is None:
        # Seconds of optimization would save a few percent of a photograph.
        picture.save(buffer, format="png")
    else:
        reduced = picture.quantize(colors, dither=Image.Dither.NONE)
        reduced.save(buffer, format="png", optimize=True)
    return buffer.getvalue()
