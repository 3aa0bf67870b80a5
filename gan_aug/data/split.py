"""Which of a source's images train, validate and test."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gan_aug.data.labels import order_classes
from gan_aug.data.mnist import has_mnist_labels
from gan_aug.data.source import UNLABELED, Names, Part
from gan_aug.errors import UserError
from gan_aug.images import Indices, check_classes
from gan_aug.settings.data import DataConfig

__all__ = ["Origin", "Split", "split_source"]

MNIST_VALIDATION = 10_000
SMALLEST_HELD_OUT = 2
SMALLEST_CLASS = 2


@dataclass(frozen=True)
class Origin:
    """Where images of a part come from.

    Attributes:
        part: Of the source.
        places: Of the images in it.
    """

    part: Part
    places: Indices


@dataclass(frozen=True)
class Split:
    """Where the images of every part come from, and what the classes are called.

    Attributes:
        origins: Part → where its images come from, in order; each image is in one part.
        classes: Names in the order of the label numbers.
        notes: What the user should know of the split.
    """

    origins: Mapping[Part, tuple[Origin, ...]]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def split_source(
    labels: Mapping[Part, Names], config: DataConfig, classes: tuple[str, ...] | None = None
) -> Split:
    """Split a source by its labels alone.

    Parts that the source has are used as they are. A missing validation or test part is a
    stratified share of the labeled training images, by seed; MNIST has the chapter's validation
    part, its last 10,000 training images. Training images without a label become unlabeled ones.

    Args:
        labels: Part → names of the classes of its images.
        config: Shares and seed.
        classes: Names of the classes in their order; by default those that occur, in natural
            order.

    Raises:
        UserError: There are too few images of a class, too few classes or too many, or images
            without a label among those that validate or test.
    """
    check_held_out(labels)
    train = labels["train"]
    classes = classes or order_classes(np.concatenate([np.unique(n) for n in labels.values()]))
    check_classes(classes)
    labeled = np.flatnonzero(train != UNLABELED)
    check_trainable(train[labeled], classes)
    given: tuple[Part, ...] = ("validation", "test")
    origins: dict[Part, tuple[Origin, ...]] = {
        part: (Origin(part, np.arange(len(labels[part]))),) for part in given if part in labels
    }
    notes: tuple[str, ...] = ()
    if "validation" not in labels and has_mnist_labels(train):
        labeled, held_out = labeled[:-MNIST_VALIDATION], labeled[-MNIST_VALIDATION:]
        origins["validation"] = (Origin("train", held_out),)
        notes = ("the last 10,000 training images of MNIST validate, as in the chapter",)
    shares: dict[Part, float] = {
        "test": config.test_share,
        "validation": config.validation_share,
    }
    for part, share in shares.items():
        if part not in origins:
            count = round(share * np.count_nonzero(train != UNLABELED))
            labeled, held_out = hold_out(train, labeled, count, part, config.split_seed)
            origins[part] = (Origin("train", held_out),)
            notes += (f"{len(held_out):,} labeled images, {share:.0%}, were drawn for {part}",)
    check_trainable(train[labeled], classes)
    origins["train"] = (Origin("train", labeled),)
    unlabeled = [Origin("train", np.flatnonzero(train == UNLABELED))]
    if "unlabeled" in labels:
        unlabeled.append(Origin("unlabeled", np.arange(len(labels["unlabeled"]))))
    if present := tuple(origin for origin in unlabeled if len(origin.places)):
        origins["unlabeled"] = present
    return Split(origins, classes, notes)


def check_held_out(labels: Mapping[Part, Names]) -> None:
    """Refuse validation or test images without a label, and parts that are too small."""
    for part in ("validation", "test"):
        if part not in labels:
            continue
        missing = np.count_nonzero(labels[part] == UNLABELED)
        if missing:
            raise UserError(
                f"{part} images: expected a label for each, found {missing:,} of "
                f"{len(labels[part]):,} without; leave these out, or pass them as --unlabeled"
            )
        if len(labels[part]) < SMALLEST_HELD_OUT:
            raise UserError(
                f"expected at least {SMALLEST_HELD_OUT} {part} images, found "
                f"{len(labels[part])}; intervals need more than one. Add some, or leave the part "
                "out to have it drawn from the training images"
            )


def hold_out(
    train: Names, candidates: Indices, count: int, part: Part, seed: int
) -> tuple[Indices, Indices]:
    """Draw a stratified part of the candidates.

    Returns:
        Places that remain, and places that were drawn, ascending.

    Raises:
        UserError: There are too few images of a class.
    """
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 - a second to import

    names, counts = np.unique(train[candidates], return_counts=True)
    if not len(names):
        raise UserError("training images: expected labels for some, found none; label a few")
    if counts.min() < SMALLEST_CLASS:
        raise UserError(
            f"expected at least {SMALLEST_CLASS} labeled images of every class to draw {part} "
            f"images from, found {counts.min()} of class {names[counts.argmin()]}; label more, or "
            f"leave the class out"
        )
    if count < max(len(names), SMALLEST_HELD_OUT) or len(candidates) - count < len(names):
        raise UserError(
            f"expected at least one labeled image of each of {len(names)} classes in the {part} "
            f"part and as many left to train on, found that --{part}-share makes {count} of "
            f"{len(candidates)}; change the share, label more, or bring a {part} part"
        )
    kept, drawn = train_test_split(
        candidates, test_size=count, stratify=train[candidates], random_state=seed
    )
    return np.sort(kept), np.sort(drawn)


def check_trainable(names: Names, classes: tuple[str, ...]) -> None:
    """Refuse a class without two training images: one to learn from is not a class."""
    found = dict(zip(*np.unique(names, return_counts=True), strict=True))
    rarest = min(classes, key=lambda name: found.get(name, 0))
    if found.get(rarest, 0) < SMALLEST_CLASS:
        raise UserError(
            f"expected at least {SMALLEST_CLASS} labeled training images of every class, found "
            f"{found.get(rarest, 0)} of class {rarest}; label more, or leave the class out of "
            "every part"
        )
