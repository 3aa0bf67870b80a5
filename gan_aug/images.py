"""The values that travel between stages, and the one pixel range.

Images are stored as ``uint8`` in 0..255: ``(n, side, side)`` for grey ones, ``(n, side, side, 3)``
for RGB. Networks see ``float32`` in [0, 1] with an axis for the channels in either case;
:func:`to_unit` and :func:`to_uint8` are the only bridges.
"""

import enum
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_aug.errors import UserError

__all__ = [
    "LARGEST_SIDE",
    "MOST_CLASSES",
    "SIDE_STEP",
    "SMALLEST_SIDE",
    "Decision",
    "Float32",
    "ImageSpec",
    "Images",
    "Indices",
    "LabeledImages",
    "Labels",
    "Marks",
    "PseudoLabels",
    "Shape",
    "SyntheticImages",
    "TrainingSet",
    "add_channel",
    "check_classes",
    "check_shape",
    "digest_array",
    "image_shape",
    "one_hot",
    "to_uint8",
    "to_unit",
]

SMALLEST_SIDE = 16
LARGEST_SIDE = 256
SIDE_STEP = 4
MOST_CLASSES = 1000

Images = NDArray[np.uint8]
Labels = NDArray[np.uint16]
Float32 = NDArray[np.float32]
Indices = NDArray[np.intp]
Marks = NDArray[np.bool_]
Shape = tuple[int, int, int]
"""Height, width and channels of an image."""


@dataclass(frozen=True)
class ImageSpec:
    """What all images of a data set have in common.

    Attributes:
        shape: Height, width and channels of each image.
        classes: Names of the classes, 2 to 1,000 different ones; label ``i`` means the i-th of
            them.

    Raises:
        UserError: There are too few classes or too many, two of one name, or the pipeline has no
            networks for images of this shape.
    """

    shape: Shape
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        check_shape(self.shape)
        check_classes(self.classes)

    def count_images(self, labels: Labels) -> dict[str, int]:
        """Return how many of the ``(n,)`` labels each class has, by its name."""
        counts = np.bincount(labels, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))


@dataclass(frozen=True)
class LabeledImages:
    """Images with true labels.

    Attributes:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        labels: ``(n,)`` uint16, places among the classes of the spec.
        spec: Shape and classes of the data set; a part of it need not have images of every class.

    Raises:
        UserError: An array has another shape, dtype or range.
    """

    images: Images
    labels: Labels
    spec: ImageSpec

    def __post_init__(self) -> None:
        check_images(self.images, self.spec.shape)
        check_labels(self.labels, len(self.images), len(self.spec.classes))

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Indices) -> "LabeledImages":
        """Return the images at ``indices``, in that order."""
        return LabeledImages(self.images[indices], self.labels[indices], self.spec)


@dataclass(frozen=True)
class SyntheticImages:
    """What a generator made.

    Attributes:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        intended: ``(n,)`` uint16, the class that each image was meant to have; None from a
            generator that knows no classes.
    """

    images: Images
    intended: Labels | None = None


class Decision(enum.IntEnum):
    """Whether a pseudo-labeled image may enter a training set, and why not."""

    ACCEPTED = 0
    LOW_CONFIDENCE = 1
    SMALL_MARGIN = 2
    SURPLUS = 3
    DISAGREEMENT = 4


@dataclass(frozen=True)
class PseudoLabels:
    """Images without true labels, with the teacher's opinion of them.

    Attributes:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        probabilities: ``(n, classes)`` float32, the teacher's class probabilities.
        decisions: ``(n,)`` uint8, a :class:`Decision` for each image.
        intended: ``(n,)`` uint16, the class that each image was meant to have; None where nobody
            meant any.
    """

    images: Images
    probabilities: Float32
    decisions: NDArray[np.uint8]
    intended: Labels | None = None

    @property
    def accepted(self) -> Marks:
        """``(n,)`` bool, which images may enter a training set."""
        accepted: Marks = self.decisions == Decision.ACCEPTED
        return accepted

    @property
    def labels(self) -> Labels:
        """``(n,)`` uint16: the teacher's most probable class."""
        labels: Labels = self.probabilities.argmax(axis=1).astype(np.uint16)
        return labels

    @property
    def agreement(self) -> Marks | None:
        """``(n,)`` bool, where that is the class that was meant; None where nobody meant any."""
        return None if self.intended is None else self.labels == self.intended

    @property
    def confidence(self) -> Float32:
        """``(n,)`` float32 in [1 / classes, 1]: the probability of that class."""
        confidence: Float32 = self.probabilities.max(axis=1)
        return confidence

    @property
    def margin(self) -> Float32:
        """``(n,)`` float32 in [0, 1]: that probability minus the second highest."""
        second, first = np.sort(self.probabilities, axis=1)[:, -2:].T
        margin: Float32 = first - second
        return margin


