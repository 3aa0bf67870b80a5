"""Writing files: whole or not at all.

A file is written under a temporary name and renamed when it is whole. What is renamed was flushed
to the disk before, and the renaming after, so that losing power loses at most what was not yet
said to be done.
"""

import contextlib
import errno
import hashlib
import json
import lzma
import os
import re
import socket
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gan_aug.errors import UserError

__all__ = [
    "BROKEN",
    "Array",
    "atomic_file",
    "check_target",
    "digest_file",
    "flush",
    "read_arrays",
    "remove_leftovers",
    "write_arrays",
    "write_json",
    "write_rows",
]

Array = NDArray[Any]

TEMPORARY = ".partial"
# What some network file systems say when a folder is to be flushed.
UNFLUSHABLE = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSUP})
BROKEN = (
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    OverflowError,
    # zipfile raises it at encrypted members, and Python at JSON that is nested too deeply.
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What libraries raise at files that are truncated or something else."""


@contextlib.contextmanager
def atomic_file(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary neighbour of ``path`` that takes its place once it is written whole.

    Raises:
        UserError: There is something that is no file.
    """
    refuse_special(path)
    path = Path(os.path.realpath(path))  # which does not fail at a link to itself
    path.parent.mkdir(parents=True, exist_ok=True)
    newline, encoding = (None, None) if "b" in mode else ("", "utf-8")
    temporary = path.with_name(f".{path.name}.{name_host()}.{os.getpid()}{TEMPORARY}")
    try:
        with temporary.open(mode, newline=newline, encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def name_host() -> str:
    """Return this host's name without dots."""
    return re.sub(r"[^\w-]", "-", socket.gethostname())


def flush(path: Path) -> None:
    """Flush a closed file, or the names in a folder, to the disk, where the system can do that."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNFLUSHABLE:
            raise
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of processes of this host that are no more."""
    import psutil  # noqa: PLC0415 - a twentieth of a second; --help must not wait

    mark = re.compile(rf"\.{re.escape(name_host())}\.(?P<process>\d+){re.escape(TEMPORARY)}$")
    for path in folder.glob(f".*{TEMPORARY}"):
        found = mark.search(path.name)
        if found and not psutil.pid_exists(int(found["process"])):
            path.unlink(missing_ok=True)


def refuse_special(path: Path) -> None:
    """Raise :class:`UserError` where a device, a pipe or a folder would be replaced."""
    if path.exists() and not path.is_file():
        raise UserError(
            f"{path}: expected a file or a new name, found a folder, a device or a pipe; choose "
            "another name"
        )


def check_target(path: Path) -> None:
    """Refuse what a user names to be written, before anything is computed for it.

    Raises:
        UserError: There is something that is no file, or no folder for it.
    """
    refuse_special(path)
    if not path.parent.is_dir():
        raise UserError(f"{path}: expected a folder that exists, found none; make it first")


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Write a value as JSON, indented for people unless ``indent`` is None."""
    with atomic_file(path, "w") as file:
        json.dump(value, file, indent=indent)
        file.write("\n")


def write_arrays(path: Path, arrays: Mapping[str, Array], *, compress: bool = False) -> None:
    """Write named arrays into one ``.npz``."""
    with atomic_file(path) as file:
        (np.savez_compressed if compress else np.savez)(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, Array]:
    """Read back what :func:`write_arrays` wrote.

    Raises:
        ValueError: The file has something else; or what is in :data:`BROKEN`.
    """
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("it is no archive of arrays")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            read = {name: arrays[name] for name in arrays.files}
    if not all(isinstance(array, np.ndarray) for array in read.values()):
        raise ValueError("it has members that are no arrays")
    return read


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV; what is None stays empty."""
    import pandas as pd  # noqa: PLC0415 - half a second to import; --help must not wait

    with atomic_file(path, "w") as file:
        pd.DataFrame(rows).convert_dtypes().to_csv(file, index=False)


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
