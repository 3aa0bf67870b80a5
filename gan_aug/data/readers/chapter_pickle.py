"""The chapter's ``mnist.pkl.gz``, read without running what a pickle may hold."""

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from gan_aug.data.readers.arrays import ArrayHeader, LabelArray, open_arrays
from gan_aug.data.source import Array, Part, Source
from gan_aug.errors import UserError

__all__ = ["open_chapter_pickle"]

SIDE = 28
PARTS: tuple[Part, ...] = ("train", "validation", "test")


def open_chapter_pickle(path: Path, *, labeled: bool = True) -> Source:
    """Open the chapter's ``mnist.pkl.gz``: (train, validation, test), each (images, labels).

    Images are ``(n, 784)`` floats, 1/256 per grey level; nothing in the file is executed.

    Args:
        path: Of the file.
        labeled: Accepted as by the other readers; these images always have labels.

    Raises:
        UserError: The pickle wants anything but arrays, or holds other ones.
    """
    del labeled
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = ArrayUnpickler(file, encoding="latin1").load()
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            "expected a pickle of arrays, found a file that is truncated or something else "
            f"({type(error).__name__}: {error})"
        ) from error
    try:
        parts = {
            part: (images, labels) for part, (images, labels) in zip(PARTS, content, strict=True)
        }
        levels = {part: grey_levels(images) for part, (images, _) in parts.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"expected (train, validation, test), each a pair of {SIDE * SIDE}-pixel "
            f"images in [0, 1) and labels; found something else ({error})"
        ) from error
    return open_arrays(
        path.name,
        {part: ArrayHeader.of(f"{part} images", images) for part, images in levels.items()},
        {part: LabelArray(f"{part} labels", labels) for part, (_, labels) in parts.items()},
    )


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
