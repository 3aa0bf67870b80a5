"""Images for people, as PNG bytes: grey ones as dark ink on white, RGB ones as they are.

Images are ``(n, side, side)`` or ``(n, side, side, 3)`` uint8 throughout.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from gan_aug.images import Images, Indices, PseudoLabels
from gan_aug.reporting.figures import LONGEST_TICK, compress, name_ticks, to_png
from gan_aug.reporting.names import label, pick_largest, shorten

__all__ = [
    "MOST_CHANGES",
    "Change",
    "Neighbors",
    "render_changes",
    "render_ends",
    "render_extremes",
    "render_grid",
    "render_neighbors",
    "render_row",
    "render_sheet",
    "render_strip",
]

Pixels = NDArray[np.uint8]

WIDTH = 11
GAP = 2
SHADES = 16
STRIP_COLORS = 256
LARGEST_GRID = 1200
# A picture on the page is 1,320 pixels wide: more pixels of an image would not be seen.
LARGEST_TILE = 96
STRIP_GRIDS = 6
EXTREMES = 10
END_IMAGES = 40
MOST_CHANGES = 12
NEIGHBORS = 10
SHEET_COLUMNS = 10
LONGEST_NAME = 10
# Inches: half of the width, and a character of the names beside a row.
HALF, CHARACTER = 5.4, 0.085


def render_grid(images: Images, *, columns: int | None = None, scale: int | None = None) -> bytes:
    """Lay images out in rows.

    Args:
        images: One or more.
        columns: Images per row; as square as possible if None.
        scale: Side in which each of their pixels is drawn; if None, 2 where that stays within
            1,200 pixels, else 1.
    """
    canvas = lay_out(images, columns or math.ceil(math.sqrt(len(images))))
    if scale is None:
        scale = 2 if 2 * max(canvas.shape[:2]) <= LARGEST_GRID else 1
    picture = Image.fromarray(canvas)
    picture = picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.BOX)
    return compress(picture, count_colors(images))


def render_row(images: Images) -> bytes:
    """Lay images out in one row.

    Args:
        images: One or more.
    """
    return render_grid(shrink(images), columns=len(images))


def count_colors(images: Images) -> int | None:
    """Return how large a palette a picture of these images needs; None for all colours."""
    return None if images.ndim == 4 else SHADES


def lay_out(images: Images, columns: int, cells: Sequence[int] | None = None) -> Pixels:
    """Return one picture of all images, ``(height, width)`` or ``(height, width, 3)``.

    Args:
        images: What to lay out.
        columns: Cells in a row.
        cells: Which cell each image goes to, row by row; by default one after the other.
    """
    cells = range(len(images)) if cells is None else cells
    rows = math.ceil((max(cells, default=0) + 1) / columns)
    _, height, width, *channels = images.shape
    size = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP)
    canvas = np.full((*size, *channels), 255, dtype=np.uint8)
    for cell, image in zip(cells, images, strict=True):
        top = GAP + cell // columns * (height + GAP)
        left = GAP + cell % columns * (width + GAP)
        canvas[top : top + height, left : left + width] = image if channels else 255 - image
    return canvas


def shrink(images: Images) -> Images:
    """Return images of at most 96 pixels a side; smaller ones as they are."""
    if max(images.shape[1:3]) <= LARGEST_TILE or not len(images):
        return images
    size = (LARGEST_TILE, LARGEST_TILE)
    return np.stack(
        [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX)) for image in images]
    )


def show(axes: mpl.axes.Axes, pixels: Pixels) -> None:
    """Show a picture that :func:`lay_out` made, without ticks and frame."""
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def render_sheet(images: Images, numbers: Sequence[int]) -> bytes:
    """Lay images out to be labeled, ten in a row, the number of each above it.

    Args:
        images: One or more.
        numbers: Theirs, as the table of labels has them.
    """
    rows = math.ceil(len(images) / SHEET_COLUMNS)
    figure = Figure(figsize=(WIDTH, 1.35 * rows), layout="constrained")
    for row, axes in enumerate(figure.subplots(rows, 1, squeeze=False)[:, 0]):
        places = slice(row * SHEET_COLUMNS, (row + 1) * SHEET_COLUMNS)
        show(axes, lay_out(shrink(images[places]), SHEET_COLUMNS))
        side = min(images.shape[2], LARGEST_TILE) + GAP
        for column, number in enumerate(numbers[places]):
            axes.text(side * (column + 0.5), 0, f"{number:,}", ha="center", va="bottom")
    return to_png(figure, count_colors(images))


def render_strip(samples: Images, steps: Sequence[int]) -> bytes:
    """Lay samples out in the order of training: the same noise, ever later.

    At most six steps are shown, evenly spaced, and of each the 4×4 images in the corner of its
    grid.

    Args:
        samples: ``(intervals, 64, side, side)`` uint8, or with 3 channels.
        steps: ``(intervals,)`` steps taken by then.
    """
    places = np.linspace(0, len(steps) - 1, min(STRIP_GRIDS, len(steps))).round().astype(int)
    columns = math.isqrt(samples.shape[1])
    half = max(1, columns // 2)
    corner = [row * columns + column for row in range(half) for column in range(half)]
    figure = Figure(figsize=(WIDTH, 2.2), layout="constrained")
    for axes, place in zip(figure.subplots(1, len(places), squeeze=False)[0], places, strict=True):
        show(axes, lay_out(shrink(samples[place][corner]), half))
        axes.set_title(f"step {steps[place]:,}", fontsize="medium")
    # The Prefect UI shows this one, and grows slow with more than it can show.
    return to_png(figure, count_colors(samples[0]) or STRIP_COLORS)


def render_extremes(pseudo: PseudoLabels, classes: Sequence[str]) -> bytes:
    """Show the images of each class that the teacher is most and least sure of, a row a class.

    Of more than 20 classes the 20 with the most images are shown.

    Args:
        pseudo: The images that the teacher labeled.
        classes: Names of the classes.
    """
    shown = pick_largest(np.bincount(pseudo.labels, minlength=len(classes)))
    names = [classes[place] for place in shown]
    row_height = (HALF - CHARACTER * max(len(shorten(name, LONGEST_TICK)) for name in names)) / 10
    figure = Figure(figsize=(WIDTH, 0.5 + row_height * len(shown)), layout="constrained")
    for axes, (title, sign) in zip(
        figure.subplots(1, 2), {"most confident": -1, "least confident": 1}.items(), strict=True
    ):
        rows = [pick_extremes(pseudo, place, sign) for place in shown]
        cells = [EXTREMES * i + place for i, row in enumerate(rows) for place in range(len(row))]
        images = shrink(pseudo.images[np.concatenate(rows)])
        show(axes, lay_out(images, EXTREMES, cells))
        axes.set_title(title)
        side = images.shape[1] + GAP
        axes.set_ylim(GAP + side * len(shown), 0)
        middles = [GAP / 2 + side * (row + 0.5) for row in range(len(shown))]
        name_ticks(axes, "y", names, middles)
    return to_png(figure, count_colors(pseudo.images))


def pick_extremes(pseudo: PseudoLabels, place: int, sign: int) -> Indices:
    """Return the images of a class with the least ``sign`` times confidence, at most ten."""
    own = np.flatnonzero(pseudo.labels == place)
    order = np.argsort(sign * pseudo.confidence[own], kind="stable")
    return own[order[:EXTREMES]]


def render_ends(images: Images, first: str, last: str) -> bytes:
    """Show the first and the last of ranked images, each from the outermost on.

    Args:
        images: In the order of the ranking; at most 40 of either end are shown.
        first: Title of the first ones.
        last: Title of the last ones.
    """
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    ends = {first: images[:END_IMAGES], last: images[::-1][:END_IMAGES]}
    for axes, (title, shown) in zip(figure.subplots(1, 2), ends.items(), strict=True):
        show(axes, lay_out(shrink(shown), EXTREMES))
        axes.set_title(title)
    return to_png(figure, count_colors(images))


@dataclass(frozen=True)
class Change:
    """An image that two classifiers call differently.

    Attributes:
        image: ``(side, side)`` or ``(side, side, 3)`` uint8.
        before: What the first calls it.
        after: What the second calls it.
    """

    image: Images
    before: str
    after: str


def render_changes(rows: Mapping[str, Sequence[Change]]) -> bytes:
    """Show images whose prediction changed, a row a heading, ``9 → 4`` above each.

    Args:
        rows: Heading → the images; at most 12 of a row are shown.
    """
    shown = {heading: changes[:MOST_CHANGES] for heading, changes in rows.items()}
    drawn = [change for changes in shown.values() for change in changes]
    longest = max((len(c.before) + len(c.after) for c in drawn), default=0)
    lines = 1 if longest < LONGEST_NAME else 2
    blank = np.zeros_like(drawn[0].image) if drawn else np.zeros((1, 1), np.uint8)
    figure = Figure(figsize=(WIDTH, (1.35 + 0.15 * lines) * len(rows)), layout="constrained")
    for axes, (heading, changes) in zip(
        figure.subplots(len(rows), 1, squeeze=False)[:, 0], shown.items(), strict=True
    ):
        images = shrink(np.stack([blank, *(change.image for change in changes)]))[1:]
        show(axes, lay_out(images, MOST_CHANGES))
        axes.set_title(heading, fontsize="medium", loc="left", pad=6 + 12 * lines)
        side = images.shape[2] + GAP
        for place, change in enumerate(changes):
            before, after = (label(name, LONGEST_NAME) for name in (change.before, change.after))
            text = f"{before} → {after}" if lines == 1 else f"{before}\n→ {after}"
            axes.text(side * (place + 0.5), 0, text, ha="center", va="bottom", fontsize="small")
    return to_png(figure, count_colors(blank[None]))


@dataclass(frozen=True)
class Neighbors:
    """Synthetic images beside the real ones that they are nearest to.

    Attributes:
        synthetic: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8, one a class.
        nearest: The same of the real images.
        distances: ``(n,)`` float32 between the two.
        classes: ``(n,)`` names of the classes.
    """

    synthetic: Images
    nearest: Images
    distances: NDArray[np.float32]
    classes: Sequence[str]


def render_neighbors(neighbors: Neighbors) -> bytes:
    """Show synthetic images, the nearest real one below each, and how far apart they are.

    Ten pairs stand side by side, further ones below.

    Args:
        neighbors: At least one pair.
    """
    count = len(neighbors.distances)
    bands = math.ceil(count / NEIGHBORS)
    figure = Figure(figsize=(WIDTH, 2.7 * bands), layout="constrained")
    for band, axes in enumerate(figure.subplots(bands, 1, squeeze=False)[:, 0]):
        places = range(band * NEIGHBORS, min(count, (band + 1) * NEIGHBORS))
        pairs = shrink(
            np.concatenate([a[places] for a in (neighbors.synthetic, neighbors.nearest)])
        )
        cells = [row * NEIGHBORS + column for row in range(2) for column in range(len(places))]
        show(axes, lay_out(pairs, NEIGHBORS, cells))
        side = pairs.shape[2] + GAP
        for column, place in enumerate(places):
            name = label(neighbors.classes[place], LONGEST_NAME)
            text = f"{name}\n{neighbors.distances[place]:.1f}"
            axes.text(side * (column + 0.5), 0, text, ha="center", va="bottom", fontsize="small")
    return to_png(figure, count_colors(neighbors.synthetic))
