"""Real images, split, and where they come from.

Every source is read into the same four arrays as MNIST in Keras: ``x_train``, ``y_train``,
``x_test``, ``y_test``. The last sixth of ``x_train`` becomes the validation set: for MNIST that is
the chapter's split of 50,000/10,000/10,000.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from gan_aug.data.readers.arrays import NAMES, Array, Arrays
from gan_aug.data.readers.mnist import MNIST_DIGESTS
from gan_aug.errors import UserError
from gan_aug.images import (
    ImageSpec,
    Indices,
    LabeledImages,
    Labels,
    digest_array,
    image_shape,
)
from gan_aug.settings.base import Budget
from gan_aug.stage import Given, Stage
from gan_aug.store.files import write_json
from gan_aug.store.formats import map_array, save_array

__all__ = [
    "PARTS",
    "Dataset",
    "DatasetFormat",
    "Provenance",
    "describe_dataset",
    "draw_labeled",
    "split_arrays",
]

PARTS = ("train", "validation", "test")
VALIDATION_SHARE = 6
SMALLEST_TRAIN = 2 * VALIDATION_SHARE
SMALLEST_HELD_OUT = 2
SMALLEST_CLASS = 2
PROVENANCE_FILE = "provenance.json"


class Provenance(BaseModel):
    """Where a data set comes from, and what it holds.

    Attributes:
        name: ``mnist``, ``digits``, or the name of a file or folder.
        sha256: Digest of each of the source's arrays.
        verified_mnist: Whether these are the arrays of MNIST, byte for byte.
        images: Number of images in each part after the split.
        shape: Height, width and channels of each image.
        classes: Names of the classes, in the order of the labels; none for images without labels.
        notice: What the user must know about the choice of data, or None.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: dict[str, str]
    verified_mnist: bool
    images: dict[str, int]
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    notice: str | None = None


@dataclass(frozen=True)
class Dataset:
    """Real images, split; every image of the source is in one part.

    Attributes:
        train: Labels are known for all, but a run may look at few of them.
        validation: For the comparison of the arms.
        test: Scored once, in the comparison.
        provenance: Where they come from.
    """

    train: LabeledImages
    validation: LabeledImages
    test: LabeledImages
    provenance: Provenance

    @property
    def spec(self) -> ImageSpec:
        """Shape and classes of all parts."""
        return self.train.spec


class DatasetFormat:
    """Each array in a file of its own, which is read where it is needed."""

    def save(self, folder: Path, value: Dataset) -> None:
        """Write all parts, and where they come from."""
        for part in PARTS:
            labeled: LabeledImages = getattr(value, part)
            save_array(folder / f"{part}-images.npy", labeled.images)
            save_array(folder / f"{part}-labels.npy", labeled.labels)
        write_json(folder / PROVENANCE_FILE, value.provenance.model_dump(mode="json"))

    def load(self, folder: Path) -> Dataset:
        """Read it back."""
        provenance = Provenance.model_validate_json((folder / PROVENANCE_FILE).read_bytes())
        spec = ImageSpec(provenance.shape, provenance.classes)
        parts = {
            part: LabeledImages(
                map_array(folder / f"{part}-images.npy"),
                map_array(folder / f"{part}-labels.npy"),
                spec,
            )
            for part in PARTS
        }
        return Dataset(**parts, provenance=provenance)


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
        # The digests are of what was read; how it is split decides the rest.
        settings={
            "name": provenance.name,
            "sha256": provenance.sha256,
            "split": split_arrays,
        },
    )


def split_arrays(name: str, arrays: Arrays, notice: str | None = None) -> Dataset:
    """Check the four arrays and cut the validation set off the end of the training set.

    Labels are whole numbers from 0; the classes are named after them.

    Args:
        name: Of the data set, for people.
        arrays: By the names of :data:`gan_aug.data.readers.arrays.NAMES`.
        notice: What the user must know about the choice of data.

    Raises:
        UserError: A shape, dtype or label is wrong, or there are too few images.
    """
    with name_source(name):
        images = {part: drop_channel(arrays[f"x_{part}"]) for part in ("train", "test")}
        spec = find_spec(images["train"], arrays["y_train"], arrays["y_test"])
        check_sizes(len(images["train"]), len(images["test"]), len(spec.classes))
        train, test = (
            LabeledImages(images[part], check_whole(arrays[f"y_{part}"]), spec)
            for part in ("train", "test")
        )
    digests = {part: digest_array(arrays[part]) for part in NAMES}
    cut = len(train) - len(train) // VALIDATION_SHARE
    provenance = Provenance(
        name=name,
        sha256=digests,
        verified_mnist=digests == MNIST_DIGESTS,
        images={"train": cut, "validation": len(train) - cut, "test": len(test)},
        shape=spec.shape,
        classes=spec.classes,
        notice=notice,
    )
    parts = (train.take(np.arange(cut)), train.take(np.arange(cut, len(train))), test)
    dataset = Dataset(*parts, provenance=provenance)
    with name_source(name):
        check_classes(dataset)
    return dataset


