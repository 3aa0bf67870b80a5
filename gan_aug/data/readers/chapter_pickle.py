"""The chapter's ``mnist.pkl.gz``, read without running what a pickle may hold."""

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from gan_aug.data.readers.arrays import Array, Arrays
from gan_aug.errors import UserError

__all__ = ["read_chapter_pickle"]

SIDE = 28


def read_chapter_pickle(path: Path) -> Arrays:
    """Read the chapter's ``mnist.pkl.gz``: (train, validation, test), each (images, labels).

    Images are ``(n, 784)`` floats, 1/256 per grey level; nothing in the file is executed.

    Raises:
        UserError: The pickle wants anything but arrays, or holds other ones.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            parts = ArrayUnpickler(file, encoding="latin1").load()
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:
        raise UserError(
            f"{path}: expected a pickle of arrays, found a file that is truncated or something "
            f"else ({type(error).__name__}: {error})"
        ) from error
    try:
        (x_train, y_train), (x_validation, y_validation), (x_test, y_test) = parts
        return {
            "x_train": np.concatenate([grey_levels(x_train), grey_levels(x_validation)]),
            "y_train": np.concatenate([y_train, y_validation]),
            "x_test": grey_levels(x_test),
            "y_test": y_test,
        }
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: expected (train, validation, test), each a pair of {SIDE * SIDE}-pixel "
            f"images in [0, 1) and labels; found something else ({error})"
        ) from error


def grey_levels(pixels: Array) -> Array:
    """Turn ``(n, 784)`` multiples of 1/256 (or 1/255) into ``(n, 28, 28)`` uint8."""
    for scale in (256, 255):
        levels = np.rint(pixels * scale)
        if (
            np.allclose(pixels * scale, levels, atol=1e-2)
            and 0 <= levels.min() <= levels.max() < 256
        ):
            images: Array = levels.astype(np.uint8).reshape(-1, SIDE, SIDE)
            return images
    raise ValueError("pixels are not multiples of 1/256 or 1/255")


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that can build NumPy arrays and nothing else."""

    ALLOWED = frozenset(
        {
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy.core.numeric", "_frombuffer"),
            ("numpy._core.numeric", "_frombuffer"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        """Refuse every name that building an array does not need."""
        if (module, name) not in self.ALLOWED:
            raise UserError(
                f"expected a pickle of arrays only, found one that wants to run {module}.{name}; "
                "refused, nothing was run"
            )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
