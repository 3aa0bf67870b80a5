"""Where this machine has data sets."""

import os
from pathlib import Path

__all__ = ["find_mnist"]

MNIST_VARIABLE = "GAN_AUG_MNIST"


def find_mnist() -> Path | None:
    """Return the local MNIST that ``GAN_AUG_MNIST`` names, or None: Keras finds or downloads it."""
    named = os.environ.get(MNIST_VARIABLE)
    return Path(named).expanduser() if named else None
