"""Charts for people, as PNG bytes; :mod:`gan_aug.reporting.galleries` shows images."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from PIL import Image

from gan_aug.arms import ARMS
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.anomaly import Separation
from gan_aug.evaluation.calibration import Calibration
from gan_aug.evaluation.comparison import Comparison, Score
from gan_aug.evaluation.study import CellSummary, StudyResult
from gan_aug.images import Decision, PseudoLabels
from gan_aug.reporting.names import NAMED_CLASSES, label, pick_largest
from gan_aug.settings.anomalies import Detector

__all__ = [
    "ARM_STYLES",
    "DETECTOR_STYLES",
    "compress",
    "name_ticks",
    "render_comparison",
    "render_decisions",
    "render_gains",
    "render_history",
    "render_learning_curves",
    "render_reliability",
    "render_separations",
    "to_png",
]

WIDTH = 11
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#666666"
SPLIT_COLORS = {"validation": BLUE, "test": ORANGE}
# Colour-blind people can tell these apart, after Okabe and Ito, and Tol. Markers are for print; as
# there are more of them than colours, arms beyond the palette still differ.
PALETTE = (
    "#000000",
    "#d55e00",
    "#0072b2",
    "#cc79a7",
    "#009e73",
    "#332288",
    "#e69f00",
    "#999999",
    "#56b4e9",
    "#882255",
    "#999933",
)
MARKERS = ("o", "s", "^", "D", "v", "h", "P", "X", "*", "<", ">", "p", "d")
ARM_STYLES: dict[str, tuple[str, str]] = {
    arm: (PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)])
    for place, arm in enumerate(ARMS)
}
CURVE_STYLES: dict[str, tuple[str, str]] = {
    **ARM_STYLES,
    "as trained": ("#000000", "o"),
    "at its temperature": ("#d55e00", "s"),
}
DECISION_STYLES: dict[Decision, tuple[str, str]] = {
    Decision.ACCEPTED: ("accepted", "#0072b2"),
    Decision.SURPLUS: ("class already full", "#56b4e9"),
    Decision.DISAGREEMENT: ("not what was meant", "#cc79a7"),
    Decision.SMALL_MARGIN: ("small margin", "#e69f00"),
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
PANELS_PER_ROW = 3
LONGEST_TICK = 14
# Characters below the charts of decisions and of separations.
DECISIONS_ROOM = 70
SEPARATIONS_ROOM = 120
SMALLEST_ERROR = 0.01


def render_history(history: Sequence[Mapping[str, float]]) -> bytes:
    """Draw losses and accuracies of both players against steps.

    Args:
        history: Rows as in :data:`gan_aug.gan.adversarial.HISTORY_COLUMNS`.
    """
    figure = Figure(figsize=(8, 3), layout="constrained")
    steps = [row["step"] for row in history]
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for player, color in (("discriminator", BLUE), ("generator", ORANGE)):
            values = [row[f"{player}_{quantity}"] for row in history]
            axes.plot(steps, values, color=color, label=player, marker=".")
        axes.set(xlabel="step", ylabel=quantity)
        axes.set_ylim(bottom=0, top=1 if quantity == "accuracy" else None)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return to_png(figure)


def render_comparison(comparison: Comparison) -> bytes:
    """Draw each arm's accuracy difference from ``original``, with its interval."""
    scores = [score for score in comparison.scores if score.versus_original]
    figure = Figure(figsize=(8, 1.2 + 0.45 * len(scores)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color=GREY, linewidth=1)
    for row, score in enumerate(reversed(scores)):
        draw_difference(axes, row, score)
    axes.set_yticks(range(len(scores)), [label_score(score) for score in reversed(scores)])
    axes.set_ylim(-0.6, len(scores) - 0.4)
    axes.set_xlabel(
        f"accuracy minus original, percentage points ({comparison.confidence_level:.0%} interval)"
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return to_png(figure)


def draw_difference(axes: mpl.axes.Axes, row: int, score: Score) -> None:
    """Draw one difference; nothing for ``original``."""
    paired = score.versus_original
    if paired is None:
        return
    difference, low, high = (100 * v for v in (paired.difference, paired.low, paired.high))
    axes.errorbar(
        difference,
        row,
        xerr=[[max(0, difference - low)], [max(0, high - difference)]],
        fmt="o",
        color=SPLIT_COLORS[score.split],
        capsize=3,
    )


def label_score(score: Score) -> str:
    """``CNN, gan, test``."""
    return f"{CLASSIFIERS[score.classifier].title}, {score.arm}, {score.split}"


def render_learning_curves(result: StudyResult) -> bytes:
    """Draw each arm's mean test error against the label budget, a panel a classifier.

    Bands are one standard deviation over the draws to either side.
    """
    tested = [summary for summary in result.summaries if summary.split == "test"]
    present = [name for name in CLASSIFIERS if any(s.classifier == name for s in tested)]
    figure, panels = open_panels(len(present), height=4.2)
    budgets = sorted({summary.budget for summary in tested})
    for axes, classifier in zip(panels, present, strict=True):
        for arm, (color, marker) in ARM_STYLES.items():
            curve = [s for s in tested if (s.classifier, s.arm) == (classifier, arm)]
            if curve:
                draw_curve(axes, arm, curve, color=color, marker=marker)
        axes.set(title=CLASSIFIERS[classifier].title, xlabel="labels", ylabel="test error, %")
        axes.set_xscale("log")
        axes.set_xticks(budgets, [f"{budget:,}" for budget in budgets], minor=False)
        axes.set_xticks([], minor=True)
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].legend(frameon=False, fontsize="small")
    return to_png(figure)


def draw_curve(
    axes: mpl.axes.Axes, arm: str, curve: Sequence[CellSummary], *, color: str, marker: str
) -> None:
    """Draw the errors of one arm and their band; logarithms want them above zero."""
    curve = sorted(curve, key=lambda summary: summary.budget)
    budgets = [summary.budget for summary in curve]
    errors = np.array([100 * (1 - summary.accuracy) for summary in curve])
    spread = np.array([100 * (summary.accuracy_sd or 0) for summary in curve])
    low, middle = (np.maximum(values, SMALLEST_ERROR) for values in (errors - spread, errors))
    axes.plot(budgets, middle, color=color, marker=marker, label=arm)
    axes.fill_between(budgets, low, middle + spread, color=color, alpha=0.15, lw=0)


def render_gains(result: StudyResult) -> bytes:
    """Draw what each arm adds to test accuracy on average, with its interval: a forest plot.

    A panel a classifier, a group of rows a label budget.
    """
    tested = [s for s in result.summaries if s.split == "test" and s.versus_original]
    present = [name for name in CLASSIFIERS if any(s.classifier == name for s in tested)]
    arms = [arm for arm in ARMS if any(s.arm == arm for s in tested)]
    groups = {
        f"{budget:,} labels": [s for s in tested if s.budget == budget]
        for budget in sorted({s.budget for s in tested})
    }
    rows = [row for title in groups for row in (title, *arms)]
    figure = Figure(figsize=(WIDTH, 1 + 0.24 * len(rows)), layout="constrained")
    panels = figure.subplots(1, len(present), sharey=True, squeeze=False)[0]
    for axes, classifier in zip(panels, present, strict=True):
        axes.axvline(0, color=GREY, linewidth=1)
        for place, cells in enumerate(groups.values()):
            first = place * (1 + len(arms)) + 1
            of_classifier = [s for s in cells if s.classifier == classifier]
            draw_gains(axes, {first + arms.index(s.arm): s for s in of_classifier})
        axes.set(title=CLASSIFIERS[classifier].title, xlabel="points of test accuracy")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(rows)), rows)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    for tick in panels[0].get_yticklabels():
        tick.set_fontweight("bold" if tick.get_text() in groups else "normal")
    return to_png(figure)