@contextlib.contextmanager
def name_source(name: str) -> Iterator[None]:
    """Put the name of the data set before what is wrong with it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def drop_channel(images: Array) -> Array:
    """Return grey images without an axis for their one channel."""
    return images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images


def find_spec(images: Array, *labels: Array) -> ImageSpec:
    """Return the shape of the images, and a class for every number up to the highest label."""
    if images.ndim not in {3, 4}:
        raise UserError(
            "images: expected shape (n, side, side) for grey or (n, side, side, 3) for RGB ones, "
            f"found {images.shape}; reshape them"
        )
    highest = max(int(check_whole(part).max(initial=0)) for part in labels)
    return ImageSpec(image_shape(images), tuple(str(number) for number in range(highest + 1)))


def check_whole(labels: Array) -> Labels:
    """Return labels as they travel between stages.

    Raises:
        UserError: They are no whole numbers from 0 on, one an image.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UserError(
            f"labels: expected whole numbers of shape (n,), found {labels.dtype} of "
            f"{labels.shape}; number the classes from 0"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < 2**16:
        raise UserError(
            f"labels: expected numbers from 0 to the number of classes minus 1, found "
            f"{labels.min()} to {labels.max()}; number the classes from 0"
        )
    return labels.astype(np.uint16)


def check_sizes(train: int, test: int, classes: int) -> None:
    """Refuse so few images that no split leaves enough of them."""
    if train < SMALLEST_TRAIN:
        raise UserError(
            f"expected at least {SMALLEST_TRAIN} training images, found {train}; a sixth of them "
            "is for validation, and intervals need more than one"
        )
    if test < SMALLEST_HELD_OUT:
        raise UserError(
            f"expected at least {SMALLEST_HELD_OUT} test images, found {test}; intervals need "
            "more than one"
        )
    if train < classes:
        raise UserError(
            f"expected at least one training image a class, found {train} images and {classes} "
            "classes; number the classes from 0 without gaps, or add images"
        )


def check_classes(dataset: Dataset) -> None:
    """Refuse a class without two training images: one to learn from is not a class."""
    counts = dataset.spec.count_images(dataset.train.labels)
    rarest = min(counts, key=lambda name: counts[name])
    if counts[rarest] >= SMALLEST_CLASS:
        return
    held_out = dataset.spec.count_images(dataset.validation.labels)[rarest]
    if held_out:
        advice = "the last sixth was cut off for validation and has some: shuffle the images"
    elif counts[rarest]:
        advice = "add some, or leave the class out"
    else:
        advice = "number the classes from 0 without gaps, or add some"
    raise UserError(
        f"expected at least {SMALLEST_CLASS} training images of every class, found "
        f"{counts[rarest]} of class {rarest}; {advice}"
    )


def draw_labeled(train: LabeledImages, budget: Budget, *, seed: int) -> Indices:
    """Draw the images whose labels may be seen: as many of every class, give or take one.

    With the same seed, a larger subset contains the smaller ones.

    Args:
        train: The training images with all their labels.
        budget: How many labels may be seen, or ``all``.
        seed: Determines the draw.

    Returns:
        ``(budget,)`` their places in ``train``, ascending; the rest is the unlabeled pool.

    Raises:
        UserError: There are fewer labels than classes, or more than a class has images.
    """
    classes = train.spec.classes
    if budget == "all":
        return np.arange(len(train))
    if not len(classes) <= budget <= len(train):
        raise UserError(
            f"labels: expected {len(classes)} (one a class) to {len(train)} (the training images), "
            f"found {budget}"
        )
    rng = np.random.default_rng(seed)
    quotas = np.full(len(classes), budget // len(classes))
    quotas[rng.permutation(len(classes))[: budget % len(classes)]] += 1
    chosen = []
    for label, quota in enumerate(quotas):
        candidates = rng.permutation(np.flatnonzero(train.labels == label))
        if len(candidates) < quota:
            raise UserError(
                f"labels: expected {quota} images of class {classes[label]} for a balanced subset "
                f"of {budget}, found {len(candidates)}; ask for fewer labels, or for `all`"
            )
        chosen.append(candidates[:quota])
    return np.sort(np.concatenate(chosen))
