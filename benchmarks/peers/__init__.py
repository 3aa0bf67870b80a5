"""What a user would run instead of gan-aug: one module each, for :mod:`benchmarks.worker`.

Nothing here imports gan_aug, which turns oneDNN on and changes how memory is kept: a peer runs as
its library comes.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TRAINING_IMAGES", "read_mnist"]

TRAINING_IMAGES = 50_000


def read_mnist() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Read training and validation digits from the file that ``GAN_AUG_MNIST`` names.

    Returns:
        50,000 training images, their labels, 10,000 validation images, their labels: images
        ``(n, 28, 28)`` uint8, labels ``(n,)`` uint8.
    """
    with np.load(Path(os.environ["GAN_AUG_MNIST"]).expanduser()) as file:
        images, labels = file["x_train"], file["y_train"]
    cut = TRAINING_IMAGES
    return images[:cut], labels[:cut], images[cut:], labels[cut:]
