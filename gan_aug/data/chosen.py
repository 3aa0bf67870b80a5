"""A table of the images that a person is to label, and the labels that come back in it.

It has a row an image: ``number`` (of the tile on the contact sheet), ``path`` (relative to the
table) or ``index`` (among the images to train on, then those without a label), ``label`` (empty
until somebody writes it), ``split`` and ``method``. A person may add columns.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gan_aug.data.labels import name_labels
from gan_aug.data.parts import find_part
from gan_aug.data.rearrange import SPLIT_NAMES, find_pool, merge_pool, split_pool
from gan_aug.data.source import UNLABELED, Names, Part, Source
from gan_aug.errors import UserError
from gan_aug.images import Indices
from gan_aug.store.files import atomic_file, check_target

__all__ = [
    "ChosenTable",
    "Row",
    "check_output",
    "list_rows",
    "read_table",
    "write_table",
]

COLUMNS = ("number", "path", "index", "label", "split", "method")
DELIMITERS = ",;\t"

Row = dict[str, str]
Identity = Literal["path", "index"]
IDENTITIES: tuple[Identity, ...] = ("path", "index")


@dataclass(frozen=True)
class ChosenTable:
    """Images that were chosen to be labeled, with such labels as there are.

    Attributes:
        path: Of the table.
        rows: One an image, by the names of the columns.
        identity: Which column says what image it is.
    """

    path: Path
    rows: list[Row]
    identity: Identity

    @property
    def labels(self) -> Names:
        """``(rows,)`` names of classes; :data:`UNLABELED` where nobody wrote one."""
        written = np.array([row["label"] for row in self.rows], str)
        return name_labels(written, f"{self.path}: column label")

    @property
    def parts(self) -> list[Part]:
        """The part that each image is for."""
        return [find_part(row.get("split") or "train") or "train" for row in self.rows]

    def relocate(self, path: Path) -> list[Row]:
        """Return the rows as a table at another place has them: paths are relative to it."""
        if self.identity == "index":
            return self.rows
        return [row | {"path": relate(self.path.parent / row["path"], path)} for row in self.rows]

    def find_places(self, source: Source) -> Indices:
        """Return which of the source's images to train on each row is, parts one after the other.

        Raises:
            UserError: An image is not among them, or has two rows.
        """
        places = self.find_files(source) if self.identity == "path" else self.find_numbers(source)
        if repeated := [place for place, count in Counter(places).items() if count > 1]:
            row = self.rows[places.index(repeated[0])]
            raise UserError(
                f"{self.path}: expected one row an image, found two of {row[self.identity]}; "
                "remove one"
            )
        return np.array(places, dtype=np.intp)

    def find_files(self, source: Source) -> list[int]:
        """Return the places of images that are known by their files."""
        files = [file for part, _ in find_pool(source) for file in source.files.get(part, ())]
        places = {file.resolve(): place for place, file in enumerate(files)}
        named = [(self.path.parent / row["path"]).resolve() for row in self.rows]
        missing = [file for file in named if file not in places]
        if missing:
            raise UserError(
                f"{self.path}: column path: expected images of {source.name} to train on, relative "
                f"to the folder of the table, found {len(missing):,} others, such as {missing[0]}; "
                "name the data that the table was made for"
            )
        return [places[file] for file in named]

    def find_numbers(self, source: Source) -> list[int]:
        """Return the places of images that are known by their index."""
        count = sum(len(places) for _, places in find_pool(source))
        found = [row["index"] for row in self.rows]
        odd = [number for number in found if not number.isdecimal() or int(number) >= count]
        if odd:
            raise UserError(
                f"{self.path}: column index: expected 0 to {count - 1}, an image of {source.name} "
                f"to train on, found {odd[0]!r}; name the data that the table was made for"
            )
        return [int(number) for number in found]

    def label(self, source: Source) -> Source:
        """Give a source the labels that were written into the table.

        Images that are for validation or test go to these parts; those whose label is still empty
        stay among the unlabeled ones.

        Raises:
            UserError: There are no labels, an image has another label already, or the source has
                no such image or class.
        """
        self.check_labels(source)
        places, labels = self.find_places(source), self.labels
        merged = merge_pool(source)
        names = merged.labels["train"].astype(object)
        self.check_contradictions(names[places])
        names[places] = np.where(labels == UNLABELED, names[places], labels)
        named = names.astype(str)
        parts = np.full(len(named), "train", dtype=object)
        parts[places] = np.where(labels == UNLABELED, "train", self.parts)
        return split_pool(merged, named, parts, (*merged.notes, self.describe()))

    def check_labels(self, source: Source) -> None:
        """Refuse a table without labels, or with classes that the source does not know."""
        known = set(self.labels.tolist()) - {UNLABELED}
        if not known:
            raise UserError(
                f"{self.path}: expected labels in the column label, found none in "
                f"{len(self.rows):,} rows; write them in"
            )
        foreign = known - set(source.classes or known)
        if foreign:
            raise UserError(
                f"{self.path}: column label: expected classes of {source.name}, found "
                f"{min(foreign)}; mend it"
            )

    def check_contradictions(self, own: Names) -> None:
        """Refuse labels of images that have another one already."""
        labels = self.labels
        odd = np.flatnonzero((own != UNLABELED) & (labels != UNLABELED) & (own != labels))
        if len(odd):
            row = self.rows[odd[0]]
            raise UserError(
                f"{self.path}: expected labels of images without one, found {labels[odd[0]]} for "
                f"{row[self.identity]}, which the data call {own[odd[0]]}; mend it"
            )

    def describe(self) -> str:
        """``suggested.csv has 20 labels: 15 of images chosen by medoids, 5 drawn at random``."""
        labeled = [
            row.get("method") or "hand"
            for row, label in zip(self.rows, self.labels, strict=True)
            if label != UNLABELED
        ]
        parts = [
            f"{count:,} of images " + ("drawn at random" if how == "random" else f"chosen by {how}")
            for how, count in Counter(labeled).items()
        ]
        return f"{self.path.name} has {len(labeled):,} labels: {', '.join(parts)}"


def read_table(path: Path) -> ChosenTable:
    """Read a table of chosen images; commas, semicolons or tabs stand between its columns.

    Raises:
        UserError: There is none, it is no CSV, or columns are missing.
        OSError: It can't be read.
    """
    if not path.is_file():
        raise UserError(f"{path}: expected a table that `gan-aug suggest` wrote, found no file")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: expected a CSV in UTF-8, found other bytes; have the spreadsheet save it as "
            "CSV UTF-8"
        ) from error
    if "\0" in text:
        raise UserError(f"{path}: expected a CSV, found one with zero bytes; save it again")
    header, _, _ = text.partition("\n")
    delimiter = max(DELIMITERS, key=header.count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="")
        columns, rows = list(reader.fieldnames or []), list(reader)
    except csv.Error as error:
        raise UserError(f"{path}: expected a CSV, found: {error}; mend it") from error
    identity = next((name for name in IDENTITIES if name in columns), None)
    if identity is None or "label" not in columns:
        raise UserError(
            f"{path}: expected columns label, and path or index, as `gan-aug suggest` writes them, "
            f"found {', '.join(columns[: len(COLUMNS)]) or 'none'}; name such a table"
        )
    # What a row has beyond the last column has no name.
    known = [{name: row[name].strip() for name in columns} for row in rows]
    check_parts(path, known)
    return ChosenTable(path, known, identity)


def check_parts(path: Path, rows: Sequence[Row]) -> None:
    """Refuse parts that there are none of."""
    words = {row.get("split") or "train" for row in rows}
    odd = [word for word in sorted(words) if find_part(word) not in SPLIT_NAMES]
    if odd:
        raise UserError(
            f"{path}: column split: expected {', '.join(SPLIT_NAMES)}, found {odd[0]!r}; mend it"
        )


def list_rows(
    places: Indices, source: Source, table: Path, *, first: int, part: Part, method: str
) -> list[Row]:
    """Return rows of images that nobody has labeled.

    Args:
        places: Of the images among those to train on, parts one after the other.
        source: Their source.
        table: Where the rows are to be written.
        first: Number of the first of them.
        part: What they are for.
        method: Which chose them.
    """
    files = [file for own, _ in find_pool(source) for file in source.files.get(own, ())]
    rows = []
    for number, place in enumerate(places.tolist(), first):
        known = {"path": relate(files[place], table)} if files else {"index": str(place)}
        rows.append({"number": str(number), **known, "label": "", "split": part, "method": method})
    return rows


def relate(file: Path, table: Path) -> str:
    """Return the path of a file from the folder of a table, with slashes."""
    return Path(os.path.relpath(file.resolve(), table.parent.resolve())).as_posix()


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a CSV that spreadsheets open; a column that a row does not have is empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_file(path, "w") as file:
        # The mark by which spreadsheets know that names of files are in UTF-8.
        file.write("\ufeff")
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def check_output(path: Path, known: Path | None) -> None:
    """Refuse to write where somebody's labels, or something else, would be lost.

    Args:
        path: Of the table to write.
        known: The table that is to go on in it; None where there is none.

    Raises:
        UserError: There is such a file.
    """
    if path.suffix.lower() != ".csv":
        raise UserError(f"output: expected a name that ends in .csv, found {path}; choose another")
    check_target(path)
    if not path.exists() or (known is not None and path.resolve() == known.resolve()):
        return
    labeled = sum(label != UNLABELED for label in read_table(path).labels.tolist())
    if labeled:
        raise UserError(
            f"{path}: expected no labels in a table that would be replaced, found {labeled:,}; go "
            f"on in it with --labels-from {path}, or choose another --output"
        )
