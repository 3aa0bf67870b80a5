"""Images that somebody could label, and which of them are spoken for already."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_aug.data.chosen import ChosenTable, Row, list_rows, read_table
from gan_aug.data.load import Unlabeled, name_source, open_images, tell_foreign
from gan_aug.data.local import LocalSets
from gan_aug.data.pictures import Pictures, make_pictures
from gan_aug.data.rearrange import merge_pool
from gan_aug.data.source import UNLABELED, Part, Source
from gan_aug.errors import UserError
from gan_aug.images import Indices, Marks
from gan_aug.settings.data import ReadingConfig
from gan_aug.settings.suggestion import SuggestionConfig

__all__ = ["Pool", "PoolPictures", "open_pool"]


@dataclass(frozen=True)
class PoolPictures:
    """The images of a pool, read.

    Attributes:
        pictures: All that may be trained on.
        places: ``(n,)`` which of the pool's images they are.
        chosen: Which of them have a label, or were suggested before.
    """

    pictures: Pictures
    places: Indices
    chosen: Indices


@dataclass(frozen=True)
class Pool:
    """Images to train on of which some have no label; they are not read yet.

    Attributes:
        source: Has all of them in the part ``train``.
        table: What was suggested before; None where nothing was.
        held_out: ``(n,)`` bool, those that the table has for validation or test.
        chosen: ``(n,)`` bool, those that have a label, or were suggested before.
    """

    source: Source
    table: ChosenTable | None
    held_out: Marks
    chosen: Marks

    @property
    def left(self) -> int:
        """How many can be suggested."""
        return int(np.count_nonzero(~(self.chosen | self.held_out)))

    @property
    def rows(self) -> list[Row]:
        """What was suggested before."""
        return self.table.rows if self.table else []

    def read(self, config: ReadingConfig) -> PoolPictures:
        """Read the images, without those that are for validation or test.

        Raises:
            UserError: They are not what they should be.
        """
        with name_source(self.source.name):
            notes = tell_foreign(self.source, config)
            reading = self.source.read(config)
            places = reading.places["train"]
            kept = np.flatnonzero(~self.held_out[places])
            images = reading.images["train"][kept]
            found = Unlabeled(self.source.name, images, (*notes, *reading.notes))
            chosen = np.flatnonzero(self.chosen[places[kept]])
            return PoolPictures(make_pictures(found), places[kept], chosen)

    def list_rows(self, places: Indices, path: Path, *, part: Part, method: str) -> list[Row]:
        """Return the rows of the table so far, and those of further images.

        Args:
            places: Of the further images.
            path: Where the table is to be written.
            part: What they are for.
            method: Which chose them.
        """
        numbers = [row.get("number", "") for row in self.rows]
        first = 1 + max((int(number) for number in numbers if number.isdecimal()), default=0)
        more = list_rows(places, self.source, path, first=first, part=part, method=method)
        known = self.table.relocate(path) if self.table else []
        return [*known, *more]


def open_pool(config: SuggestionConfig, local: LocalSets) -> Pool:
    """Open the images of a data set that somebody could label; names and labels are read.

    Args:
        config: Which data, and the table of what was suggested before.
        local: Where named data sets are.

    Raises:
        UserError: Data or table are not what they should be, or all images have a label.
    """
    opened = open_images(config.dataset, local)
    table = read_table(Path(config.labels_from)) if config.labels_from else None
    with name_source(opened.name):
        source = merge_pool(opened)
    named = source.labels["train"] != UNLABELED
    if named.all():
        raise UserError(
            f"{opened.name}: expected images to train on that have no label, found one for each of "
            f"{len(named):,}; name a folder or an array of images alone, or put pictures into a "
            "folder unlabeled"
        )
    held_out = np.zeros(len(named), bool)
    if table:
        places = table.find_places(opened)
        held_out[places] = [part != "train" for part in table.parts]
        named[places] = True
    return Pool(source, table, held_out, named & ~held_out)
