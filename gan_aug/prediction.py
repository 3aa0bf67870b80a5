"""What a network says of many images, batch by batch."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_aug.progress import OnProgress, ignore_progress

__all__ = ["BATCH_SIZE", "predict_batches"]

BATCH_SIZE = 500

Arrays = tuple[NDArray[Any], ...]


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
    batches = []
    for start in range(0, count, BATCH_SIZE):
        stop = min(start + BATCH_SIZE, count)
        batches.append(predict(slice(start, stop)))
        on_progress(stop, {})
    return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))