@dataclass(frozen=True)
class TrainingSet:
    """What a classifier is trained on.

    Attributes:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        targets: ``(n, classes)`` float32 class probabilities; one-hot where the label is true or
            hard.
        weights: ``(n,)`` float32 with mean 1: how much each image counts.
    """

    images: Images
    targets: Float32
    weights: Float32

    def __len__(self) -> int:
        return len(self.images)

    @property
    def classes(self) -> int:
        """Number of classes of the data set, whether or not there are images of all."""
        classes: int = self.targets.shape[1]
        return classes


def to_unit(images: Images) -> Float32:
    """Turn uint8 images into what networks read: ``(n, side, side, channels)`` in [0, 1]."""
    return add_channel(images).astype(np.float32) / np.float32(255)


def to_uint8(unit: Float32) -> Images:
    """Turn a generator's ``(n, side, side, channels)`` float32 in [0, 1] into uint8 images."""
    levels: Images = np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
    return levels[..., 0] if levels.shape[-1] == 1 else levels


def add_channel(images: Images) -> Images:
    """Return ``(n, height, width, channels)``: grey images get an axis for their one channel."""
    return images[..., None] if images.ndim == 3 else images


def image_shape(images: Images) -> Shape:
    """Return the shape of each image; 1 channel for grey ones."""
    _, height, width, channels = add_channel(images).shape
    return height, width, channels


def one_hot(labels: NDArray[np.integer[Any]], classes: int) -> Float32:
    """Turn ``(n,)`` labels below ``classes`` into ``(n, classes)`` float32 certainties."""
    certain: Float32 = np.eye(classes, dtype=np.float32)[labels]
    return certain


def digest_array(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's bytes in C order, whatever file it came from."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def check_classes(classes: tuple[str, ...]) -> None:
    """Raise :class:`UserError` unless these can be told apart: 2 to 1,000 different names."""
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise UserError(
            f"classes: expected 2 to {MOST_CLASSES:,}, found {len(classes):,}; a classifier needs "
            "something to tell apart"
        )
    if len(set(classes)) < len(classes):
        raise UserError(f"classes: expected different names, found {', '.join(classes)}")


def check_shape(shape: Shape) -> None:
    """Raise :class:`UserError` unless there are networks for images of this shape."""
    height, width, channels = shape
    fits = height % SIDE_STEP == 0 and SMALLEST_SIDE <= height <= LARGEST_SIDE
    if not (height == width and fits and channels in {1, 3}):
        raise UserError(
            f"images: expected grey or RGB squares of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels a "
            f"side, in steps of {SIDE_STEP}, found {height}x{width} with {channels} channel(s); "
            "resize them, for example to 64x64 (--side 64)"
        )


def check_images(images: NDArray[Any], shape: Shape) -> None:
    """Raise :class:`UserError` unless ``images`` are uint8 images of this shape, one or more."""
    height, width, channels = shape
    expected = f"(n, {height}, {width}{f', {channels}' if channels > 1 else ''})"
    if images.ndim not in {3, 4} or len(images) == 0 or image_shape(images) != shape:
        raise UserError(
            f"images: expected shape {expected}, found {images.shape}; make all of one shape"
        )
    if images.dtype != np.uint8:
        raise UserError(
            f"images: expected dtype uint8 (0 to 255), found {images.dtype}; convert them with "
            "astype('uint8'), those from 0 to 1 times 255"
        )


def check_labels(labels: NDArray[Any], count: int, classes: int) -> None:
    """Raise :class:`UserError` unless ``labels`` are ``count`` whole numbers below ``classes``."""
    if labels.shape != (count,):
        raise UserError(f"labels: expected shape ({count},), one per image, found {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise UserError(f"labels: expected whole numbers, found dtype {labels.dtype}")
    if labels.min() < 0 or labels.max() >= classes:
        raise UserError(
            f"labels: expected 0 to {classes - 1}, found {labels.min()} to {labels.max()}"
        )
