"""The chapter's ``mnist.pkl.gz``, read without running what a pickle may hold."""

import codecs
import io
import pickle
import pickletools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_aug.data.gzipped import open_unpacked
from gan_aug.data.readers.arrays import ArrayHeader, open_arrays
from gan_aug.data.source import Array, Part, Source
from gan_aug.errors import UserError

__all__ = ["open_chapter_pickle"]

SIDE = 28
PARTS: tuple[Part, ...] = ("train", "validation", "test")
MOST_BYTES = 1 << 29  # the chapter's file has 220 million
MOST_STEPS = 10_000  # the chapter's file takes some 200
LONG_STRING = 1 << 10
STORES = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
FETCHES = frozenset({"GET", "BINGET", "LONG_BINGET"})


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
        pickled = read_pickle(path)
        check_steps(pickled)
        content = ArrayUnpickler(io.BytesIO(pickled), encoding="latin1").load()
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
        check_arrays(parts, len(pickled))
        levels = {part: grey_levels(images) for part, (images, _) in parts.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"expected (train, validation, test), each a pair of {SIDE * SIDE}-pixel "
            f"images in [0, 1) and labels; found something else ({error})"
        ) from error
    return open_arrays(
        path.name,
        {part: ArrayHeader.of(f"{part} images", images) for part, images in levels.items()},
        {part: ArrayHeader.of(f"{part} labels", labels) for part, (_, labels) in parts.items()},
    )


def read_pickle(path: Path) -> bytes:
    """Read a file, unpacked.

    Raises:
        UserError: It is larger than such a file is.
    """
    with open_unpacked(path) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UserError(
            f"expected a pickle of at most {MOST_BYTES >> 20} MiB, found a larger one; save the "
            "arrays as an .npz"
        )
    return content


def check_steps(pickled: bytes) -> None:
    """Refuse a pickle whose loading would take much more memory than it has itself.

    Raises:
        UserError: It has too many steps, names of values that are far away, or uses one long string
            for several arrays.
    """
    long_strings: dict[Any, bool] = {}
    previous: Any = None
    for step, (opcode, argument, _) in enumerate(pickletools.genops(pickled)):
        place: Any = len(long_strings) if opcode.name == "MEMOIZE" else argument
        if step > MOST_STEPS or (opcode.name in STORES and place > step):
            raise UserError("expected a pickle of arrays only, found one that asks for more memory")
        if opcode.name in STORES:
            is_string = isinstance(previous, str | bytes)
            long_strings[place] = is_string and len(previous) > LONG_STRING
        if opcode.name in FETCHES and long_strings.get(place):
            raise UserError("expected a pickle of arrays only, found one that repeats its content")
        previous = argument


def check_arrays(parts: Mapping[Part, tuple[Any, Any]], size: int) -> None:
    """Refuse arrays that hold more than the file does.

    Raises:
        ValueError: They are such, or no arrays.
    """
    arrays = [array for pair in parts.values() for array in pair]
    if not all(isinstance(array, np.ndarray) for array in arrays):
        raise ValueError("not all are arrays")
    if sum(array.nbytes for array in arrays) > size:
        raise ValueError("arrays of more bytes than the file has")


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
        if module == "_codecs":
            return encode_latin1
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def encode_latin1(text: str, encoding: str = "latin1") -> bytes:
    """Return the bytes of a string, as pickles of Python 2 have them; other codecs may inflate."""
    if codecs.lookup(encoding).name != "iso8859-1":
        raise UserError(f"expected a pickle of arrays only, found one encoded as {encoding}")
    return text.encode("latin1")
