"""Files that may be gzipped, whatever their name says."""

import contextlib
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from gan_aug.memory import refuse_size

__all__ = ["Extent", "measure_unpacked", "open_unpacked"]

MAGIC = b"\x1f\x8b"
BLOCK = 1 << 20


@dataclass(frozen=True)
class Extent:
    """How much a file holds, unpacked.

    Attributes:
        size: Bytes.
        lines: Line ends.
    """

    size: int
    lines: int


@contextlib.contextmanager
def open_unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to read what it holds, unpacked if its first bytes are gzip's."""
    with path.open("rb") as file:
        packed = file.read(len(MAGIC)) == MAGIC
    with gzip.open(path) if packed else path.open("rb") as stream:
        yield cast("IO[bytes]", stream)


def measure_unpacked(path: Path) -> Extent:
    """Return how much a file holds, in the memory of a block.

    Raises:
        UserError: It is more than may be read.
        OSError: The file can't be read, or is no whole gzip.
    """
    size = lines = 0
    with open_unpacked(path) as stream:
        while block := stream.read(BLOCK):
            size += len(block)
            lines += block.count(b"\n")
            refuse_size(path.name, size)
    return Extent(size, lines)
