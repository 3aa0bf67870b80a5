"""From arrays of pixels in any of the usual layouts and ranges to uint8 images, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gan_aug.data.source import Array
from gan_aug.errors import UserError
from gan_aug.images import Images, Shape, add_channel, image_shape
from gan_aug.settings.data import Color

__all__ = [
    "Layout",
    "PixelRange",
    "describe_shape",
    "find_layout",
    "find_range",
    "fit_images",
    "join_images",
]

LEVELS = 256
CHANNELS = (1, 3)
FORMS = "(n, s, s), (n, s, s, 1 or 3), (n, 1 or 3, s, s) or (n, s*s)"
Axes = Literal["plain", "last", "first", "flat"]


@dataclass(frozen=True)
class Layout:
    """Where an array has height, width and channels.

    Attributes:
        axes: Channels in the ``last`` axis or in the ``first`` one of each image; a ``plain`` grey
            image has none; a ``flat`` one is a row of pixels.
        shape: Height, width and channels.
    """

    axes: Axes
    shape: tuple[int, int, int]

    def to_images(self, array: Array) -> Array:
        """Return ``(n, height, width)`` for grey images, ``(n, height, width, 3)`` for RGB ones."""
        if self.axes == "first":
            array = np.moveaxis(array, 1, -1)
        height, width, channels = self.shape
        return array.reshape(len(array), height, width, *([channels] if channels > 1 else []))

    def from_images(self, images: Array) -> Array:
        """Return images in this layout: undoes :meth:`to_images`."""
        height, width, channels = self.shape
        whole = images.reshape(len(images), height, width, channels)
        if self.axes == "first":
            return np.moveaxis(whole, -1, 1)
        if self.axes == "flat":
            return whole.reshape(len(whole), height * width * channels)
        return whole[..., 0] if self.axes == "plain" else whole


@dataclass(frozen=True)
class PixelRange:
    """What black and white are in an array.

    Attributes:
        low: Black.
        high: White.
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    def to_uint8(self, array: Array, where: str) -> Images:
        """Return pixels as 0 to 255.

        Raises:
            UserError: Some are out of the range.
        """
        if array.dtype == np.uint8 and self.high == LEVELS - 1:
            return array
        least, most = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
        if not self.low <= least <= most <= self.high:
            raise UserError(
                f"{where}: expected pixels from {self}, as the training images have, found "
                f"{least:g} to {most:g}; scale all parts alike"
            )
        levels = np.empty(array.shape, np.uint8)
        # One image after the other: floats of all at once take many times the memory.
        for place, image in enumerate(array):
            unit = (image.astype(np.float64) - self.low) / (self.high - self.low)
            levels[place] = np.rint(unit * (LEVELS - 1))
        return levels

    def from_uint8(self, images: Images, dtype: np.dtype[np.generic]) -> Array:
        """Return pixels in this range: undoes :meth:`to_uint8` but for rounding."""
        if dtype.kind in "iu":
            return images.astype(dtype)
        unit = images.astype(np.float64) / (LEVELS - 1)
        return (unit * (self.high - self.low) + self.low).astype(dtype)


def find_layout(shape: Sequence[int], where: str) -> Layout:
    """Tell the layout of an array by its shape.

    Args:
        shape: Of the array, the number of images first.
        where: What to call the array in an error.

    Raises:
        UserError: No image has such a shape.
    """
    match tuple(shape[1:]):
        case (pixels,) if isqrt(pixels) ** 2 == pixels and pixels > 1:
            return Layout("flat", (isqrt(pixels), isqrt(pixels), 1))
        case (height, width):
            return Layout("plain", (height, width, 1))
        case (height, width, channels) if channels in CHANNELS:
            return Layout("last", (height, width, channels))
        case (channels, height, width) if channels in CHANNELS:
            return Layout("first", (height, width, channels))
    raise UserError(
        f"{where}: expected images of shape {FORMS}, found {tuple(shape)}; reshape them, and leave "
        "out channels beyond red, green and blue"
    )


