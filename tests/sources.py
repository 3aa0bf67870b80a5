"""Data sets for tests: from a path, or from arrays in the layout of Keras."""

from gan_aug.data.load import build_dataset, load_dataset
from gan_aug.data.readers.arrays import ArrayHeader, open_arrays
from gan_aug.settings.data import DataConfig


def load(dataset, local=None, **config):
    """Load a named data set or a path."""
    return load_dataset(DataConfig(dataset=str(dataset), **config), local or {})


def split_arrays(name, arrays, **config):
    """Split ``x_train``, ``y_train``, ``x_test`` and ``y_test``."""
    source = open_arrays(
        name,
        {part: ArrayHeader.of(f"x_{part}", arrays[f"x_{part}"]) for part in ("train", "test")},
        {part: ArrayHeader.of(f"y_{part}", arrays[f"y_{part}"]) for part in ("train", "test")},
    )
    return build_dataset(source, DataConfig(**config))
