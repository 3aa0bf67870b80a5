"""What callers pass: arrays of images and labels in their own layout, range and types."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_aug.data.labels import name_labels
from gan_aug.data.pixels import Layout, PixelRange, find_layout, find_range
from gan_aug.data.readers.arrays import ArrayHeader, open_arrays
from gan_aug.data.source import UNLABELED, Array, Names, Part, Source
from gan_aug.errors import UserError
from gan_aug.images import Images

__all__ = ["CallerData", "open_caller_arrays", "read_caller_data", "read_images"]

Pair = tuple[Any, Any]


def open_caller_arrays(
    X: Any,  # noqa: N803 - scikit-learn's name
    y: Any,
    X_unlabeled: Any = None,  # noqa: N803
    *,
    validation: Pair | None = None,
    test: Pair | None = None,
) -> Source:
    """Return the arrays of a caller as a source.

    Args:
        X: ``(n, ...)`` training images, in any layout of :mod:`gan_aug.data.pixels`.
        y: Their labels, in any form of :func:`gan_aug.data.labels.name_labels`.
        X_unlabeled: More images without labels.
        validation: Images and labels to validate with.
        test: Images and labels to test with.

    Raises:
        UserError: Layout, number or form of an array is wrong.
    """
    images: dict[Part, ArrayHeader] = {"train": ArrayHeader.of("X", np.asarray(X))}
    labels: dict[Part, ArrayHeader] = {"train": ArrayHeader.of("y", np.asarray(y))}
    if X_unlabeled is not None:
        images["unlabeled"] = ArrayHeader.of("X_unlabeled", np.asarray(X_unlabeled))
    given: dict[Part, Pair | None] = {"validation": validation, "test": test}
    for part, pair in given.items():
        if pair is not None:
            held_out, own = pair
            images[part] = ArrayHeader.of(f"{part}[0]", np.asarray(held_out))
            labels[part] = ArrayHeader.of(f"{part}[1]", np.asarray(own))
    return open_arrays("arrays", images, labels)


@dataclass(frozen=True)
class CallerData:
    """Images and labels of a caller, and how to give more of the same kind back.

    Attributes:
        array: The images as the caller has them.
        labels: The labels as the caller has them.
        names: ``(n,)`` names of the classes; :data:`UNLABELED` where nobody labeled the image.
        layout: Of the images.
        pixels: Their range.
    """

    array: Array
    labels: Array
    names: Names
    layout: Layout
    pixels: PixelRange

    @property
    def images(self) -> Images:
        """All images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8."""
        return self.pixels.to_uint8(self.layout.to_images(self.array), "X")

    @property
    def labeled(self) -> Array:
        """``(n,)`` bool, which images have a label."""
        labeled: Array = self.names != UNLABELED
        return labeled

    def extend(self, kept: Array, images: Images, names: Names) -> tuple[Array, Array]:
        """Return some of the caller's images and labels, followed by others in the same form.

        Args:
            kept: ``(n,)`` bool, which of the caller's images come first.
            images: Further images, uint8.
            names: Their classes.
        """
        more = self.pixels.from_uint8(self.layout.from_images(images), self.array.dtype)
        examples = {name: place for place, name in reversed(list(enumerate(self.names.tolist())))}
        places = np.array([examples[name] for name in names.tolist()], dtype=np.intp)
        return (
            np.concatenate([self.array[kept], more]),
            np.concatenate([self.labels[kept], self.labels[places]]),
        )


def read_images(X: Any) -> Images:  # noqa: N803 - scikit-learn's name
    """Return a caller's images as ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.

    Raises:
        UserError: Layout or range is wrong.
    """
    array = np.asarray(X)
    layout = find_layout(array.shape, "X")
    return find_range(array, "X").to_uint8(layout.to_images(array), "X")


def read_caller_data(X: Any, y: Any) -> CallerData:  # noqa: N803 - scikit-learn's name
    """Find out the form of a caller's images and labels.

    Raises:
        UserError: Layout, range, number or form is wrong.
    """
    array, labels = np.asarray(X), np.asarray(y)
    layout = find_layout(array.shape, "X")
    names = name_labels(labels, "y")
    if len(names) != len(array):
        raise UserError(
            f"y: expected {len(array):,} labels, one for each image of X, found {len(names):,}; "
            "pass as many of both"
        )
    return CallerData(array, labels, names, layout, find_range(array, "X"))
