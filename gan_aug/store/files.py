"""Writing files: whole or not at all.

A file is written under a temporary name and renamed when it is whole.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Array",
    "atomic_file",
    "digest_file",
    "write_arrays",
    "write_json",
    "write_rows",
]

Array = NDArray[Any]


@contextlib.contextmanager
def atomic_file(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary neighbour of ``path`` that takes its place once it is written whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    newline, encoding = (None, None) if "b" in mode else ("", "utf-8")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open(mode, newline=newline, encoding=encoding) as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Write a value as JSON, indented for people unless ``indent`` is None."""
    with atomic_file(path, "w") as file:
        json.dump(value, file, indent=indent)
        file.write("\n")


def write_arrays(path: Path, arrays: Mapping[str, Array], *, compress: bool = False) -> None:
    """Write named arrays into one ``.npz``."""
    with atomic_file(path) as file:
        (np.savez_compressed if compress else np.savez)(file, **arrays)  # type: ignore[arg-type]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV; what is None stays empty."""
    import pandas as pd  # noqa: PLC0415 - half a second to import; --help must not wait

    with atomic_file(path, "w") as file:
        pd.DataFrame(rows).convert_dtypes().to_csv(file, index=False)


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
