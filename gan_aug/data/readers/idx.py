"""A folder of IDX files, the form in which MNIST, Fashion-MNIST and EMNIST are distributed."""

import contextlib
import functools
import math
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from gan_aug.data.gzipped import open_unpacked
from gan_aug.data.readers.arrays import ArrayHeader, open_arrays
from gan_aug.data.source import Array, Part, Source
from gan_aug.errors import UserError
from gan_aug.memory import refuse_size

__all__ = ["is_idx", "open_idx", "read_idx"]

# train-images-idx3-ubyte, t10k-labels.idx1-ubyte.gz, emnist-letters-test-images-idx3-ubyte
NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|valid|validation|val|test|t10k|unlabeled)"
    r"-(?P<role>images|labels)[-.]idx[13]-ubyte(\.gz)?$"
)
PARTS: dict[str, Part] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "t10k": "test",
    "unlabeled": "unlabeled",
}
FOUND_NAMES = 8
UNSIGNED_BYTE = 0x08
MOST_AXES = 4
BLOCK = 1 << 24


def is_idx(folder: Path) -> bool:
    """Tell whether a folder has files that are named as IDX files are."""
    return any(NAME.match(path.name) for path in folder.iterdir())


def open_idx(path: Path, *, labeled: bool = True) -> Source:
    """Open a folder of IDX files, plain or gzipped, with or without a prefix as EMNIST's have.

    Args:
        path: Of the folder.
        labeled: Whether images must have labels.

    Raises:
        UserError: A file is missing, broken or too large, or there are two of a kind.
    """
    files = find_files(path)
    images = {part: open_file(file) for part, file in files["images"].items()}
    if "train" not in images and labeled:
        raise UserError(
            "expected the IDX file train-images-idx3-ubyte or train-images-idx3-ubyte.gz in it, "
            f"found {name_content(path)}"
        )
    labels = {part: open_file(file) for part, file in files["labels"].items()}
    for part, header in images.items():
        if labeled and part not in labels and part != "unlabeled":
            wanted = header.where.replace("images", "labels").replace("idx3", "idx1")
            raise UserError(f"expected the IDX file {wanted} in it, found {name_content(path)}")
    return open_arrays(path.resolve().name, images, labels)


def find_files(folder: Path) -> dict[str, dict[Part, Path]]:
    """Return the files of images and of labels, by their part."""
    files: dict[str, dict[Part, Path]] = defaultdict(dict)
    prefixes = set()
    for path in sorted(folder.iterdir()):
        named = NAME.match(path.name)
        if not named or not path.is_file():
            continue
        part = PARTS[named["part"]]
        prefixes.add(named["prefix"])
        if part in files[named["role"]] or len(prefixes) > 1:
            raise UserError(
                f"expected the IDX files of one data set in it, found {name_content(folder)}; "
                "give each data set a folder of its own"
            )
        files[named["role"]][part] = path
    return files


def name_content(folder: Path) -> str:
    """Return the names of the first files in a folder."""
    names = sorted(path.name for path in folder.iterdir())
    more = f" and {len(names) - FOUND_NAMES:,} more" if len(names) > FOUND_NAMES else ""
    return ", ".join(names[:FOUND_NAMES]) + more if names else "nothing"


def open_file(path: Path) -> ArrayHeader:
    """Read the header of a file."""
    with refuse_unreadable(path), open_unpacked(path) as file:
        shape = read_shape(path, file)
    return ArrayHeader(path.name, shape, functools.partial(read_idx, path))


def read_idx(path: Path) -> Array:
    """Read an IDX file of unsigned bytes: two zeros, type, rank, big-endian sizes, the bytes.

    Raises:
        UserError: It is another file, or has fewer or more bytes than it says.
    """
    with refuse_unreadable(path), open_unpacked(path) as file:
        return read_array(path, file)


@contextlib.contextmanager
def refuse_unreadable(path: Path) -> Iterator[None]:
    """Turn what the system or gzip says of a broken file into one line."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path.name}: expected a readable IDX file, found {error}") from error


def read_shape(path: Path, file: IO[bytes]) -> tuple[int, ...]:
    """Read the header.

    Raises:
        UserError: It is none, or promises more than fits in memory.
    """
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != UNSIGNED_BYTE:
        raise UserError(
            f"{path.name}: expected the IDX header 00 00 08, found {start.hex(' ') or 'nothing'}"
        )
    rank = start[3]
    if not 1 <= rank <= MOST_AXES:
        raise UserError(f"{path.name}: expected 1 to {MOST_AXES} axes, found {rank}")
    sizes = file.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise UserError(
            f"{path.name}: expected a header of {4 + 4 * rank} bytes, found {4 + len(sizes)}"
        )
    shape: tuple[int, ...] = struct.unpack(f">{rank}I", sizes)
    refuse_size(path.name, math.prod(shape))
    return shape


def read_array(path: Path, file: IO[bytes]) -> Array:
    """Read header and bytes."""
    shape = read_shape(path, file)
    promised = math.prod(shape)
    content = bytearray()
    # A header may promise what the file does not have. One byte more than promised is enough to
    # know that there are too many.
    while block := file.read(min(promised + 1 - len(content), BLOCK)):
        content += block
    if len(content) != promised:
        found = len(content) if len(content) < promised else f"more than {promised}"
        raise UserError(
            f"{path.name}: expected {promised} bytes after the header, found {found}; fetch the "
            "file again"
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)
