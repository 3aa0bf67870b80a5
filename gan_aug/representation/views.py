"""Views of images: random changes that leave what an image shows as it is.

Elastic distortions are those of Simard, Steinkraus and Platt, "Best practices for
convolutional neural networks applied to visual document analysis" (2003), from a coarse grid of
random shifts; changes of color as in SimCLR (Chen et al., 2020).
"""

import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tensorflow as tf
from sklearn.neighbors import NearestNeighbors

from gan_aug.images import Float32, Images, to_unit
from gan_aug.settings.encoder import ViewsName

__all__ = ["VIEWS", "Changes", "Views", "change_images", "choose_views", "compare_mirrored"]

logger = logging.getLogger(__name__)

GRID = 5
SAMPLE = 5000
SAMPLE_PIXELS = 2**26  # a quarter of a gigabyte
MOST_FOREIGN = 1.25
GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Changes:
    """How far images are changed: every amount is uniform up to a bound, either way.

    Attributes:
        rotation: In radians.
        scale: Logarithm of the factor, of width and height apart.
        shear: Slant, in pixels a pixel.
        shift: Share of the side.
        bend: Standard deviation of the shifts of a coarse grid, as a share of the side; those
            between are interpolated.
        thickness: Share of the way to the brightest or the darkest of the 3×3 pixels around.
        hidden: Side of a square that is blacked out, as a share of the side.
        flip: Whether half of the images are mirrored.
        crop: Most that is cut off, as a share of the side; what is left fills the image.
        color: Brightness, contrast and saturation: share by which each grows or falls.
        grey: Chance that all color is taken away.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    bend: float = 0.0
    thickness: float = 0.0
    hidden: float = 0.0
    flip: bool = False
    crop: float = 0.0
    color: float = 0.0
    grey: float = 0.0


@dataclass(frozen=True)
class Views:
    """The views of a kind of images.

    Attributes:
        contrast: For the encoder, which is to find an image again among many others.
        strong: For the teacher to learn from; no more than leaves its class beyond doubt.
        weak: For the teacher to be asked about.
    """

    contrast: Changes
    strong: Changes
    weak: Changes


VIEWS: Mapping[ViewsName, Views] = {
    "marks": Views(
        contrast=Changes(
            rotation=0.4,
            scale=0.2,
            shear=0.25,
            shift=0.11,
            bend=0.054,
            thickness=0.7,
            hidden=0.21,
        ),
        strong=Changes(rotation=0.17, scale=0.1, shear=0.1, shift=0.054, bend=0.014, thickness=0.3),
        weak=Changes(rotation=0.1, scale=0.05, shear=0.05, shift=0.054),
    ),
    "photos": Views(
        contrast=Changes(crop=0.6, scale=0.14, flip=True, hidden=0.25, color=0.4, grey=0.2),
        strong=Changes(shift=0.054, scale=0.05, flip=True),
        weak=Changes(shift=0.054, flip=True),
    ),
}
"""Name → views."""


def choose_views(name: ViewsName | Literal["auto"], images: Images) -> Views:
    """Return the views of a name.

    Args:
        name: ``auto`` is ``photos`` where mirrored images look like the others, else ``marks``.
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8, of the kind to be changed.
    """
    if name == "auto":
        mirrored = compare_mirrored(images)
        name = "photos" if mirrored < MOST_FOREIGN else "marks"
        logger.info(
            "views: %s, since mirrored images are %.2f times as far from the nearest image as "
            "images are",
            name,
            mirrored,
        )
    return VIEWS[name]


def compare_mirrored(images: Images) -> float:
    """Return how far mirrored images are from the nearest image, beside how far images are.

    About 1 where left and right can be exchanged, as in photographs of things, and more where they
    can't, as in writing. Medians over a sample.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8, at least 2.
    """
    most = min(SAMPLE, SAMPLE_PIXELS // images[0].size)
    chosen = np.random.default_rng(0).permutation(len(images))[:most]
    sample = to_unit(images[chosen])
    rows, mirrored = (part.reshape(len(sample), -1) for part in (sample, sample[:, :, ::-1]))
    nearest = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(rows)
    others, _ = nearest.kneighbors()
    ones, _ = nearest.kneighbors(mirrored)
    return float(np.median(ones) / max(np.median(others), np.finfo(np.float32).tiny))


def change_images(images: tf.Tensor, changes: Changes, seed: tf.Tensor) -> tf.Tensor:
    """Return a view of each image.

    Args:
        images: ``(n, side, side, channels)`` float32 in [0, 1].
        changes: What may change.
        seed: ``(2,)`` int32; determines the views.

    Returns:
        The same shape and range. What comes into view goes on from the edge.
    """
    warp_seed, bend_seed, thickness_seed, color_seed, hidden_seed = tf.unstack(
        tf.random.split(seed, 5)
    )
    places = draw_places(images, changes, warp_seed)
    if changes.bend:
        places += draw_bends(images, changes.bend, bend_seed)
    views = sample_pixels(images, places)
    if changes.thickness:
        views = change_thickness(views, changes.thickness, thickness_seed)
    if changes.color or changes.grey:
        views = change_color(views, changes, color_seed)
    if changes.hidden:
        views = hide_square(views, changes.hidden, hidden_seed)
    return views


def draw_places(images: tf.Tensor, changes: Changes, seed: tf.Tensor) -> tf.Tensor:
    """Draw where the pixels of affine views come from: ``(n, 2, pixels)`` row and column."""
    side = images.shape[1]
    spread = draw_spread(images, 8, seed)
    angle, height, width, shear, down, right, crop, flip = tf.unstack(spread, axis=1)
    shown = 1.0 - changes.crop * (crop + 1) / 2
    rows = shown * tf.exp(changes.scale * height)
    columns = shown * tf.exp(changes.scale * width) * mirror(flip, changes)
    cosine, sine = tf.cos(changes.rotation * angle), tf.sin(changes.rotation * angle)
    slant = changes.shear * shear
    matrices = tf.stack(
        [
            tf.stack([rows * (cosine + slant * sine), rows * sine], axis=1),
            tf.stack([columns * (slant * cosine - sine), columns * cosine], axis=1),
        ],
        axis=1,
    )
    # A crop may lie wherever it is inside the image.
    reach = side * (changes.shift + (1 - shown) / 2)
    shifts = tf.stack([reach * down, reach * right], axis=1)
    center = (side - 1) / 2
    return center + shifts[..., None] + matrices @ tf.constant(list_offsets(side))


def mirror(spread: tf.Tensor, changes: Changes) -> tf.Tensor:
    """Return 1 or -1 for each image: -1 for those to be mirrored."""
    return tf.sign(spread) if changes.flip else tf.ones_like(spread)


def draw_spread(images: tf.Tensor, columns: int, seed: tf.Tensor) -> tf.Tensor:
    """Draw ``(n, columns)`` amounts, uniform in [-1, 1)."""
    return tf.random.stateless_uniform((tf.shape(images)[0], columns), seed, -1.0, 1.0)


@functools.cache
def list_offsets(side: int) -> Float32:
    """Return the ``(2, side * side)`` places of the pixels, from the centre of the image."""
    rows = np.arange(side, dtype=np.float32) - (side - 1) / 2
    return np.stack(np.meshgrid(rows, rows, indexing="ij")).reshape(2, -1)


def draw_bends(images: tf.Tensor, amount: float, seed: tf.Tensor) -> tf.Tensor:
    """Draw smooth fields of shifts, ``(n, 2, pixels)``."""
    count, side = tf.shape(images)[0], images.shape[1]
    coarse = tf.random.stateless_normal((2 * count, GRID * GRID), seed, stddev=amount * side)
    fine = coarse @ tf.constant(interpolate_grid(side))
    return tf.reshape(fine, (count, 2, side * side))


@functools.cache
def interpolate_grid(side: int) -> Float32:
    """Return the ``(grid points, pixels)`` matrix that makes a smooth field of a coarse grid."""
    with tf.init_scope():
        points = tf.reshape(tf.eye(GRID * GRID), (GRID * GRID, GRID, GRID, 1))
        fields: Float32 = tf.image.resize(points, (side, side), method="bicubic").numpy()
    return fields.reshape(GRID * GRID, side * side)


def sample_pixels(images: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Read images at ``(n, 2, pixels)`` places between their pixels, by linear interpolation."""
    count, side, channels = tf.shape(images)[0], images.shape[1], images.shape[3]
    inside = tf.clip_by_value(places, 0.0, side - 1.0)
    # One row or column before the last, so that there is always a next one.
    first = tf.minimum(tf.floor(inside), side - 2.0)
    weights = inside - first
    down, right = weights[:, 0, :, None], weights[:, 1, :, None]
    origins = side * side * tf.range(count)[:, None]
    corner = origins + tf.cast(first[:, 0] * side + first[:, 1], tf.int32)
    pixels = tf.reshape(images, (-1, channels))
    above, below = (
        tf.gather(pixels, corner + row) * (1 - right) + tf.gather(pixels, corner + row + 1) * right
        for row in (0, side)
    )
    return tf.reshape(above * (1 - down) + below * down, tf.shape(images))


