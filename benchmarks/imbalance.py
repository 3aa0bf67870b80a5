"""Data of which some classes are rare: among the labeled images, and as much so among the others.

Class sizes fall in a geometric series, as in the long-tailed versions of CIFAR (Cui et al.,
"Class-balanced loss based on effective number of samples", CVPR 2019).
"""

from collections.abc import Sequence

import numpy as np

from gan_aug.data.dataset import Dataset, Provenance
from gan_aug.errors import UserError
from gan_aug.images import Indices, LabeledImages, digest_array
from gan_aug.stage import Stage
from gan_aug.store.formats import ArrayFormat

__all__ = [
    "arrange_classes",
    "describe_counted_draw",
    "draw_counts",
    "size_classes",
    "thin_classes",
]


def size_classes(classes: int, most: int, fewest: int) -> list[int]:
    """Return the sizes of classes, from the largest down to the smallest, a fixed ratio apart.

    Args:
        classes: How many there are, at least 2.
        most: Images of the largest.
        fewest: Images of the smallest, at least 1.
    """
    sizes: list[int] = np.rint(np.geomspace(most, fewest, classes)).astype(int).tolist()
    return sizes


def arrange_classes(classes: int, rare: int, seed: int) -> list[int]:
    """Return the classes from the most common to the rarest.

    From each seed to the next, the ``rare`` last ones are others, until all classes were.

    Args:
        classes: How many there are.
        rare: How many of them count as rare.
        seed: Number of the draw.
    """
    order = np.random.default_rng(0).permutation(classes)
    arranged: list[int] = np.roll(order, seed * rare).tolist()
    return arranged


def thin_classes(data: Dataset, counts: Sequence[int], *, seed: int) -> Dataset:
    """Leave out training images, so that class sizes are in proportion to ``counts``.

    As many stay as that allows. Validation and test images stay as they are.

    Args:
        data: With all its training images.
        counts: For each class.
        seed: Determines which images stay.
    """
    train = data.train
    sizes = np.bincount(train.labels, minlength=len(counts))
    kept = np.floor(np.array(counts) * (sizes / counts).min()).astype(int)
    thinned = train.take(draw_counts(train, kept.tolist(), seed=seed))
    known = data.provenance
    provenance = Provenance(
        name=f"{known.name}, imbalanced",
        sha256={
            **known.sha256,
            "train_images": digest_array(thinned.images),
            "train_labels": digest_array(thinned.labels),
        },
        verified_mnist=False,
        images={**known.images, "train": len(thinned)},
        shape=known.shape,
        classes=known.classes,
        notice=known.notice,
    )
    return Dataset(thinned, data.validation, data.test, provenance)


def describe_counted_draw(
    data: Stage[Dataset], counts: Sequence[int], *, seed: int
) -> Stage[Indices]:
    """Return the stage that draws so many labeled images of each class."""
    return Stage(
        "labels",
        "labels",
        draw_counts,
        ArrayFormat("indices"),
        settings={"counts": list(counts), "seed": seed},
        inputs={"train": data.select("train")},
    )


def draw_counts(train: LabeledImages, counts: Sequence[int], *, seed: int) -> Indices:
    """Draw so many images of each class.

    Args:
        train: The training images with all their labels.
        counts: Images of each class.
        seed: Determines the draw.

    Returns:
        ``(sum(counts),)`` their places in ``train``, ascending.

    Raises:
        UserError: A class has fewer images.
    """
    rng = np.random.default_rng(seed)
    chosen = []
    for label, count in enumerate(counts):
        candidates = rng.permutation(np.flatnonzero(train.labels == label))
        if len(candidates) < count:
            raise UserError(
                f"most: expected {count} training images of class {train.spec.classes[label]}, "
                f"found {len(candidates)}; lower --most"
            )
        chosen.append(candidates[:count])
    return np.sort(np.concatenate(chosen))
