"""The images that gan-aug's side trains on: those of :mod:`benchmarks.peers`, from one file."""

from gan_aug.data.dataset import Dataset
from gan_aug.data.load import load_dataset
from gan_aug.data.local import find_local_sets
from gan_aug.settings.data import DataConfig

__all__ = ["load_mnist"]


def load_mnist() -> Dataset:
    """Load MNIST from the file that ``GAN_AUG_MNIST`` names."""
    return load_dataset(DataConfig(dataset="mnist"), find_local_sets())