def change_thickness(images: tf.Tensor, amount: float, seed: tf.Tensor) -> tf.Tensor:
    """Let bright strokes grow or shrink, by a part of a pixel."""
    grow = amount * draw_spread(images, 1, seed)[..., None, None]
    brightest = tf.nn.max_pool2d(images, 3, 1, "SAME")
    darkest = -tf.nn.max_pool2d(-images, 3, 1, "SAME")
    extreme = tf.where(grow > 0, brightest, darkest)
    return mix(images, extreme, tf.abs(grow))


def change_color(images: tf.Tensor, changes: Changes, seed: tf.Tensor) -> tf.Tensor:
    """Change brightness, contrast and saturation, and take the color of some images away."""
    factors = 1 + changes.color * draw_spread(images, 3, seed)
    brightness, contrast, saturation = tf.unstack(factors[..., None, None, None], axis=1)
    chance = tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed)
    saturation = tf.where(chance < changes.grey, 0.0, saturation)
    images = images * brightness
    images = mix(tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True), images, contrast)
    if images.shape[-1] == len(GREY):
        grey = tf.reduce_sum(images * tf.constant(GREY), axis=3, keepdims=True)
        images = mix(grey, images, saturation)
    return tf.clip_by_value(images, 0.0, 1.0)


def mix(ground: tf.Tensor, images: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    return ground + share * (images - ground)


def hide_square(images: tf.Tensor, size: float, seed: tf.Tensor) -> tf.Tensor:
    """Black out a square whose centre may be anywhere: cutout, DeVries and Taylor (2017)."""
    side = images.shape[1]
    centers = (draw_spread(images, 2, seed) + 1) / 2 * side
    distances = tf.abs(tf.range(side, dtype=tf.float32) + 0.5 - centers[..., None])
    near = distances < size * side / 2
    hidden = near[:, 0, :, None] & near[:, 1, None, :]
    return tf.where(hidden[..., None], 0.0, images)
