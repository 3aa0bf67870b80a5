"""Load a data set from wherever it is: open, check, read, split."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_aug.data.chosen import read_table
from gan_aug.data.dataset import Dataset, assemble, share_budget
from gan_aug.data.duplicates import find_duplicates
from gan_aug.data.local import LocalSets
from gan_aug.data.pixels import describe_shape, join_images
from gan_aug.data.readers import open_path
from gan_aug.data.readers.digits import open_digits
from gan_aug.data.readers.folders import has_folders
from gan_aug.data.readers.named import open_fashion_mnist, open_mnist
from gan_aug.data.source import PARTS, UNLABELED, Names, Part, Reading, Source
from gan_aug.data.split import Split, check_trainable, split_source
from gan_aug.errors import DownloadError, UserError
from gan_aug.images import Images, check_shape, image_shape
from gan_aug.settings.base import AutoBudget
from gan_aug.settings.data import DataConfig, ReadingConfig

__all__ = [
    "Unlabeled",
    "build_dataset",
    "check_dataset",
    "load_dataset",
    "name_source",
    "open_images",
    "read_unlabeled",
    "tell_foreign",
]

logger = logging.getLogger(__name__)

NAMED_FILES = 3
DOWNLOADED = ("mnist", "fashion-mnist", "auto")


def check_dataset(config: DataConfig, local: LocalSets, budgets: Sequence[AutoBudget] = ()) -> None:
    """Refuse data whose names, headers or labels tell that they can't be used.

    Neither images are read nor is anything downloaded.

    Args:
        config: Which data, how they are read and split.
        local: Where named data sets are.
        budgets: Numbers of labels that will be drawn from them.

    Raises:
        UserError: The source isn't what it should be, or there are too few labels.
    """
    if config.unlabeled:
        pool = open_pool(config.unlabeled)
        with name_source(pool.name):
            tell_foreign(pool, config)
    wanted = "mnist" if config.dataset == "auto" else config.dataset
    if config.dataset in DOWNLOADED and wanted not in local:
        return
    source = open_labeled(config, local)
    with name_source(source.name):
        split = check_source(source, config)
        (origin,) = split.origins["train"]
        names = source.labels["train"][origin.places]
        counts = np.array([np.count_nonzero(names == name) for name in split.classes])
        for budget in budgets:
            if isinstance(budget, int):
                share_budget(counts, budget, np.arange(len(counts)))


def load_dataset(config: DataConfig, local: LocalSets) -> Dataset:
    """Load, verify and split a data set.

    Args:
        config: Which data, how they are read and split.
        local: Where named data sets are, used instead of a download.

    Raises:
        UserError: The source can't be had or isn't what it should be.
        DownloadError: It can't be downloaded now.
    """
    try:
        source = open_labeled(config, local)
    except DownloadError as error:
        if config.dataset != "auto":
            raise
        notice = (
            "MNIST could not be had, so this run used scikit-learn's 8x8 digits, enlarged: "
            f"its numbers say nothing about MNIST ({error})"
        )
        logger.warning(notice)
        return build_dataset(open_digits(), config, notice=notice)
    return build_dataset(source, config)


def open_labeled(config: DataConfig, local: LocalSets) -> Source:
    """Open a data set, and give it the labels that a setting names.

    Raises:
        UserError: One of the two isn't what it should be.
        DownloadError: The data set can't be downloaded now.
    """
    if not config.labels_from:
        return open_source(config.dataset, local)
    table = read_table(Path(config.labels_from))
    return table.label(open_images(config.dataset, local))


def open_images(dataset: str, local: LocalSets) -> Source:
    """Open a data set of which no image to train on need have a label: as :func:`open_source`."""
    path = Path(dataset)
    # Folders in it are classes or parts; a folder without any is full of images.
    if path.exists() and not (path.is_dir() and has_folders(path)):
        return open_pool(dataset)
    return open_source(dataset, local)


def open_source(dataset: str, local: LocalSets) -> Source:
    """Open a data set by its name or path: read names, headers and labels.

    Args:
        dataset: ``mnist``, ``auto``, ``fashion-mnist``, ``digits``, or a path.
        local: Where named data sets are.

    Raises:
        UserError: The source can't be had or isn't what it should be.
        DownloadError: It can't be downloaded now.
    """
    if dataset in {"mnist", "auto"}:
        return open_mnist(local.get("mnist"))
    if dataset == "fashion-mnist":
        return open_fashion_mnist(local.get("fashion-mnist"))
    if dataset == "digits":
        return open_digits()
    return open_path(Path(dataset))


def open_pool(path: str) -> Source:
    """Open images whose labels, if they have any, do not count."""
    return open_path(Path(path), labeled=False)


def check_source(source: Source, config: DataConfig) -> Split:
    """Return how a source is split, if its names, headers and labels are good.

    Raises:
        UserError: They are not.
    """
    tell_foreign(source, config)
    if "train" not in source.labels:
        raise UserError(
            f"expected a part to train on, found only {', '.join(source.labels)}; call one of them "
            "train"
        )
    if source.shapes and config.side is None:
        check_shape(source.shapes["train"])
    for part, shape in source.shapes.items():
        if config.side is None and shape != source.shapes["train"]:
            raise UserError(
                f"{part} images: expected {describe_shape(source.shapes['train'])}, as the "
                f"training images are, found {describe_shape(shape)}; make all of one shape, for "
                "example with --side 64"
            )
    return split_source(source.labels, config, source.classes)


def tell_foreign(source: Source, config: ReadingConfig) -> tuple[str, ...]:
    """Return a note on files that are no pictures by their names.

    Raises:
        UserError: They may not be there.
    """
    if not source.foreign:
        return ()
    named = ", ".join(source.foreign[:NAMED_FILES])
    more = len(source.foreign) - NAMED_FILES
    listed = f"{named} and {more:,} more" if more > 0 else named
    if not config.skip_unreadable:
        raise UserError(
            f"expected pictures alone, found {len(source.foreign):,} other files: {listed}; remove "
            "them, or leave them out with --skip-unreadable"
        )
    return (f"{len(source.foreign):,} files are no pictures and were left out: {listed}",)


def build_dataset(source: Source, config: DataConfig, *, notice: str | None = None) -> Dataset:
    """Read the images of a source, and split it.

    Args:
        source: Names, headers and labels.
        config: How the images are read and split, and more unlabeled ones.
        notice: What the user must know about the choice of data.

    Raises:
        UserError: The images are not what they should be.
    """
    with name_source(source.name):
        check_source(source, config)
        reading = source.read(config)
        labels = keep_read(source.labels, reading)
    reading, labels = add_pool(reading, labels, config)
    with name_source(source.name):
        split = split_source(labels, config, source.classes)
        split, duplicates = find_duplicates(reading, split, drop=config.drop_duplicates)
        (origin,) = split.origins["train"]
        check_trainable(labels["train"][origin.places], split.classes)
        notes = (
            *source.notes,
            *tell_foreign(source, config),
            *tell_duplicates(duplicates, dropped=config.drop_duplicates),
        )
        dataset = assemble(
            source.name,
            reading,
            labels,
            split,
            duplicates=duplicates,
            notes=notes,
            notice=notice,
        )
    for note in dataset.provenance.notes:
        logger.info("%s: %s", source.name, note)
    return dataset


def keep_read(labels: Mapping[Part, Names], reading: Reading) -> dict[Part, Names]:
    """Return the labels of those images that could be read."""
    return {
        part: names[reading.places[part]] if part in reading.places else names
        for part, names in labels.items()
    }


@dataclass(frozen=True)
class Unlabeled:
    """Images whose labels nobody asks for.

    Attributes:
        name: For people and for file names.
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        notes: What the user should know of how they were read.
    """

    name: str
    images: Images
    notes: tuple[str, ...]


def read_unlabeled(path: str, config: ReadingConfig) -> Unlabeled:
    """Read all images of a file or folder, whatever part they are in.

    Args:
        path: Data in any of the forms that there are readers for.
        config: How the images are read.

    Raises:
        UserError: There are none, or they are not what they should be.
    """
    source = open_pool(path)
    with name_source(source.name):
        foreign = tell_foreign(source, config)
        reading = source.read(config)
        images = join_images([reading.images[part] for part in PARTS if part in reading.images])
    notes = (*source.notes, *foreign, *reading.notes)
    return Unlabeled(source.name, images, notes)


def add_pool(
    reading: Reading, labels: dict[Part, Names], config: DataConfig
) -> tuple[Reading, dict[Part, Names]]:
    """Add the unlabeled images that a setting names, in the shape of the others.

    Raises:
        UserError: They can't be read, or have another shape.
    """
    if not config.unlabeled:
        return reading, labels
    height, _, channels = image_shape(reading.images["train"])
    pool = read_unlabeled(
        config.unlabeled,
        ReadingConfig(
            side=height,
            color="rgb" if channels == 3 else "grey",
            skip_unreadable=config.skip_unreadable,
        ),
    )
    own = reading.images.get("unlabeled")
    images = pool.images if own is None else np.concatenate([own, pool.images])
    notes = (*reading.notes, *(f"{pool.name}: {note}" for note in pool.notes))
    both = dataclasses.replace(reading, images={**reading.images, "unlabeled": images}, notes=notes)
    return both, {**labels, "unlabeled": np.full(len(images), UNLABELED)}


def tell_duplicates(count: int, *, dropped: bool) -> tuple[str, ...]:
    """Say how many training images are among those that judge."""
    if not count:
        return ()
    fate = "left out" if dropped else "kept; --drop-duplicates leaves them out"
    return (f"{count:,} training images are in the validation or test part too: {fate}",)


@contextlib.contextmanager
def name_source(name: str) -> Iterator[None]:
    """Put the name of the data before what is wrong with them."""
    try:
        yield
    except DownloadError:
        raise
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
