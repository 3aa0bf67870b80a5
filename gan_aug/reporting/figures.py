"""Charts for people, as PNG bytes; :mod:`gan_aug.reporting.galleries` has the pictures of digits."""

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray
from PIL import Image

from gan_aug.evaluation.anomaly import Separation
from gan_aug.evaluation.calibration import Calibration
from gan_aug.evaluation.comparison import CLASSIFIER_TITLES, Comparison, Score
from gan_aug.evaluation.study import CellSummary, StudyResult
from gan_aug.images import CLASSES, Decision, PseudoLabels
from gan_aug.settings.run import ArmName, Detector

__all__ = [
    "render_comparison",
    "render_confusion",
    "render_decisions",
    "render_history",
    "render_learning_curves",
    "render_reliability",
    "render_separations",
    "to_png",
]

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#666666"
SPLIT_COLORS = {"validation": BLUE, "test": ORANGE}
# Okabe and Ito's palette, which colour-blind people can tell apart, and marks for print.
ARM_STYLES: dict[ArmName, tuple[str, str]] = {
    "original": ("#000000", "o"),
    "gan": ("#d55e00", "s"),
    "shift": ("#0072b2", "^"),
    "gan+shift": ("#cc79a7", "D"),
    "real_pool": ("#009e73", "v"),
    "synthetic_only": ("#e69f00", "P"),
    "repeat": ("#999999", "X"),
}
CURVE_STYLES: dict[str, tuple[str, str]] = {
    **{str(arm): style for arm, style in ARM_STYLES.items()},
    "as trained": ("#000000", "o"),
    "at its temperature": ("#d55e00", "s"),
}
DECISION_STYLES: dict[Decision, tuple[str, str]] = {
    Decision.ACCEPTED: ("accepted", "#0072b2"),
    Decision.SURPLUS: ("class already full", "#56b4e9"),
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


def render_history(history: Sequence[dict[str, float]]) -> bytes:
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


def render_learning_curves(result: StudyResult) -> bytes:
    """Draw each arm's mean test error against the label budget, a panel a classifier.

    Bands are one standard deviation over the draws to either side.
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    present = [c for c in CLASSIFIER_TITLES if any(s.classifier == c for s in result.summaries)]
    panels = figure.subplots(1, len(present), squeeze=False)[0]
    budgets = sorted({summary.labels for summary in result.summaries})
    for axes, classifier in zip(panels, present, strict=True):
        for arm, (color, marker) in ARM_STYLES.items():
            curve = [
                s
                for s in result.summaries
                if (s.classifier, s.arm, s.split) == (classifier, arm, "test")
            ]
            if curve:
                draw_curve(axes, arm, curve, color=color, marker=marker)
        axes.set(title=CLASSIFIER_TITLES[classifier], xlabel="labels", ylabel="test error, %")
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


def render_decisions(pseudo: PseudoLabels) -> bytes:
    """Draw how many images of each digit, as the teacher sees it, were accepted and were not."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    below = np.zeros(CLASSES)
    for decision, (label, color) in DECISION_STYLES.items():
        counts = np.bincount(pseudo.labels[pseudo.decisions == decision], minlength=CLASSES)
        if counts.any():
            axes.bar(range(CLASSES), counts, bottom=below, color=color, label=label)
        below += counts
    axes.set_xticks(range(CLASSES))
    axes.set(xlabel="digit, says the teacher", ylabel="images")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    return to_png(figure)


def render_confusion(
    matrices: Mapping[str, tuple[NDArray[np.int_], NDArray[np.int_]]], arm: str
) -> bytes:
    """Draw which digits are taken for which: before, after, and the difference.

    Args:
        matrices: Classifier → the ``(10, 10)`` counts of ``original`` and of an arm, a row a true
            digit.
        arm: The arm.
    """
    figure = Figure(figsize=(11, 3.9 * len(matrices)), layout="constrained")
    panels = figure.subplots(len(matrices), 3, squeeze=False)
    for row, (classifier, (before, after)) in zip(panels, matrices.items(), strict=True):
        most = max(1, drop_diagonal(before).max(), drop_diagonal(after).max())
        for axes, (title, matrix) in zip(
            row, {"original": before, arm: after}.items(), strict=False
        ):
            draw_matrix(axes, matrix, drop_diagonal(matrix), "Oranges", (0, most))
            axes.set_title(f"{classifier}, {title}")
        change = after - before
        reach = max(1, np.abs(change).max())
        draw_matrix(row[2], change, change, "PuOr", (-reach, reach), form="{:+d}")
        row[2].set_title(f"{classifier}, difference")
    return to_png(figure)


def drop_diagonal(matrix: NDArray[np.int_]) -> NDArray[np.int_]:
    errors: NDArray[np.int_] = matrix - np.diag(np.diag(matrix))
    return errors


def draw_matrix(
    axes: mpl.axes.Axes,
    matrix: NDArray[np.int_],
    shades: NDArray[np.int_],
    colors: str,
    limits: tuple[int, int],
    form: str = "{:d}",
) -> None:
    axes.imshow(shades, cmap=colors, vmin=limits[0], vmax=limits[1])
    reach = max(map(abs, limits))
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            dark = abs(shades[row, column]) > 0.6 * reach
            axes.text(
                column,
                row,
                form.format(count),
                ha="center",
                va="center",
                fontsize=6,
                color="white" if dark else "black",
            )
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(range(CLASSES))
    axes.set_yticks(range(CLASSES))


def render_reliability(panels: Mapping[str, Mapping[str, Calibration]]) -> bytes:
    """Draw accuracy against confidence: on the diagonal, confidence can be trusted.

    Args:
        panels: Title → label of a curve, one of :data:`CURVE_STYLES` → what it shows.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    for axes, (title, curves) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        for label, calibration in curves.items():
            color, marker = CURVE_STYLES[label]
            filled = np.array(calibration.count) > 0
            axes.plot(
                np.array(calibration.confidence)[filled],
                np.array(calibration.accuracy)[filled],
                color=color,
                marker=marker,
                markersize=4,
                label=f"{label}, error {calibration.error:.3f}",
            )
        axes.set(title=title, xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize="small")
    return to_png(figure)


def render_separations(panels: Mapping[str, Sequence[Separation]]) -> bytes:
    """Draw how well each detector finds each kind of foreign images: AUROC with its interval.

    Args:
        panels: Title → what was measured.
    """
    kinds = {title: list(dict.fromkeys(s.kind for s in found)) for title, found in panels.items()}
    widths = [len(names) for names in kinds.values()]
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    subplots = figure.subplots(1, len(panels), squeeze=False, sharey=True, width_ratios=widths)[0]
    for axes, (title, found) in zip(subplots, panels.items(), strict=True):
        axes.axhline(0.5, color=GREY, linewidth=1)
        for detector in DETECTOR_STYLES:
            draw_detector(axes, detector, [s for s in found if s.detector == detector])
        axes.set_xticks(range(len(kinds[title])), kinds[title])
        axes.set(title=title, ylabel="AUROC; 0.5 is guessing", ylim=(0, 1.02))
        axes.label_outer()
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = subplots[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return to_png(figure)


def draw_detector(
    axes: mpl.axes.Axes, detector: Detector, separations: Sequence[Separation]
) -> None:
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


def draw_curve(
    axes: mpl.axes.Axes, arm: str, curve: Sequence[CellSummary], *, color: str, marker: str
) -> None:
    curve = sorted(curve, key=lambda summary: summary.labels)
    labels = [summary.labels for summary in curve]
    errors = np.array([100 * (1 - summary.accuracy) for summary in curve])
    spread = np.array([100 * (summary.accuracy_sd or 0) for summary in curve])
    axes.plot(labels, errors, color=color, marker=marker, label=arm)
    axes.fill_between(
        labels, np.maximum(errors - spread, 0.01), errors + spread, color=color, alpha=0.15, lw=0
    )


def draw_difference(axes: mpl.axes.Axes, row: int, score: Score) -> None:
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
    classifier = CLASSIFIER_TITLES[score.classifier]
    return f"{classifier}, {score.arm}, {score.split}"


def to_png(figure: Figure, colors: int = COLORS) -> bytes:
    """Turn a figure into a PNG of few colours, which is a third of the size."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    picture = Image.open(buffer).convert("RGB").quantize(colors, dither=Image.Dither.NONE)
    small = io.BytesIO()
    picture.save(small, format="png", optimize=True)
    return small.getvalue()