def find_range(array: Array, where: str) -> PixelRange:
    """Tell the range of pixels by their values.

    Args:
        array: Of any shape: all training images, since few may lack the extremes.
        where: What to call the array in an error.

    Raises:
        UserError: The values fit no range, or two.
    """
    if array.dtype.kind not in "uifb":
        raise UserError(
            f"{where}: expected pixels as numbers, found {array.dtype}; convert them to uint8"
        )
    if array.dtype.kind == "b":
        return PixelRange(0, 1)
    least, most = (array.min(), array.max()) if array.size else (0, 0)
    found = f"{float(least):g} to {float(most):g}"
    if not np.isfinite([least, most]).all():
        raise UserError(f"{where}: expected finite pixels, found {found}; replace the others")
    if array.dtype.kind in "ui":
        return find_whole_range(int(least), int(most), array.dtype, where)
    if least >= 0 and most <= 1:
        return PixelRange(0, 1)
    if least >= -1 and most <= 1:
        return PixelRange(-1, 1)
    if least >= 0 and most < LEVELS and is_whole(array):
        return PixelRange(0, LEVELS - 1)
    raise UserError(
        f"{where}: expected whole numbers from 0 to 255, or floats from 0 to 1 or from -1 to 1, "
        f"found {array.dtype} from {found}; scale them to one of these"
    )


def find_whole_range(least: int, most: int, dtype: np.dtype[np.generic], where: str) -> PixelRange:
    """Tell the range of whole numbers: levels of grey, unless all are 0 or 1."""
    if least < 0 or most >= LEVELS:
        raise UserError(
            f"{where}: expected whole numbers from 0 to 255, found {dtype} from {least} to {most}; "
            "scale them"
        )
    if most == 1:
        raise UserError(
            f"{where}: expected levels from 0 to 255, found {dtype} of 0 and 1 alone, which may be "
            "black and white; multiply them by 255 if 1 is white"
        )
    return PixelRange(0, LEVELS - 1)


def is_whole(array: NDArray[np.floating]) -> bool:
    """Tell whether all floats are whole, without a copy of them all."""
    return all(bool((image == np.rint(image)).all()) for image in array)


def fit_images(images: Images, side: int | None, color: Color) -> Images:
    """Return images as squares of a side, grey or RGB.

    Args:
        images: ``(n, height, width)`` or ``(n, height, width, 3)`` uint8.
        side: Pixels a side; a picture that is no square loses its ends. None leaves the shape.
        color: ``auto`` leaves the channels as they are.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - only needed where something is resized

    has_color = add_channel(images).shape[-1] == 3
    wanted = has_color if color == "auto" else color == "rgb"
    shape = (side, side) if side else images.shape[1:3]
    if images.shape[1:3] == shape and wanted == has_color:
        return images
    pictures = (Image.fromarray(image).convert("RGB" if wanted else "L") for image in images)
    resized = [
        np.asarray(ImageOps.fit(picture, shape[::-1], Image.Resampling.LANCZOS))
        for picture in pictures
    ]
    return np.stack(resized) if resized else np.empty((0, *shape, *([3] if wanted else [])), "u1")


def join_images(parts: Sequence[Images]) -> Images:
    """Return the images of several parts one after the other; a single part is not copied.

    Raises:
        UserError: They have different shapes.
    """
    expected = image_shape(parts[0])
    for images in parts[1:]:
        if image_shape(images) != expected:
            raise UserError(
                f"expected images of one shape, found {describe_shape(expected)} and "
                f"{describe_shape(image_shape(images))}; resize them, for example with --side 64"
            )
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def describe_shape(shape: Shape) -> str:
    """``28x28 grey``."""
    height, width, channels = shape
    return f"{height}x{width} {'RGB' if channels == 3 else 'grey'}"
