"""The images that gan-aug's side trains on: those of :mod:`benchmarks.peers`, from one file."""

import os
from pathlib import Path

from gan_aug.data.dataset import Dataset
from gan_aug.data.load import load_dataset

__all__ = ["load_mnist"]


def load_mnist() -> Dataset:
    """Load MNIST from the file that ``GAN_AUG_MNIST`` names."""
    return load_dataset("mnist", Path(os.environ["GAN_AUG_MNIST"]).expanduser())
