"""Real images, split, and where they come from."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from gan_aug.data.mnist import find_differences
from gan_aug.data.source import Names, Part, Reading
from gan_aug.data.split import Split
from gan_aug.errors import UserError
from gan_aug.images import (
    Images,
    ImageSpec,
    Indices,
    LabeledImages,
    Labels,
    digest_array,
    image_shape,
)
from gan_aug.settings.base import AutoBudget, Budget
from gan_aug.stage import Given, Stage
from gan_aug.store.files import write_json
from gan_aug.store.formats import map_array, save_array

__all__ = [
    "LABELED_PARTS",
    "Dataset",
    "DatasetFormat",
    "Provenance",
    "assemble",
    "describe_dataset",
    "draw_labeled",
    "resolve_budget",
    "share_budget",
]

logger = logging.getLogger(__name__)

LABELED_PARTS: tuple[Part, ...] = ("train", "validation", "test")
PROVENANCE_FILE = "provenance.json"
UNLABELED_FILE = "unlabeled-images.npy"
USUAL_BUDGET = 1000


class Provenance(BaseModel):
    """Where a data set comes from, and what it holds.

    Attributes:
        name: ``mnist``, ``digits``, or the name of a file or folder.
        sha256: Digest of the images, and of the label numbers, of each part.
        verified_mnist: Whether these are the arrays of MNIST, byte for byte.
        images: Number of images in each part.
        shape: Height, width and channels of each image.
        classes: Names of the classes, in the order of the labels; none for images without labels.
        class_counts: Part → number of its images of each class, in the order of the classes.
        duplicates: How many training images, labeled or not, the validation or test part has too.
        notes: What the user should know of how the data were read and split.
        notice: What the user must know about the choice of data, or None.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: dict[str, str]
    verified_mnist: bool
    images: dict[str, int]
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    class_counts: dict[str, list[int]] = {}
    duplicates: int = 0
    notes: tuple[str, ...] = ()
    notice: str | None = None

    def count_training_images(self) -> int:
        """Return how many images there are to train on, labeled or not."""
        return self.images["train"] + self.images.get("unlabeled", 0)


@dataclass(frozen=True)
class Dataset:
    """Real images, split; every image of the source is in one part.

    Attributes:
        train: Labels are known for all, but a run may look at few of them.
        validation: For the comparison of the arms.
        test: Scored once, in the comparison.
        provenance: Where they come from.
        unlabeled: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8, training images whose label
            nobody knows; None where there are none.
    """

    train: LabeledImages
    validation: LabeledImages
    test: LabeledImages
    provenance: Provenance
    unlabeled: Images | None = None

    @property
    def spec(self) -> ImageSpec:
        """Shape and classes of all parts."""
        return self.train.spec

    @property
    def images(self) -> Images:
        """All images to train on, those with labels first."""
        if self.unlabeled is None:
            return self.train.images
        return np.concatenate([self.train.images, self.unlabeled])


class DatasetFormat:
    """Each array in a file of its own, which is read where it is needed."""

    def save(self, folder: Path, value: Dataset) -> None:
        """Write all parts, and where they come from."""
        for part in LABELED_PARTS:
            labeled: LabeledImages = getattr(value, part)
            save_array(folder / f"{part}-images.npy", labeled.images)
            save_array(folder / f"{part}-labels.npy", labeled.labels)
        if value.unlabeled is not None:
            save_array(folder / UNLABELED_FILE, value.unlabeled)
        write_json(folder / PROVENANCE_FILE, value.provenance.model_dump(mode="json"))

    def load(self, folder: Path) -> Dataset:
        """Read it back."""
        provenance = Provenance.model_validate_json((folder / PROVENANCE_FILE).read_bytes())
        spec = ImageSpec(provenance.shape, provenance.classes)
        train, validation, test = (
            LabeledImages(
                map_array(folder / f"{part}-images.npy"),
                map_array(folder / f"{part}-labels.npy"),
                spec,
            )
            for part in LABELED_PARTS
        )
        has_more = "unlabeled" in provenance.images
        unlabeled = map_array(folder / UNLABELED_FILE) if has_more else None
        return Dataset(train, validation, test, provenance, unlabeled)


def describe_dataset(provenance: Provenance, dataset: Dataset | None = None) -> Stage[Dataset]:
    """Return the stage of a data set, which is known by its content.

    Args:
        provenance: Of the data set.
        dataset: The data set, where the store does not have it yet.
    """
    return Stage(
        "dataset",
        "load",
        Given(dataset),
        DatasetFormat(),
        settings={
            "name": provenance.name,
            "sha256": provenance.sha256,
            "classes": provenance.classes,
        },
    )


