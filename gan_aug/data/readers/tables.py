"""A table, CSV or Parquet: a column a pixel, or a column with the path of each picture."""

import contextlib
import csv
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_aug.data.decoding import PictureFiles, read_pictures
from gan_aug.data.gzipped import measure_unpacked, open_unpacked
from gan_aug.data.labels import name_labels
from gan_aug.data.parts import find_part
from gan_aug.data.readers.arrays import ArrayHeader, read_arrays
from gan_aug.data.readers.folders import open_picture
from gan_aug.data.source import UNLABELED, Array, Names, Part, Source
from gan_aug.errors import UserError
from gan_aug.images import LARGEST_SIDE, Indices
from gan_aug.memory import refuse_size
from gan_aug.store.files import BROKEN

if TYPE_CHECKING:
    import pyarrow

__all__ = ["is_table", "open_table"]

ENDINGS = (".csv", ".csv.gz", ".parquet")
LABELS = ("label", "labels", "class", "target", "y", "category")
PATHS = ("path", "file", "filename", "file_name", "image", "image_path", "filepath")
SPLITS = ("split", "part", "subset")
UNUSED = ("id", "index", "image_id", "")
BLOCK_BYTES = 1 << 26
NAMED = 5
FEWEST_PIXELS = 16
LONGEST_LINE = 1 << 24
MOST_COLUMNS = LARGEST_SIDE**2 + 1000
DESCRIPTION_BYTES = 128  # of an entry of a column that is no pixel, while it is read


def is_table(path: Path) -> bool:
    """Tell a table by its name."""
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def open_table(path: Path, *, labeled: bool = True) -> Source:
    """Open a table.

    It has a column ``label`` (or ``class``, ``target``, ``y``), empty for an unlabeled image; and
    either a column ``path`` (or ``file``, ``image``) of picture files, relative to the table, or a
    column for each pixel of a grey square. A column ``split`` may name the part of each image.

    Args:
        path: Of the table.
        labeled: Whether it must have labels.

    Raises:
        UserError: It is broken, or columns are missing or of another form.
    """
    columns = list_columns(path)
    label, picture, split = (find_column(columns, names) for names in (LABELS, PATHS, SPLITS))
    if label is None and labeled:
        raise UserError(
            f"expected a column {LABELS[0]} (or {', '.join(LABELS[1:])}), found "
            f"{name_columns(columns)}; add one, empty for images without a label"
        )
    described = [name for name in (label, picture, split) if name is not None]
    refuse_size(path.name, count_rows(path) * DESCRIPTION_BYTES * (1 + len(described)))
    known = read_columns(path, described)
    count = len(next(iter((known or read_columns(path, columns[:1])).values())))
    names = (
        name_labels(known[label], f"column {label}")
        if label is not None
        else np.full(count, UNLABELED)
    )
    places = find_places(known[split] if split is not None else None, names, split)
    labels = {part: names[own] for part, own in places.items()}
    if picture is not None:
        return open_paths(path, known[picture], picture, labels, places)
    return open_pixels(path, columns, described, labels, places)


def open_paths(
    table: Path,
    paths: Array,
    column: str,
    labels: Mapping[Part, Names],
    places: Mapping[Part, Indices],
) -> Source:
    """Open a table that names picture files."""
    files = [table.parent / str(path) for path in paths]
    # Path.is_file raises at names that are too long, or have a zero byte.
    missing = [file for file in files if not os.path.isfile(file)]  # noqa: PTH113
    if missing:
        raise UserError(
            f"column {column}: expected files, relative to the folder of the table, found "
            f"{len(missing):,} of {len(files):,} missing, such as {missing[0]}; mend the paths"
        )
    pictures = PictureFiles(
        {part: [files[place] for place in own] for part, own in places.items()}, open_picture
    )
    return Source(
        table.name, labels, functools.partial(read_pictures, pictures), files=pictures.parts
    )


def open_pixels(
    table: Path,
    columns: Sequence[str],
    described: Sequence[str],
    labels: Mapping[Part, Names],
    places: Mapping[Part, Indices],
) -> Source:
    """Open a table with a column for each pixel."""
    others = [name for name in columns if name not in described]
    pixels = [name for name in others if name.lower() not in UNUSED]
    side = isqrt(len(pixels))
    if side**2 != len(pixels) or len(pixels) < FEWEST_PIXELS:
        raise UserError(
            f"expected a column {PATHS[0]} (or {', '.join(PATHS[1:])}), or a column for each pixel "
            f"of a grey square, found {len(pixels)} columns beside the label: "
            f"{name_columns(pixels)}; remove what is no pixel"
        )
    rows = sum(len(own) for own in places.values())
    refuse_size(table.name, rows * len(pixels) * np.dtype(np.float64).itemsize)

    headers = {
        part: ArrayHeader(
            "pixel columns",
            (len(own), len(pixels)),
            functools.partial(read_rows, table, tuple(pixels), own),
        )
        for part, own in places.items()
    }
    notes = tuple(f"column {name} is not used" for name in others if name not in pixels)
    return Source(
        table.name,
        labels,
        functools.partial(read_arrays, headers),
        notes=notes,
        shapes=dict.fromkeys(places, (side, side, 1)),
    )


def read_rows(table: Path, pixels: tuple[str, ...], rows: Indices) -> Array:
    """Read the pixels of some rows: ``(n, pixels)``."""
    columns = read_columns(table, pixels)
    return np.stack([columns[name][rows] for name in pixels], axis=1)


