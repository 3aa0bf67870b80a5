"""Images and labels as arrays, whatever file they are in."""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_aug.data.labels import name_labels
from gan_aug.data.pixels import find_layout, find_range, fit_images
from gan_aug.data.source import PARTS, UNLABELED, Array, Names, Part, Reading, Source
from gan_aug.errors import UserError
from gan_aug.images import MOST_CLASSES, Images
from gan_aug.settings.data import ReadingConfig

__all__ = ["ArrayHeader", "open_arrays"]


@dataclass(frozen=True)
class ArrayHeader:
    """An array of images or labels that is not read yet.

    Attributes:
        where: What to call it in an error: ``x_train``.
        shape: Of the array, the number of images first.
        load: Reads it.
    """

    where: str
    shape: tuple[int, ...]
    load: Callable[[], Array]

    @classmethod
    def of(cls, where: str, array: Array) -> "ArrayHeader":
        """Return the header of an array that is in memory."""
        return cls(where, array.shape, lambda: array)


def open_arrays(
    name: str,
    images: Mapping[Part, ArrayHeader],
    labels: Mapping[Part, ArrayHeader],
    **known: Any,
) -> Source:
    """Return arrays as a source.

    Args:
        name: Of the data, for people.
        images: Part → its images, in any of the layouts of :mod:`gan_aug.data.pixels`.
        labels: Part → its labels, as :func:`gan_aug.data.labels.name_labels` takes them; a part
            without any is unlabeled.
        known: Classes and notes, as a :class:`~gan_aug.data.source.Source` has them.

    Raises:
        UserError: Layout, number or form of images or labels is wrong.
    """
    present = [part for part in PARTS if part in images]
    shapes = {part: find_layout(images[part].shape, images[part].where).shape for part in present}
    names = {part: name_part(images[part], labels.get(part)) for part in present}
    read = functools.partial(read_arrays, images)
    return Source(name, names, read, shapes=shapes, **known)


def name_part(images: ArrayHeader, labels: ArrayHeader | None) -> Names:
    """Name the class of each image of a part."""
    if labels is None:
        return np.full(images.shape[0], UNLABELED)
    check_labels(labels, images)
    return name_labels(labels.load(), labels.where)


def check_labels(labels: ArrayHeader, images: ArrayHeader) -> None:
    """Refuse labels by their shape, before they take memory."""
    count = images.shape[0]
    if labels.shape and labels.shape[0] != count:
        raise UserError(
            f"{labels.where}: expected {count:,} labels, one for each image of {images.where}, "
            f"found {labels.shape[0]:,}; pass as many of both"
        )
    if math.prod(labels.shape[1:]) > MOST_CLASSES:
        raise UserError(
            f"{labels.where}: expected one label an image, or one-hot rows of at most "
            f"{MOST_CLASSES:,} classes, found shape {labels.shape}; reshape them"
        )


def read_arrays(images: Mapping[Part, ArrayHeader], config: ReadingConfig) -> Reading:
    """Read the images of all parts; the range of pixels is that of the training images.

    Raises:
        UserError: A range is none of the usual ones, or one part's is not the training part's.
    """
    first = next(part for part in PARTS if part in images)
    array = images[first].load()
    pixels = find_range(array, images[first].where)

    def convert(part: Part, array: Array) -> Images:
        header = images[part]
        levels = pixels.to_uint8(
            find_layout(header.shape, header.where).to_images(array), header.where
        )
        return fit_images(levels, config.side, config.color)

    converted = {first: convert(first, array)}
    del array
    for part in PARTS:
        if part in images and part != first:
            converted[part] = convert(part, images[part].load())
    return Reading(converted, notes=(f"pixels of {images[first].where} run from {pixels}",))