def assemble(
    name: str,
    reading: Reading,
    labels: Mapping[Part, Names],
    split: Split,
    *,
    duplicates: int = 0,
    notes: Sequence[str] = (),
    notice: str | None = None,
) -> Dataset:
    """Put the images of a source into the parts of a data set.

    Args:
        name: Of the data set, for people.
        reading: Its images.
        labels: Part → names of the classes of these images.
        split: Where each part's images come from.
        duplicates: How many training images the validation or test part has too.
        notes: What the user should know of how the data were read and split.
        notice: What the user must know about the choice of data.

    Raises:
        UserError: There are no networks for images of this shape.
    """
    images = {part: gather_images(reading, split, part) for part in split.origins}
    spec = ImageSpec(image_shape(images["train"]), split.classes)
    train, validation, test = (
        LabeledImages(images[part], number_labels(labels, split, part), spec)
        for part in LABELED_PARTS
    )
    named = {"train": train, "validation": validation, "test": test}
    unlabeled = images.get("unlabeled")
    digests = {f"{part} images": digest_array(array) for part, array in images.items()}
    provenance = Provenance(
        name=name,
        sha256=digests
        | {f"{part} labels": digest_array(held.labels) for part, held in named.items()},
        verified_mnist=not find_differences(reading, labels),
        images={part: len(array) for part, array in images.items()},
        shape=spec.shape,
        classes=spec.classes,
        class_counts={
            part: list(spec.count_images(held.labels).values()) for part, held in named.items()
        },
        duplicates=duplicates,
        notes=(*reading.notes, *split.notes, *notes),
        notice=notice,
    )
    return Dataset(train, validation, test, provenance, unlabeled)


def gather_images(reading: Reading, split: Split, part: Part) -> Images:
    """Return the images of a part, without a copy where they are all of one part of the source."""
    gathered = [
        images if len(images) == len(origin.places) else images[origin.places]
        for origin in split.origins[part]
        for images in [reading.images[origin.part]]
    ]
    return gathered[0] if len(gathered) == 1 else np.concatenate(gathered)


def number_labels(labels: Mapping[Part, Names], split: Split, part: Part) -> Labels:
    """Return the number of the class of each image of a part."""
    numbers = {name: number for number, name in enumerate(split.classes)}
    names = np.concatenate([labels[origin.part][origin.places] for origin in split.origins[part]])
    return np.array([numbers[name] for name in names.tolist()], dtype=np.uint16)


def resolve_budget(budget: AutoBudget, provenance: Provenance) -> Budget:
    """Return how many labels may be seen, where that is left to the data.

    Args:
        budget: A number, ``all``, or ``auto``: all labels where there are unlabeled images too or
            not more than a thousand labels, else a thousand.
        provenance: Of the data set.
    """
    if budget != "auto":
        return budget
    few = provenance.images["train"] <= USUAL_BUDGET or "unlabeled" in provenance.images
    return "all" if few else USUAL_BUDGET


def draw_labeled(train: LabeledImages, budget: Budget, *, seed: int) -> Indices:
    """Draw the images whose labels may be seen: as many of every class as it has, or as others get.

    With the same seed, a larger subset contains the smaller ones.

    Args:
        train: The training images with all their labels.
        budget: How many labels may be seen, or ``all``.
        seed: Determines the draw.

    Returns:
        ``(budget,)`` their places in ``train``, ascending; the rest is the unlabeled pool.

    Raises:
        UserError: There are fewer labels than classes, or more than images.
    """
    classes = train.spec.classes
    if budget == "all":
        return np.arange(len(train))
    counts = np.bincount(train.labels, minlength=len(classes))
    rng = np.random.default_rng(seed)
    quotas = share_budget(counts, budget, rng.permutation(len(classes)))
    chosen = []
    for label, quota in enumerate(quotas):
        candidates = rng.permutation(np.flatnonzero(train.labels == label))
        chosen.append(candidates[:quota])
    scarce = [
        f"{classes[label]} {quotas[label]}" for label in np.flatnonzero(quotas < quotas.max() - 1)
    ]
    if scarce:
        logger.info(
            "labels: at most %d of a class; these have no more: %s", quotas.max(), ", ".join(scarce)
        )
    return np.sort(np.concatenate(chosen))


def share_budget(counts: Indices, budget: int, order: Indices) -> Indices:
    """Share labels among the classes as evenly as their images allow.

    Args:
        counts: ``(classes,)`` images of each class.
        budget: Labels to share.
        order: The classes, those first that get one more where it does not come out even.

    Returns:
        ``(classes,)`` labels for each class.

    Raises:
        UserError: There are fewer labels than classes, or more than images.
    """
    if not len(counts) <= budget <= counts.sum():
        raise UserError(
            f"labels: expected {len(counts)} (one a class) to {counts.sum()} (the training "
            f"images), found {budget}"
        )
    # Label by label, every class that still has images gets one in turn.
    classes = np.repeat(np.arange(len(counts)), counts)
    rounds = np.concatenate([np.arange(count) for count in counts])
    turns = np.argsort(order)[classes]
    first = np.lexsort((turns, rounds))[:budget]
    return np.bincount(classes[first], minlength=len(counts))
