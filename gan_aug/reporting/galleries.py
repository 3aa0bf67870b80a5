"""Pictures of digits for people, dark ink on white, as PNG bytes."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from gan_aug.images import CLASSES, SIDE, Images, PseudoLabels, UInt8
from gan_aug.reporting.figures import to_png

__all__ = [
    "Change",
    "render_changes",
    "render_ends",
    "render_extremes",
    "render_grid",
    "render_neighbors",
    "render_strip",
]

GAP = 2
SCALE = 2
SHADES = 16
COLORS = 256
STRIP_GRIDS = 6
EXTREMES = 10
END_IMAGES = 40
COLUMNS = 12


def render_grid(images: Images, *, columns: int | None = None, scale: int = SCALE) -> bytes:
    """Lay images out in rows.

    Args:
        images: ``(n, height, width)`` uint8, drawn dark on white, or ``(n, height, width, 3)``.
        columns: Images per row; as square as possible if None.
        scale: Side in which each of their pixels is drawn.
    """
    canvas = lay_out(images, columns or math.ceil(math.sqrt(len(images))))
    picture = Image.fromarray(canvas)
    picture = picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.BOX)
    buffer = io.BytesIO()
    picture.quantize(count_colors(canvas)).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def count_colors(pixels: UInt8) -> int:
    """Return how large a palette a picture needs, ``(height, width)`` or ``(height, width, 3)``."""
    return COLORS if pixels.ndim == 3 and np.ptp(pixels, axis=-1).any() else SHADES


def lay_out(images: Images, columns: int) -> UInt8:
    """Return one ``(height, width)`` or ``(height, width, 3)`` picture of all, row by row."""
    rows = math.ceil(len(images) / columns)
    _, height, width, *channels = images.shape
    size = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP)
    canvas = np.full((*size, *channels), 255, dtype=np.uint8)
    for i, image in enumerate(images):
        top, left = GAP + i // columns * (height + GAP), GAP + i % columns * (width + GAP)
        canvas[top : top + height, left : left + width] = image if channels else 255 - image
    return canvas


def render_strip(grids: Mapping[int, bytes]) -> bytes:
    """Lay sample grids out in the order of training: the same noise, ever later.

    Args:
        grids: Step → a PNG from :func:`render_grid`. At most six are shown, evenly spaced, and of
            each of 8×8 images the corner of 4×4.
    """
    steps = sorted(grids)
    places = np.linspace(0, len(steps) - 1, min(STRIP_GRIDS, len(steps))).round().astype(int)
    figure = Figure(figsize=(11, 2.2), layout="constrained")
    colors = SHADES
    for axes, place in zip(figure.subplots(1, len(places), squeeze=False)[0], places, strict=True):
        grid = Image.open(io.BytesIO(grids[steps[place]])).convert("RGB")
        half = (grid.width + SCALE * GAP) // 2
        corner = np.asarray(grid.crop((0, 0, half, half)))
        colors = max(colors, count_colors(corner))
        axes.imshow(corner)
        axes.set_title(f"step {steps[place]:,}", fontsize="medium")
        axes.set_axis_off()
    return to_png(figure, colors=colors)


def render_extremes(pseudo: PseudoLabels) -> bytes:
    """Show the images of each digit that the teacher is most and least sure of, a row a digit."""
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    for axes, (title, sign) in zip(
        figure.subplots(1, 2), {"most confident": -1, "least confident": 1}.items(), strict=True
    ):
        rows = np.zeros((CLASSES, EXTREMES, SIDE, SIDE), dtype=np.uint8)
        for digit in range(CLASSES):
            own = np.flatnonzero(pseudo.labels == digit)
            order = np.argsort(sign * pseudo.confidence[own], kind="stable")[:EXTREMES]
            rows[digit, : len(order)] = pseudo.images[own[order]]
        axes.imshow(lay_out(rows.reshape(-1, SIDE, SIDE), EXTREMES), cmap="gray", vmin=0, vmax=255)
        axes.set_yticks(GAP + SIDE / 2 + (SIDE + GAP) * np.arange(CLASSES), range(CLASSES))
        axes.set_xticks([])
        axes.set_title(title)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return to_png(figure, colors=SHADES)


def render_ends(images: Images, first: str, last: str) -> bytes:
    """Show the first and the last of ranked images, each from the outermost on.

    Args:
        images: ``(n, 28, 28)`` uint8 in the order of the ranking; at most 40 of either end are
            shown.
        first: Title of the first ones.
        last: Title of the last ones.
    """
    figure = Figure(figsize=(11, 2.6), layout="constrained")
    ends = {first: images[:END_IMAGES], last: images[::-1][:END_IMAGES]}
    for axes, (title, shown) in zip(figure.subplots(1, 2), ends.items(), strict=True):
        axes.imshow(lay_out(shown, EXTREMES), cmap="gray", vmin=0, vmax=255)
        axes.set_title(title)
        axes.set_axis_off()
    return to_png(figure, colors=SHADES)


@dataclass(frozen=True)
class Change:
    """An image that two classifiers call differently.

    Attributes:
        image: ``(28, 28)`` uint8.
        before: What the first calls it.
        after: What the second calls it.
    """

    image: Images
    before: int
    after: int


def render_changes(rows: Mapping[str, Sequence[Change]]) -> bytes:
    """Show images whose prediction changed, a row a heading, ``9 → 4`` above each."""
    figure = Figure(figsize=(11, 1.5 * len(rows)), layout="constrained")
    for panel, (heading, changes) in zip(
        figure.subfigures(len(rows), 1, squeeze=False)[:, 0], rows.items(), strict=True
    ):
        panel.suptitle(heading, fontsize="medium", x=0.01, ha="left")
        shown = panel.subplots(1, COLUMNS)
        for axes in shown:
            axes.set_axis_off()
        for axes, change in zip(shown, changes, strict=False):
            axes.imshow(255 - change.image, cmap="gray", vmin=0, vmax=255)
            axes.set_title(f"{change.before} → {change.after}", fontsize="small")
    return to_png(figure, colors=SHADES)


def render_neighbors(synthetic: Images, nearest: Images, distances: NDArray[np.float32]) -> bytes:
    """Show synthetic images, the nearest real one below each, and how far apart they are.

    Args:
        synthetic: ``(n, 28, 28)`` uint8; at most 10 are shown.
        nearest: ``(n, 28, 28)`` uint8.
        distances: ``(n,)`` float32.
    """
    figure = Figure(figsize=(11, 2.6), layout="constrained")
    panels = figure.subplots(2, CLASSES)
    for axes in panels.flat:
        axes.set_axis_off()
    for column, (image, real, distance) in enumerate(
        zip(synthetic[:CLASSES], nearest[:CLASSES], distances[:CLASSES], strict=True)
    ):
        for axes, picture in zip(panels[:, column], (image, real), strict=True):
            axes.imshow(255 - picture, cmap="gray", vmin=0, vmax=255)
        panels[0, column].set_title(f"{distance:.1f}", fontsize="small")
    return to_png(figure, colors=SHADES)
