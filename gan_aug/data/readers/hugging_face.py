"""A Hugging Face data set that was saved with ``save_to_disk``."""

import functools
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_aug.data.decoding import PictureFiles, read_pictures
from gan_aug.data.labels import name_labels
from gan_aug.data.parts import find_part
from gan_aug.data.source import UNLABELED, Names, Part, Source
from gan_aug.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["is_hugging_face", "open_hugging_face"]

MARKS = ("dataset_dict.json", "state.json")
IMAGES = ("image", "img", "images")
LABELS = ("label", "labels", "fine_label", "class", "target")


def is_hugging_face(path: Path) -> bool:
    """Tell the folder of ``save_to_disk`` by what is in it."""
    return any((path / mark).is_file() for mark in MARKS)


def open_hugging_face(path: Path, *, labeled: bool = True) -> Source:
    """Open a data set, or one with splits, that has an image column and a label column.

    Args:
        path: Of the folder that ``save_to_disk`` wrote.
        labeled: Whether there must be labels.

    Raises:
        UserError: The library is missing, the folder is broken, or a column is missing.
    """
    splits = load_splits(path)
    labels = {
        part: name_column(table, required=labeled and part != "unlabeled")
        for part, table in splits.items()
    }
    rows = {
        part: [Row(table, place, f"{part} row {place}") for place in range(len(table))]
        for part, table in ((part, undecode(table)) for part, table in splits.items())
    }
    pictures = PictureFiles(rows, open_row, name_row)
    return Source(path.resolve().name, labels, functools.partial(read_pictures, pictures))


def load_splits(path: Path) -> Mapping[Part, Any]:
    """Load all splits; nothing in the folder is executed.

    Raises:
        UserError: The library is missing, or the folder is broken.
    """
    try:
        import datasets  # noqa: PLC0415 - an extra, and a second to import
    except ImportError:
        raise UserError(
            "expected the package datasets, which reads Hugging Face data sets, found none; "
            "install gan-aug[hf]"
        ) from None
    try:
        loaded = datasets.load_from_disk(str(path))
    except Exception as error:
        said = " ".join(str(error).split())
        raise UserError(
            f"expected a folder that save_to_disk wrote, found one that is broken ({said}); save "
            "it again"
        ) from error
    if not isinstance(loaded, datasets.DatasetDict):
        return {"train": loaded}
    unknown = [name for name in loaded if find_part(name) is None]
    if unknown:
        raise UserError(
            f"expected splits called train, validation, test or unlabeled, found {unknown[0]}; "
            "rename or remove it"
        )
    return {part: table for name, table in loaded.items() if (part := find_part(name))}


def name_column(table: Any, *, required: bool) -> Names:
    """Return the name of each row's class; a label that the features name gets that name.

    Raises:
        UserError: There is no such column, or it has another form.
    """
    column = next((name for name in LABELS if name in table.column_names), None)
    if column is None:
        if required:
            raise UserError(
                f"expected a column {LABELS[0]} (or {', '.join(LABELS[1:])}), found "
                f"{', '.join(table.column_names)}; rename or add one"
            )
        return np.full(len(table), UNLABELED)
    values = table.with_format("arrow")[column].to_numpy()
    names = name_labels(values, f"column {column}")
    known = getattr(table.features[column], "names", None)
    if known is None:
        return names
    numbers = {str(number) for number in range(len(known))}
    unknown = sorted(set(names.tolist()) - numbers - {UNLABELED})
    if unknown:
        raise UserError(
            f"column {column}: expected numbers of the {len(known)} classes that the features "
            f"name, found {unknown[0]}; save it again"
        )
    return np.array([known[int(name)] if name else UNLABELED for name in names.tolist()])


def undecode(table: Any) -> Any:
    """Return a table whose images are the bytes of their files.

    Raises:
        UserError: It has no column of images.
    """
    import datasets  # noqa: PLC0415 - an extra, and a second to import

    column = next((name for name in IMAGES if name in table.column_names), None)
    if column is None or not isinstance(table.features[column], datasets.Image):
        raise UserError(
            f"expected an Image column {IMAGES[0]} (or {', '.join(IMAGES[1:])}), found "
            f"{', '.join(table.column_names)}; cast it with datasets.Image()"
        )
    return table.select_columns([column]).cast_column(column, datasets.Image(decode=False))


@dataclass(frozen=True)
class Row:
    """A row of a split.

    Attributes:
        table: The split, its images not decoded.
        place: Of the row.
        name: For people.
    """

    table: Any
    place: int
    name: str


def name_row(row: Row) -> str:
    """Return what to call a row in an error."""
    return row.name


def open_row(row: Row) -> "Image.Image":
    """Open the picture of a row; its pixels are not read yet."""
    from PIL import Image  # noqa: PLC0415 - only needed where pictures are read

    (stored,) = row.table[row.place].values()
    if not stored["bytes"] and not Path(stored["path"] or "").is_file():
        raise ValueError("neither a picture nor the file of one")
    return Image.open(io.BytesIO(stored["bytes"]) if stored["bytes"] else stored["path"])
