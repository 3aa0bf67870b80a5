"""Files that may be gzipped, whatever their name says."""

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

__all__ = ["open_unpacked"]

MAGIC = b"\x1f\x8b"


@contextlib.contextmanager
def open_unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to read what it holds, unpacked if its first bytes are gzip's."""
    with path.open("rb") as file:
        packed = file.read(len(MAGIC)) == MAGIC
    with gzip.open(path) if packed else path.open("rb") as stream:
        yield cast("IO[bytes]", stream)
