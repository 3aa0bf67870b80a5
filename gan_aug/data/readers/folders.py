"""A folder of pictures by class, with or without folders for the parts."""

import functools
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_aug.data.decoding import PICTURE_ENDINGS, PictureFiles, read_pictures
from gan_aug.data.parts import find_part
from gan_aug.data.source import UNLABELED, Part, Source
from gan_aug.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["has_folders", "open_folder", "open_picture"]

# What file managers leave behind.
IGNORED = {"thumbs.db", "desktop.ini"}
NAMED = 5

Labeled = list[tuple[Path, str]]
"""Files, and the name of each one's class."""


def open_folder(path: Path, *, labeled: bool = True) -> Source:
    """Open a folder of pictures: ``<class>/…`` or ``<part>/<class>/…``.

    The folders below a class belong to it. A folder called ``unlabeled`` holds unlabeled images.

    Args:
        path: Of the folder.
        labeled: Whether pictures must be in a folder of their class; if not, all pictures at any
            depth are unlabeled.

    Raises:
        UserError: It has another structure, or no pictures.
    """
    files: dict[Part, Labeled] = (
        find_parts(path) if labeled else {"unlabeled": label_files(path, UNLABELED)}
    )
    special = {file for own in files.values() for file, _ in own if is_special(file)}
    files = {part: [pair for pair in own if pair[0] not in special] for part, own in files.items()}
    found: dict[Part, Labeled] = {
        part: [(file, name) for file, name in own if is_picture(file)]
        for part, own in files.items()
    }
    foreign = [file for own in files.values() for file, _ in own if not is_picture(file)]
    present = {part: own for part, own in found.items() if own}
    if not present.keys() & {"train", "unlabeled"}:
        raise UserError(
            f"expected pictures ({', '.join(PICTURE_ENDINGS)}) in it, found "
            f"{count_files(foreign)}; convert them, or name another folder"
        )
    pictures = PictureFiles(
        {part: [file for file, _ in own] for part, own in present.items()}, open_picture
    )
    return Source(
        path.resolve().name,
        {part: np.array([name for _, name in own]) for part, own in present.items()},
        functools.partial(read_pictures, pictures),
        notes=tell_special(sorted(special)),
        foreign=tuple(map(str, foreign)),
        files=pictures.parts,
    )


def find_parts(folder: Path) -> dict[Part, Labeled]:
    """Return the files of every part.

    A folder is a part if it is called so and has folders itself, or if there is such a one to train
    on; so a class may be called ``test``. The others are classes, which train.
    """
    folders, files = list_content(folder)
    if not folders:
        raise UserError(
            f"expected a folder for each class in it, found {count_files(files)}; sort them by "
            "class, or pass them as --unlabeled"
        )
    has_parts = any(find_part(child.name) == "train" and has_folders(child) for child in folders)
    parts: dict[Part, Labeled] = {}
    classes = []
    for child in folders:
        part = find_part(child.name)
        if part == "unlabeled":
            parts.setdefault(part, []).extend(label_files(child, UNLABELED))
        elif part and (has_parts or has_folders(child)):
            if part in parts:
                raise UserError(f"expected one folder for {part} images, found {child.name} too")
            parts[part] = label_classes(child)
        else:
            classes.append(child)
    if "train" in parts and classes:
        names = ", ".join(child.name for child in classes[:NAMED])
        raise UserError(
            f"expected folders for parts, or for classes, found train and {names}; move the others "
            "away, or into train if they are classes"
        )
    own = [pair for child in classes for pair in label_files(child, child.name)]
    loose = [(file, UNLABELED) for file in files]
    if any(is_picture(file) for file in files):
        raise UserError(
            f"expected all pictures in folders, found {count_files(files)} beside these; move them"
        )
    parts["train"] = [*parts.get("train", own), *loose]
    return parts


def label_classes(folder: Path) -> Labeled:
    """Return the files of a part, each with the class whose folder it is in."""
    folders, files = list_content(folder)
    if files:
        raise UserError(
            f"expected a folder for each class in {folder.name}, found {count_files(files)} beside "
            "them; sort them by class, or pass them as --unlabeled"
        )
    return [pair for child in folders for pair in label_files(child, child.name)]


def label_files(folder: Path, name: str) -> Labeled:
    """Return all files below a folder, in order, with the name of their class."""
    found = []
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        # A link to a folder above would be followed for ever.
        seen.add(Path(place).resolve())
        folders[:] = sorted(
            child
            for child in folders
            if not is_ignored(child) and Path(place, child).resolve() not in seen
        )
        found += [(Path(place, file), name) for file in sorted(files) if not is_ignored(file)]
    return found


def tell_special(files: Sequence[Path]) -> tuple[str, ...]:
    """Return a note on files that have no content, if there are any."""
    if not files:
        return ()
    return (f"{count_files(files)} left out: a device, a pipe or a socket is no picture",)


def is_special(file: Path) -> bool:
    """Tell a device, a pipe or a socket; reading it might never end."""
    try:
        return not stat.S_ISREG(file.stat().st_mode)
    except OSError:
        return False


def list_content(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders and the files in a folder."""
    content = [path for path in sorted(folder.iterdir()) if not is_ignored(path.name)]
    folders = [path for path in content if path.is_dir()]
    return folders, [path for path in content if not path.is_dir()]


def has_folders(folder: Path) -> bool:
    """Tell whether there are folders in a folder."""
    return bool(list_content(folder)[0])


def is_ignored(name: str) -> bool:
    """Tell what file managers and archives leave behind."""
    return name.startswith((".", "__MACOSX")) or name.lower() in IGNORED


def is_picture(file: Path) -> bool:
    """Tell a picture by its name."""
    return file.suffix.lower() in PICTURE_ENDINGS


def count_files(files: Sequence[Path]) -> str:
    """``12 files such as 0001.jpg``."""
    if not files:
        return "nothing"
    return f"{len(files):,} file{'s' if len(files) > 1 else ''} such as {files[0].name}"


def open_picture(file: Path) -> "Image.Image":
    """Open a picture; its pixels are not read yet."""
    from PIL import Image  # noqa: PLC0415 - only needed where pictures are read

    return Image.open(file)
