"""A folder of IDX files, the form of MNIST's own distribution."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from gan_aug.data.readers.arrays import Array, Arrays
from gan_aug.errors import UserError

__all__ = ["read_idx", "read_idx_folder"]

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
IDX_UNSIGNED_BYTE = 0x08


def read_idx_folder(folder: Path) -> Arrays:
    """Read the four IDX files of MNIST's own distribution, plain or gzipped."""
    return {name: read_idx(find_idx(folder, stem)) for name, stem in IDX_FILES.items()}


def find_idx(folder: Path, stem: str) -> Path:
    dotted = stem.replace("-idx", ".idx")
    for candidate in (stem, f"{stem}.gz", dotted, f"{dotted}.gz"):
        if (folder / candidate).is_file():
            return folder / candidate
    raise UserError(f"{folder}: expected the IDX file {stem} or {stem}.gz in it, found neither")


def read_idx(path: Path) -> Array:
    """Read an IDX file of unsigned bytes: two zeros, type, rank, big-endian sizes, the bytes."""
    try:
        content = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: expected a readable IDX file, found {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != IDX_UNSIGNED_BYTE:
        raise UserError(
            f"{path}: expected the IDX header 00 00 08, found {content[:4].hex(' ') or 'nothing'}"
        )
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise UserError(f"{path}: expected a header of {header} bytes, found {len(content)}")
    shape = struct.unpack(f">{content[3]}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise UserError(
            f"{path}: expected {math.prod(shape)} bytes after the header, found "
            f"{len(content) - header}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
