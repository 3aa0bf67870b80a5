"""Which classes are taken for which, as PNG bytes: matrices of a few classes, pairs of many."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gan_aug.reporting.figures import ARM_STYLES, WIDTH, name_ticks, to_png
from gan_aug.reporting.names import NAMED_CLASSES, label

__all__ = ["Confusions", "render_confusion"]

Counts = NDArray[np.int_]

MOST_COUNTED = 12
MOST_PAIRS = 15
LONGEST_NAME = 14
BAR = 0.4
# Characters below a matrix.
ROOM = 32
LARGEST_COUNT, SMALLEST_COUNT = 10, 6


class Confusions(NamedTuple):
    """What one classifier takes images for.

    Attributes:
        before: ``(classes, classes)`` counts of ``original``, a row a true class.
        after: The same of an arm.
    """

    before: Counts
    after: Counts


def render_confusion(matrices: Mapping[str, Confusions], arm: str, classes: Sequence[str]) -> bytes:
    """Draw which classes are taken for which: ``original``, an arm, and the difference.

    Up to 20 classes are matrices, with counts in their cells up to 12. Of more classes, the pairs
    that are confused most are drawn.

    Args:
        matrices: Title of a classifier → its confusions.
        arm: The arm.
        classes: Names of the classes.
    """
    if len(classes) > NAMED_CLASSES:
        return render_pairs(matrices, arm, classes)
    return render_matrices(matrices, arm, classes)


def render_matrices(matrices: Mapping[str, Confusions], arm: str, classes: Sequence[str]) -> bytes:
    """Draw three matrices a classifier; the colours of the first two are of errors alone."""
    counted = len(classes) <= MOST_COUNTED
    height = min(4.4, 2.4 + 0.25 * len(classes)) if counted else 5.0
    figure = Figure(figsize=(WIDTH, height * len(matrices)), layout="constrained")
    panels = figure.subplots(len(matrices), 3, squeeze=False, sharey="row")
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
        row[0].set_ylabel("true")
        name_ticks(row[0], "y", classes)
        for axes in row:
            axes.set_xlabel("predicted")
            name_ticks(axes, "x", classes, room=ROOM)
            if not counted:
                axes.tick_params(labelsize=7)
    return to_png(figure)


def drop_diagonal(matrix: Counts) -> Counts:
    """Return the errors alone."""
    errors: Counts = matrix - np.diag(np.diag(matrix))
    return errors


def draw_matrix(
    axes: mpl.axes.Axes,
    matrix: Counts,
    shades: Counts,
    colors: str,
    limits: tuple[int, int],
    form: str = "{:d}",
) -> None:
    """Draw one matrix; where cells are too small for counts, a bar says what the colours mean."""
    drawn = axes.imshow(shades, cmap=colors, vmin=limits[0], vmax=limits[1])
    if len(matrix) > MOST_COUNTED:
        axes.figure.colorbar(drawn, ax=axes, location="bottom", aspect=30)
        return
    reach = max(map(abs, limits))
    size = min(LARGEST_COUNT, max(SMALLEST_COUNT, 60 // len(matrix)))
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            dark = abs(shades[row, column]) > 0.6 * reach
            axes.text(
                column,
                row,
                form.format(count),
                ha="center",
                va="center",
                fontsize=size,
                color="white" if dark else "black",
            )


def render_pairs(matrices: Mapping[str, Confusions], arm: str, classes: Sequence[str]) -> bytes:
    """Draw the pairs of classes that are confused most, a panel a classifier."""
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    panels = figure.subplots(1, len(matrices), squeeze=False)[0]
    for axes, (classifier, confusions) in zip(panels, matrices.items(), strict=True):
        pairs = pick_pairs(confusions)
        names = [
            f"{label(classes[true], LONGEST_NAME)} → {label(classes[predicted], LONGEST_NAME)}"
            for true, predicted in pairs
        ]
        places = np.arange(len(pairs))
        for offset, title, matrix in (
            (-BAR / 2, "original", confusions.before),
            (BAR / 2, arm, confusions.after),
        ):
            counts = [matrix[pair] for pair in pairs]
            axes.barh(places + offset, counts, BAR, color=ARM_STYLES[title][0], label=title)
        axes.set_yticks(places, names, fontsize="small")
        axes.set(title=classifier, xlabel="images of the first class, taken for the second")
        axes.invert_yaxis()
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    handles, titles = panels[0].get_legend_handles_labels()
    figure.legend(handles, titles, loc="outside lower center", ncols=len(titles), frameon=False)
    return to_png(figure)


def pick_pairs(confusions: Confusions) -> list[tuple[int, int]]:
    """Return the 15 pairs, true and predicted, that both classifiers together confuse most."""
    errors = drop_diagonal(confusions.before + confusions.after)
    most = np.argsort(-errors, axis=None, kind="stable")[:MOST_PAIRS]
    return [
        (int(true), int(predicted))
        for true, predicted in zip(*np.unravel_index(most, errors.shape), strict=True)
        if errors[true, predicted]
    ]