def find_places(splits: Array | None, names: Names, column: str | None) -> dict[Part, Indices]:
    """Return the rows of each part; without a column that says it, all rows train."""
    if splits is None:
        return {"train": np.arange(len(names))}
    parts = [find_part(str(word).strip()) for word in splits]
    unknown = [str(word) for word, part in zip(splits, parts, strict=True) if part is None]
    if unknown:
        raise UserError(
            f"column {column}: expected train, validation, test or unlabeled in every row, found "
            f"{unknown[0]!r}; mend it"
        )
    found = np.array(parts)
    return {part: np.flatnonzero(found == part) for part in dict.fromkeys(parts) if part}


def find_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the column that has one of these names, in any case."""
    found = [column for column in columns if column.strip().lower() in names]
    if len(found) > 1:
        raise UserError(
            f"expected one of the columns {', '.join(found)}, found all; remove the others"
        )
    return found[0] if found else None


def name_columns(columns: Sequence[str]) -> str:
    """Return the names of the first columns."""
    more = f" and {len(columns) - NAMED:,} more" if len(columns) > NAMED else ""
    return ", ".join(columns[:NAMED]) + more if columns else "none"


# ------------------------------------------------------------------------ the two kinds of file


def list_columns(path: Path) -> list[str]:
    """Return the names of all columns."""
    import pyarrow.parquet  # noqa: PLC0415 - only needed where a table is read

    with refuse_broken_table():
        if is_parquet(path):
            return list(pyarrow.parquet.read_schema(path).names)
        with open_unpacked(path) as stream:
            header = stream.readline(LONGEST_LINE).decode("utf-8-sig")
        columns = next(csv.reader([header]), [])
    if len(columns) > MOST_COLUMNS:
        raise UserError(f"expected at most {MOST_COLUMNS:,} columns, found {len(columns):,}")
    if columns and all(re.fullmatch(r"-?[\d.]+", name) for name in columns):
        raise UserError(
            f"expected the names of columns in the first line, found numbers "
            f"({name_columns(columns)}); add a line such as label,pixel0,pixel1,…"
        )
    if len(set(columns)) < len(columns):
        raise UserError(f"expected different names of columns, found {name_columns(columns)}")
    return columns


def count_rows(path: Path) -> int:
    """Return how many rows a table has at most.

    Raises:
        UserError: The file is broken, or larger than may be read.
    """
    import pyarrow.parquet  # noqa: PLC0415

    with refuse_broken_table():
        if is_parquet(path):
            return int(pyarrow.parquet.read_metadata(path).num_rows)
        return measure_unpacked(path).lines + 1


def read_columns(path: Path, names: Sequence[str]) -> dict[str, Array]:
    """Read some columns, each as an array.

    Raises:
        UserError: The file is broken, or has rows of different length.
    """
    if not names:
        return {}
    with refuse_broken_table():
        table = read_parquet(path, names) if is_parquet(path) else read_csv(path, names)
        return {name: to_array(table.column(name)) for name in names}


def read_parquet(path: Path, names: Sequence[str]) -> "pyarrow.Table":
    """Read columns of a Parquet file."""
    import pyarrow.parquet  # noqa: PLC0415

    texts = [field.name for field in pyarrow.parquet.read_schema(path) if is_text(field.type)]
    # A value that many rows have is then in memory once.
    return pyarrow.parquet.read_table(path, columns=list(names), read_dictionary=texts)


def read_csv(path: Path, names: Sequence[str]) -> "pyarrow.Table":
    """Read columns of a CSV file; an empty field is null, also in a column of text."""
    from pyarrow import csv as arrow_csv  # noqa: PLC0415

    with open_unpacked(path) as stream:
        return arrow_csv.read_csv(
            stream,
            read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(names), strings_can_be_null=True
            ),
        )


def to_array(column: "pyarrow.ChunkedArray") -> Array:
    """Return a column as an array: NaN or None where it is empty.

    Raises:
        ValueError: Its text is not in UTF-8.
    """
    from pyarrow import types  # noqa: PLC0415

    if types.is_binary(column.type):
        raise ValueError("text that is not in UTF-8")
    if types.is_dictionary(column.type):
        return np.concatenate([take_words(chunk) for chunk in column.chunks] or [np.array([])])
    array: Array = column.to_numpy()
    return array


def take_words(chunk: "pyarrow.DictionaryArray") -> Array:
    """Return references to the words of a chunk; None where there is none."""
    words = np.array([*chunk.dictionary.to_pylist(), None], dtype=object)
    places = chunk.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    taken: Array = words[places]
    return taken


def is_text(kind: "pyarrow.DataType") -> bool:
    """Whether a column has words."""
    from pyarrow import types  # noqa: PLC0415

    return bool(types.is_string(kind) or types.is_large_string(kind))


def is_parquet(path: Path) -> bool:
    """Tell a Parquet file by its name."""
    return path.suffix.lower() == ".parquet"


@contextlib.contextmanager
def refuse_broken_table() -> Iterator[None]:
    """Turn what a library says of a broken table into one line."""
    import pyarrow  # noqa: PLC0415

    try:
        yield
    except UserError:
        raise
    except (*BROKEN, pyarrow.ArrowException, csv.Error) as error:
        said = " ".join(str(error).split())
        raise UserError(
            f"expected a whole table with as many fields in every row, found: {said}; mend it"
        ) from error
