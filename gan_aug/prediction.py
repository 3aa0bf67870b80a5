"""What a network says of many images, batch by batch."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gan_aug.progress import OnProgress, count_from, ignore_progress

__all__ = ["BATCH_SIZE", "SPLITS", "Arrays", "Split", "predict_batches", "predict_splits"]

Split = Literal["validation", "test"]
SPLITS: tuple[Split, ...] = ("validation", "test")

BATCH_SIZE = 500

Arrays = tuple[NDArray[Any], ...]
"""Of as many rows each."""


def predict_batches(
    predict: Callable[[slice], Arrays], count: int, on_progress: OnProgress = ignore_progress
) -> Arrays:
    """Join what a function returns for one batch after the other.

    Args:
        predict: Returns arrays of as many rows as the batch, for the places of a batch.
        count: How many images there are, at least 1.
        on_progress: Called after each batch with the number of images done.

    Returns:
        The arrays of all batches, ``count`` rows each.
    """
    joined: Arrays = ()
    for start in range(0, count, BATCH_SIZE):
        rows = slice(start, min(start + BATCH_SIZE, count))
        parts = predict(rows)
        # Batches are not kept until the last one: they would be in memory twice.
        joined = joined or tuple(np.empty((count, *part.shape[1:]), part.dtype) for part in parts)
        for array, part in zip(joined, parts, strict=True):
            array[rows] = part
        on_progress(rows.stop, {})
    return joined


def predict_splits(
    model: Any, data: Any, *, predict: Callable[..., Any], on_progress: OnProgress = ignore_progress
) -> dict[Split, NDArray[np.float32]]:
    """Ask a classifier about all held-out images.

    Args:
        model: Trained.
        data: A :class:`gan_aug.data.dataset.Dataset`.
        predict: Asks the model, a :class:`gan_aug.classifiers.classifier.Predict`.
        on_progress: Called with the number of images done.

    Returns:
        Split → ``(n, classes)`` float32 probabilities.
    """
    probabilities: dict[Split, NDArray[np.float32]] = {}
    done = 0
    for split in SPLITS:
        images = getattr(data, split).images
        probabilities[split] = predict(model, images, count_from(done, on_progress))
        done += len(images)
    return probabilities
