"""The values that travel between stages, and the one pixel range.

Images are stored as ``uint8`` in 0..255, shaped ``(n, 28, 28)``, ink bright on a dark ground as
in MNIST. Networks see ``float32`` in [0, 1], shaped ``(n, 28, 28, 1)``; :func:`to_unit` and
:func:`to_uint8` are the only bridges. Pictures that only a DCGAN is trained on may have other
sides, and three channels as their last axis; grey ones have no such axis.
"""

import enum
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_aug.errors import UserError

__all__ = [
    "CLASSES",
    "SIDE",
    "Decision",
    "Float32",
    "Images",
    "LabeledImages",
    "PseudoLabeledImages",
    "Shape",
    "TrainingSet",
    "UInt8",
    "add_channel",
    "digest_array",
    "image_shape",
    "one_hot",
    "to_uint8",
    "to_unit",
]

SIDE = 28
CLASSES = 10

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Images = UInt8
Shape = tuple[int, int, int]
"""Height, width and channels of an image."""


@dataclass(frozen=True)
class LabeledImages:
    """Images with true labels.

    Attributes:
        images: ``(n, 28, 28)`` uint8.
        labels: ``(n,)`` uint8 in 0..9.

    Raises:
        UserError: An array has another shape, dtype or range.
    """

    images: Images
    labels: UInt8

    def __post_init__(self) -> None:
        check_images(self.images)
        check_labels(self.labels, count=len(self.images))

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: NDArray[np.intp]) -> "LabeledImages":
        """Return the images at ``indices``, in that order."""
        return LabeledImages(self.images[indices], self.labels[indices])


class Decision(enum.IntEnum):
    """Whether a pseudo-labeled image may enter a training set, and why not."""

    ACCEPTED = 0
    LOW_CONFIDENCE = 1
    SMALL_MARGIN = 2
    SURPLUS = 3


@dataclass(frozen=True)
class PseudoLabeledImages:
    """Images that nobody labeled, with the teacher's opinion of them.

    Attributes:
        images: ``(n, 28, 28)`` uint8.
        probabilities: ``(n, 10)`` float32, the teacher's class probabilities.
        decisions: ``(n,)`` uint8, a :class:`Decision` for each image.
    """

    images: Images
    probabilities: Float32
    decisions: UInt8

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """``(n,)`` bool, which images may enter a training set."""
        accepted: NDArray[np.bool_] = self.decisions == Decision.ACCEPTED
        return accepted

    @property
    def labels(self) -> UInt8:
        """``(n,)`` uint8: the teacher's most probable class."""
        labels: UInt8 = self.probabilities.argmax(axis=1).astype(np.uint8)
        return labels

    @property
    def confidence(self) -> Float32:
        """``(n,)`` float32 in [0.1, 1]: the probability of that class."""
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
        images: ``(n, 28, 28)`` uint8.
        targets: ``(n, 10)`` float32 class probabilities; one-hot where the label is true or hard.
        weights: ``(n,)`` float32 with mean 1: how much each image counts.
    """

    images: Images
    targets: Float32
    weights: Float32

    def __len__(self) -> int:
        return len(self.images)


def to_unit(images: Images) -> Float32:
    """Turn uint8 into what networks read: ``(n, 28, 28, 1)`` float32 in [0, 1], or RGB likewise."""
    return add_channel(images).astype(np.float32) / np.float32(255)


def to_uint8(unit: Float32) -> Images:
    """Turn a generator's ``(n, 28, 28, 1)`` float32 in [0, 1], or RGB, into uint8 images."""
    levels: Images = np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
    return levels[..., 0] if levels.shape[-1] == 1 else levels


def add_channel(images: Images) -> Images:
    """Return ``(n, height, width, channels)``: grey images get an axis for their one channel."""
    return images[..., None] if images.ndim == 3 else images


def image_shape(images: Images) -> Shape:
    """Return the shape of each image; 1 channel for grey ones."""
    _, height, width, channels = add_channel(images).shape
    return height, width, channels


def one_hot(labels: UInt8) -> Float32:
    """Turn ``(n,)`` labels in 0..9 into ``(n, 10)`` float32 certainties."""
    return np.eye(CLASSES, dtype=np.float32)[labels]


def digest_array(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's bytes in C order, whatever file it came from."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def check_images(images: NDArray[Any]) -> None:
    """Raise :class:`UserError` unless ``images`` is ``(n, 28, 28)`` uint8 with n ≥ 1."""
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or len(images) == 0:
        raise UserError(f"images: expected shape (n, {SIDE}, {SIDE}), found {images.shape}")
    if images.dtype != np.uint8:
        raise UserError(f"images: expected dtype uint8 (0 to 255), found {images.dtype}")


def check_labels(labels: NDArray[Any], count: int) -> None:
    """Raise :class:`UserError` unless ``labels`` is ``(count,)`` of whole numbers in 0..9."""
    if labels.shape != (count,):
        raise UserError(f"labels: expected shape ({count},), one per image, found {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise UserError(f"labels: expected whole numbers, found dtype {labels.dtype}")
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise UserError(f"labels: expected 0 to 9, found {labels.min()} to {labels.max()}")
