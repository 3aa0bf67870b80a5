"""The formats that values are stored in: a handful for all stages.

Arrays of a data set are mapped into memory, so that a stage that needs one part reads one part.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from gan_aug.errors import UserError
from gan_aug.store.files import BROKEN, atomic_file, read_arrays, write_arrays, write_json

if TYPE_CHECKING:
    import keras

__all__ = [
    "ArrayFormat",
    "ArraysFormat",
    "JsonFormat",
    "KerasFormat",
    "load_keras",
    "map_array",
    "refuse_broken",
    "save_array",
]

Value = TypeVar("Value")


@contextlib.contextmanager
def refuse_broken(path: Path, expected: str, remedy: str = "") -> Iterator[None]:
    """Turn what a library says of a broken file into one line.

    Args:
        path: Of the file.
        expected: What it should be.
        remedy: What to do.

    Raises:
        UserError: The file is missing, truncated or something else.
    """
    try:
        yield
    except UserError:
        raise
    except BROKEN as error:
        said = " ".join(str(error).split()) or type(error).__name__
        found = (
            "no such file"
            if isinstance(error, FileNotFoundError)
            else f"one that is truncated or something else ({said})"
        )
        advice = f"; {remedy}" if remedy else ""
        raise UserError(f"{path}: expected {expected}, found: {found}{advice}") from error


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write one array as ``.npy``."""
    with atomic_file(path) as file:
        # To a real file NumPy writes past Python, and an error there does not say why.
        np.save(SimpleNamespace(write=file.write), array)


def map_array(path: Path) -> NDArray[Any]:
    """Return an ``.npy`` whose values are read from the file when they are needed."""
    return np.asarray(np.load(path, mmap_mode="r"))


@dataclass(frozen=True)
class ArrayFormat:
    """One array.

    Attributes:
        file: Its name, without ending.
    """

    file: str

    def save(self, folder: Path, value: NDArray[Any]) -> None:
        """Write the array."""
        save_array(folder / f"{self.file}.npy", value)

    def load(self, folder: Path) -> NDArray[Any]:
        """Read it back."""
        array: NDArray[Any] = np.load(folder / f"{self.file}.npy")
        return array


@dataclass(frozen=True)
class ArraysFormat(Generic[Value]):
    """Named arrays: a mapping, or a dataclass of nothing else.

    A field of the dataclass may be None; that must be its default.

    Attributes:
        file: Name of the ``.npz``, without ending.
        kind: ``dict`` or the dataclass.
    """

    file: str
    kind: type[Value]

    def save(self, folder: Path, value: Value) -> None:
        """Write the arrays."""
        arrays: Mapping[str, NDArray[Any] | None] = (
            {part.name: getattr(value, part.name) for part in fields(value)}
            if is_dataclass(value)
            else dict(value)  # type: ignore[call-overload]
        )
        there = {name: array for name, array in arrays.items() if array is not None}
        write_arrays(folder / f"{self.file}.npz", there)

    def load(self, folder: Path) -> Value:
        """Read them back."""
        return self.kind(**read_arrays(folder / f"{self.file}.npz"))


@dataclass(frozen=True)
class JsonFormat(Generic[Value]):
    """A number, a pydantic model, or a list of models.

    Attributes:
        file: Name of the ``.json``, without ending.
        kind: Type of the value.
    """

    file: str
    kind: type[Value]

    def save(self, folder: Path, value: Value) -> None:
        """Write the value, indented for people."""
        write_json(
            folder / f"{self.file}.json", TypeAdapter(self.kind).dump_python(value, mode="json")
        )

    def load(self, folder: Path) -> Value:
        """Read it back."""
        return TypeAdapter(self.kind).validate_json((folder / f"{self.file}.json").read_bytes())


@dataclass(frozen=True)
class KerasFormat:
    """A network without its optimizer.

    Attributes:
        file: Name of the ``.keras``, without ending.
    """

    file: str

    def save(self, folder: Path, value: "keras.Model") -> None:
        """Write the network."""
        value.save(folder / f"{self.file}.keras", include_optimizer=False)

    def load(self, folder: Path) -> "keras.Model":
        """Read it back."""
        return load_keras(folder / f"{self.file}.keras")


def load_keras(path: Path) -> "keras.Model":
    """Read a network in Keras's format; Keras must know its layers by then."""
    import keras  # noqa: PLC0415 - seconds to import; listing runs must not wait for it

    return keras.models.load_model(path, compile=False)
