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
from gan_aug.store.files import BROKEN

__all__ = ["open_chapter_pickle"]

SIDE = 28
PARTS: tuple[Part, ...] = ("train", "validation", "test")
MOST_BYTES = 1 << 29  # the chapter's file has 220 million
MOST_STEPS = 10_000  # the chapter's file takes some 200
MOST_COPIES = 8  # of the file, in all that its steps make; an array is made of a string in two
STORES = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
FETCHES = frozenset({"GET", "BINGET", "LONG_BINGET"})
CALLS = frozenset({"BUILD", "INST", "NEWOBJ", "NEWOBJ_EX", "OBJ", "REDUCE"})


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
    except BROKEN as error:
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

    The steps are taken with the sizes of values in place of the values.

    Raises:
        UserError: It has too many steps, keeps values at places that are far away, or makes more
            of its strings than there is in it.
    """
    machine = SizeMachine()
    for step, (opcode, argument, _) in enumerate(pickletools.genops(pickled)):
        far = opcode.name in STORES and isinstance(argument, int) and argument > step
        if step > MOST_STEPS or far:
            raise UserError("expected a pickle of arrays only, found one that asks for more memory")
        machine.take(opcode, argument)
        if machine.made > MOST_COPIES * len(pickled):
            raise UserError("expected a pickle of arrays only, found one that repeats its content")


class SizeMachine:
    """What a pickle's steps do to a stack, with bytes in place of values."""

    def __init__(self) -> None:
        self.stack: list[int | None] = []
        self.memo: dict[Any, int] = {}
        self.made = 0
        """Bytes of all that calls made."""

    def take(self, opcode: Any, argument: Any) -> None:
        """Take a step: what it takes off the stack goes into what it puts there."""
        if opcode.name in STORES:
            place = len(self.memo) if opcode.name == "MEMOIZE" else argument
            self.memo[place] = (self.stack[-1] or 0) if self.stack else 0
            return
        taken = sum(self.pop(kind) for kind in reversed(opcode.stack_before))
        if opcode.name in FETCHES:
            taken = self.memo.get(argument, 0)
        elif isinstance(argument, str | bytes):
            taken += len(argument)
        if opcode.name in CALLS:
            self.made += taken
        for kind in opcode.stack_after:
            self.stack.append(None if kind is pickletools.markobject else taken)

    def pop(self, kind: Any) -> int:
        """Take one value off the stack, or all down to a mark."""
        if kind is pickletools.stackslice:
            taken = 0
            while self.stack and self.stack[-1] is not None:
                taken += self.stack.pop() or 0
            return taken
        return (self.stack.pop() or 0) if self.stack else 0


def check_arrays(parts: Mapping[Part, tuple[Any, Any]], size: int) -> None:
    """Refuse arrays that hold more than the file does.

    Raises:
        ValueError: They are such, or no arrays.
    """
    arrays = [array for pair in parts.values() for array in pair]
    if not all(isinstance(array, np.ndarray) and array.dtype.kind in "biuf" for array in arrays):
        raise ValueError("not all are arrays of numbers")
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
        if name == "_reconstruct":
            return make_empty
        if name == "ndarray":
            return None  # to be named alone: a call could ask for an array of any size
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def make_empty(*_ignored: Any) -> Array:
    """Return an array for a pickle to fill."""
    return np.empty(0, np.uint8)


def encode_latin1(text: str, encoding: str = "latin1") -> bytes:
    """Return the bytes of a string, as pickles of Python 2 have them; other codecs may inflate."""
    if codecs.lookup(encoding).name != "iso8859-1":
        raise UserError(f"expected a pickle of arrays only, found one encoded as {encoding}")
    return text.encode("latin1")