def draw_gains(axes: mpl.axes.Axes, rows: Mapping[int, CellSummary]) -> None:
    """Draw the mean differences of arms from ``original``, each in its row."""
    for row, summary in rows.items():
        color, marker = ARM_STYLES[summary.arm]
        found = summary.versus_original
        if found is not None:
            low, middle, high = (100 * v for v in (found.low, found.difference, found.high))
            spread = [[max(0, middle - low)], [max(0, high - middle)]]
            axes.errorbar(middle, row, xerr=spread, fmt=marker, color=color, capsize=3)


def render_decisions(pseudo: PseudoLabels, classes: Sequence[str]) -> bytes:
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
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    edges = np.arange(len(classes) + 1) - 0.5
    below = np.zeros(len(classes))
    for decision, (name, color) in DECISION_STYLES.items():
        if counts[decision].any():
            above = below + counts[decision][order]
            axes.stairs(above, edges, baseline=below, color=color, fill=True, label=name)
            below = above
    if many:
        axes.set_xlabel(f"{len(classes):,} classes, the most frequent first, says the teacher")
    else:
        axes.set_xlabel("class, says the teacher")
        name_ticks(axes, "x", classes, room=DECISIONS_ROOM)
        axes.vlines(edges[1:-1], 0, 1, color="white", transform=axes.get_xaxis_transform())
    axes.set(ylabel="images", xlim=(edges[0], edges[-1]))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    return to_png(figure)


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


def render_reliability(panels: Mapping[str, Mapping[str, Calibration]]) -> bytes:
    """Draw accuracy against confidence: on the diagonal, confidence can be trusted.

    Args:
        panels: Title → label of a curve, one of :data:`CURVE_STYLES` → what it shows.
    """
    figure, opened = open_panels(len(panels), height=4)
    for axes, (title, curves) in zip(opened, panels.items(), strict=True):
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
                label=f"{name}, error {calibration.error:.3f}",
            )
        axes.set(title=title, xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize="small")
    return to_png(figure)


def open_panels(count: int, *, height: float) -> tuple[Figure, list[mpl.axes.Axes]]:
    """Open a figure with so many panels, three in a row, each of a height in inches."""
    columns = min(count, PANELS_PER_ROW)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(WIDTH, height * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in panels[count:]:
        unused.set_axis_off()
    return figure, panels[:count]


def render_separations(panels: Mapping[str, Sequence[Separation]]) -> bytes:
    """Draw how well each detector finds each kind of foreign images: AUROC with its interval.

    Of more than 20 kinds the 20 that are hardest to find are shown.

    Args:
        panels: Title → what was measured.
    """
    kinds = {title: pick_hardest(found) for title, found in panels.items()}
    widths = [len(names) for names in kinds.values()]
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    subplots = figure.subplots(1, len(panels), squeeze=False, sharey=True, width_ratios=widths)[0]
    for axes, (title, found) in zip(subplots, panels.items(), strict=True):
        axes.axhline(0.5, color=GREY, linewidth=1)
        for detector in DETECTOR_STYLES:
            by_kind = {s.kind: s for s in found if s.detector == detector}
            draw_detector(axes, detector, [by_kind[kind] for kind in kinds[title]])
        room = SEPARATIONS_ROOM * len(kinds[title]) // sum(widths)
        name_ticks(axes, "x", kinds[title], room=room)
        axes.set(title=title, ylabel="AUROC; 0.5 is guessing", ylim=(0, 1.02))
        axes.label_outer()
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = subplots[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return to_png(figure)


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


def to_png(figure: Figure, colors: int | None = COLORS) -> bytes:
    """Turn a figure into a PNG.

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
