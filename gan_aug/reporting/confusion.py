"""Which classes are taken for which: matrices of a few classes, pairs of many."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from gan_aug.evaluation.titles import ARM_TITLES
from gan_aug.reporting.figures import (
    ARM_STYLES,
    ORANGE,
    VIOLET,
    Panel,
    add_legend,
    draw_chart,
    name_chart,
    name_ticks,
    open_chart,
)
from gan_aug.reporting.names import NAMED_CLASSES, label

__all__ = ["Confusions", "render_confusion"]

Counts = NDArray[np.int_]

MOST_COUNTED = 12
MOST_PAIRS = 15
LONGEST_NAME = 14
BAR = 0.4
MATRIX, LETTER = 3.2, 0.07  # inches, of a matrix and of a letter beside it
# Characters below a matrix.
ROOM = 26
LARGEST_COUNT, SMALLEST_COUNT = 11, 8
# Of a full cell's colour: the rest is the page, so that its count can be read on any page.
DENSEST = 0.55


class Confusions(NamedTuple):
    """What one classifier takes images for.

    Attributes:
        before: ``(classes, classes)`` counts of ``original``, a row a true class.
        after: The same of an arm.
    """

    before: Counts
    after: Counts


@draw_chart
def render_confusion(
    matrices: Mapping[str, Confusions], arm: str, classes: Sequence[str]
) -> list[Panel]:
    """Draw which classes are taken for which: ``original``, an arm, and the difference.

    Up to 20 classes are matrices, with counts in their cells up to 12. Of more classes, the pairs
    that are confused most are drawn.

    Args:
        matrices: Title of a classifier → its confusions.
        arm: The arm.
        classes: Names of the classes.
    """
    if len(classes) > NAMED_CLASSES:
        return [
            render_pairs(title, confusions, arm, classes) for title, confusions in matrices.items()
        ]
    return [
        panel
        for title, confusions in matrices.items()
        for panel in render_matrices(title, confusions, arm, classes)
    ]


def render_matrices(
    classifier: str, confusions: Confusions, arm: str, classes: Sequence[str]
) -> list[Panel]:
    """Draw the three matrices of a classifier; the colours of the first two are of errors alone."""
    before, after = confusions
    most = max(1, drop_diagonal(before).max(), drop_diagonal(after).max())
    change = after - before
    reach = max(1, np.abs(change).max())
    # Cells stay as large beside long names as beside short ones.
    side = MATRIX + LETTER * max(len(label(name, LONGEST_NAME)) - 1 for name in classes)
    drawn = []
    for title, matrix, shades, limit, form in (
        ("original", before, drop_diagonal(before), most, "{:d}"),
        (ARM_TITLES[arm], after, drop_diagonal(after), most, "{:d}"),
        ("difference", change, change, reach, "{:+d}"),
    ):
        figure, axes = open_chart(side, width=side)
        draw_matrix(axes, matrix, shades, limit, form)
        name_chart(figure, f"{classifier}, {title}")
        axes.set(ylabel="true")
        full = "" if len(classes) <= MOST_COUNTED else f" (full colour: {limit:,} images)"
        axes.set_xlabel(f"predicted{full}")
        name_ticks(axes, "y", classes)
        name_ticks(axes, "x", classes, room=ROOM)
        if len(classes) > MOST_COUNTED:
            axes.tick_params(labelsize=7)
        drawn.append(Panel(figure, f"{classifier}, {title}"))
    return drawn


def drop_diagonal(matrix: Counts) -> Counts:
    """Return the errors alone."""
    errors: Counts = matrix - np.diag(np.diag(matrix))
    return errors


def draw_matrix(
    axes: mpl.axes.Axes, matrix: Counts, shades: Counts, reach: int, form: str = "{:d}"
) -> None:
    """Draw one matrix, with counts where cells are large enough for them.

    Args:
        axes: Where.
        matrix: ``(classes, classes)`` counts.
        shades: The same shape: what is coloured, orange above zero and violet below.
        reach: What has the full colour.
        form: Of a count.
    """
    counted = len(matrix) <= MOST_COUNTED
    size = min(LARGEST_COUNT, max(SMALLEST_COUNT, 72 // len(matrix)))
    for (row, column), shade in np.ndenumerate(shades):
        if shade:
            color = to_rgba(ORANGE if shade > 0 else VIOLET, DENSEST * min(1, abs(shade) / reach))
            corner = (column - 0.5, row - 0.5)
            axes.add_patch(
                mpl.patches.Rectangle(corner, 1, 1, facecolor=color, linewidth=0, clip_on=False)
            )
        if counted and matrix[row, column]:
            count = form.format(matrix[row, column])
            axes.text(column, row, count, ha="center", va="center", fontsize=size)
    axes.set(xlim=(-0.5, len(matrix) - 0.5), ylim=(len(matrix) - 0.5, -0.5), aspect="equal")
    axes.spines[:].set_visible(True)
    axes.tick_params(length=0)


def render_pairs(
    classifier: str, confusions: Confusions, arm: str, classes: Sequence[str]
) -> Panel:
    """Draw the pairs of classes that a classifier confuses most."""
    pairs = pick_pairs(confusions)
    figure, axes = open_chart(4.8)
    names = [
        f"{label(classes[true], LONGEST_NAME)} → {label(classes[predicted], LONGEST_NAME)}"
        for true, predicted in pairs
    ]
    places = np.arange(len(pairs))
    for offset, name, matrix in (
        (-BAR / 2, "original", confusions.before),
        (BAR / 2, arm, confusions.after),
    ):
        counts = [matrix[pair] for pair in pairs]
        color = ARM_STYLES[name][0]
        axes.barh(places + offset, counts, BAR, color=color, label=ARM_TITLES[name])
    axes.set_yticks(places, names)
    name_chart(figure, classifier)
    axes.set(xlabel="images of the first class, taken for the second")
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(axis="y", length=0)
    add_legend(figure)
    return Panel(figure, classifier)


def pick_pairs(confusions: Confusions) -> list[tuple[int, int]]:
    """Return the 15 pairs, true and predicted, that both classifiers together confuse most."""
    errors = drop_diagonal(confusions.before + confusions.after)
    most = np.argsort(-errors, axis=None, kind="stable")[:MOST_PAIRS]
    return [
        (int(true), int(predicted))
        for true, predicted in zip(*np.unravel_index(most, errors.shape), strict=True)
        if errors[true, predicted]
    ]
