"""Readers: one file for each form that data sets come in."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gan_aug.data.readers.chapter_pickle import open_chapter_pickle
from gan_aug.data.readers.folders import open_folder
from gan_aug.data.readers.hugging_face import is_hugging_face, open_hugging_face
from gan_aug.data.readers.idx import is_idx, open_idx
from gan_aug.data.readers.npz import open_npz
from gan_aug.data.readers.tables import is_table, open_table
from gan_aug.data.source import Source
from gan_aug.errors import UserError
from gan_aug.settings.data import NAMED_SETS

__all__ = ["READERS", "Reader", "open_path"]


class Open(Protocol):
    """Opens data of one form."""

    def __call__(self, path: Path, *, labeled: bool = True) -> Source:
        """Read names, headers and labels, and refuse what is wrong with them.

        Args:
            path: Of a file or folder.
            labeled: Whether the images must have labels; where not, any images will do.
        """


@dataclass(frozen=True)
class Reader:
    """A form that data sets come in.

    Attributes:
        form: What it is called, for people.
        matches: Tells by names alone whether a path that exists is of this form.
        open: Opens it.
    """

    form: str
    matches: Callable[[Path], bool]
    open: Open


READERS: tuple[Reader, ...] = (
    Reader("an .npz of arrays", lambda path: path.suffix == ".npz" and path.is_file(), open_npz),
    Reader("a .csv, .csv.gz or .parquet table", is_table, open_table),
    Reader(
        "the chapter's mnist.pkl.gz",
        lambda path: path.name.endswith((".pkl", ".pkl.gz")) and path.is_file(),
        open_chapter_pickle,
    ),
    Reader("a saved Hugging Face data set", is_hugging_face, open_hugging_face),
    Reader("a folder of IDX files", lambda path: path.is_dir() and is_idx(path), open_idx),
    Reader("a folder of pictures by class", Path.is_dir, open_folder),
)


def open_path(path: Path, *, labeled: bool = True) -> Source:
    """Open a file or folder with the first reader that it matches.

    Args:
        path: Of a file or folder.
        labeled: Whether the images must have labels.

    Raises:
        UserError: There is none, or it isn't what it should be.
    """
    # Path.exists raises at names that are too long, or have a zero byte.
    if not os.path.exists(path):  # noqa: PTH110
        names = ", ".join(f"`{name}`" for name in NAMED_SETS)
        raise UserError(f"{path}: expected {names} or a path that exists, found nothing there")
    reader = next((reader for reader in READERS if reader.matches(path)), None)
    if reader is None:
        forms = ", ".join(reader.form for reader in READERS)
        raise UserError(
            f"{path}: expected {forms}, found a file ending in {path.suffix or 'nothing'}"
        )
    try:
        return reader.open(path, labeled=labeled)
    except UserError as error:
        message = str(error)
        raise UserError(
            message if message.startswith(f"{path}:") else f"{path}: {message}"
        ) from None
