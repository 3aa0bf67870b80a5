"""Training sets as tables, for classifiers that want a row of pixels and one class for each."""

import numpy as np

from gan_aug.images import Float32, Images, Indices, TrainingSet

__all__ = ["expand_targets", "flatten_images"]

SMALLEST_PROBABILITY = 0.01


def expand_targets(
    training_set: TrainingSet,
) -> tuple[Indices, Indices, Float32]:
    """Turn target distributions into rows of one class each.

    Returns:
        Per row: the index of its image, its class, and its weight, the image's weight times the
        class's share of what is left after dropping classes below 1%, where any reaches that.
    """
    targets = training_set.targets
    smallest = np.minimum(SMALLEST_PROBABILITY, targets.max(axis=1, keepdims=True))
    shares = np.where(targets >= smallest, targets, 0)
    shares /= shares.sum(axis=1, keepdims=True)
    rows, labels = np.nonzero(shares)
    return rows, labels, training_set.weights[rows] * shares[rows, labels]


def flatten_images(images: Images) -> Float32:
    """Turn uint8 images into ``(n, pixels)`` float32, which LightGBM bins fastest."""
    return images.reshape(len(images), -1).astype(np.float32)
