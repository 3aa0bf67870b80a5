"""Pictures for people, as PNG bytes."""

import io
import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from gan_aug.comparison import CLASSIFIER_NAMES, Comparison, Score
from gan_aug.config import ArmName
from gan_aug.images import SIDE, Images
from gan_aug.study import CellSummary, StudyResult

__all__ = ["render_comparison", "render_grid", "render_history", "render_learning_curves"]

GAP = 2
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


def render_grid(images: Images, *, columns: int | None = None, scale: int = 2) -> bytes:
    """Lay images out in rows, dark ink on white.

    Args:
        images: ``(n, 28, 28)`` uint8.
        columns: Images per row; as square as possible if None.
        scale: Screen pixels per pixel.
    """
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    cell = SIDE + GAP
    canvas = np.zeros((rows * cell + GAP, columns * cell + GAP), dtype=np.uint8)
    for i, image in enumerate(images):
        top, left = GAP + i // columns * cell, GAP + i % columns * cell
        canvas[top : top + SIDE, left : left + SIDE] = image
    picture = Image.fromarray(255 - canvas)
    picture = picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.BOX)
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def render_history(history: Sequence[dict[str, float]]) -> bytes:
    """Draw losses and accuracies of both players against steps.

    Args:
        history: Rows as in :data:`gan_aug.adversarial.HISTORY_COLUMNS`.
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
    panels = figure.subplots(1, len(CLASSIFIER_NAMES))
    budgets = sorted({summary.labels for summary in result.summaries})
    for axes, (classifier, title) in zip(panels, CLASSIFIER_NAMES.items(), strict=True):
        for arm, (color, marker) in ARM_STYLES.items():
            curve = sorted(
                (
                    s
                    for s in result.summaries
                    if (s.classifier, s.arm, s.split) == (classifier, arm, "test")
                ),
                key=lambda summary: summary.labels,
            )
            if curve:
                draw_curve(axes, arm, curve, color=color, marker=marker)
        axes.set(title=title.removeprefix("the "), xlabel="labels", ylabel="test error, %")
        axes.set_xscale("log")
        axes.set_xticks(budgets, [f"{budget:,}" for budget in budgets], minor=False)
        axes.set_xticks([], minor=True)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].legend(frameon=False, fontsize="small")
    return to_png(figure)


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
    classifier = CLASSIFIER_NAMES[score.classifier].removeprefix("the ")
    return f"{classifier}, {score.arm}, {score.split}"


def to_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()
