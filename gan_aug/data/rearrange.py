"""The images of a source in other parts than those that it has them in."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from gan_aug.data.pixels import join_images
from gan_aug.data.source import Names, Part, Reading, Source
from gan_aug.images import Indices
from gan_aug.settings.data import ReadingConfig

__all__ = ["SPLIT_NAMES", "Origins", "find_pool", "merge_pool", "rearrange", "split_pool"]

MISSING = -1
SPLIT_NAMES: tuple[Part, ...] = ("train", "validation", "test")

Origins = Mapping[Part, Sequence[tuple[Part, Indices]]]
"""Part → parts of the source, and which of their images it takes from each, in order."""


def find_pool(source: Source) -> list[tuple[Part, Indices]]:
    """Return where the images to train on are: those of the part that trains come first."""
    pool: tuple[Part, ...] = ("train", "unlabeled")
    return [(part, np.arange(len(source.labels[part]))) for part in pool if part in source.labels]


def merge_pool(source: Source) -> Source:
    """Return a source whose images to train on are in one part, labeled or not."""
    pool = find_pool(source)
    origins: dict[Part, list[tuple[Part, Indices]]] = {"train": pool}
    labels: dict[Part, Names] = {"train": np.concatenate([source.labels[part] for part, _ in pool])}
    for part in SPLIT_NAMES:
        if part in source.labels and part != "train":
            origins[part] = [(part, np.arange(len(source.labels[part])))]
            labels[part] = source.labels[part]
    return rearrange(source, origins, labels)


def split_pool(merged: Source, names: Names, parts: Names, notes: tuple[str, ...]) -> Source:
    """Move images of the pool to the parts that they are for, behind those of the source.

    Args:
        merged: From :func:`merge_pool`.
        names: ``(n,)`` names of the classes of its images to train on.
        parts: ``(n,)`` the part of each of them.
        notes: What the user should know.
    """
    known = {**merged.labels, "train": names}
    taken: list[tuple[Part, Part, Indices]] = [
        (part, part, np.arange(len(merged.labels[part])))
        for part in SPLIT_NAMES
        if part in merged.labels and part != "train"
    ]
    taken += [(part, "train", np.flatnonzero(parts == part)) for part in SPLIT_NAMES]
    origins: dict[Part, list[tuple[Part, Indices]]] = {}
    labels: dict[Part, Names] = {}
    for part, old, places in taken:
        if len(places):
            origins.setdefault(part, []).append((old, places))
            labels[part] = np.concatenate([labels.get(part, names[:0]), known[old][places]])
    return dataclasses.replace(rearrange(merged, origins, labels), notes=notes)


def rearrange(source: Source, origins: Origins, labels: Mapping[Part, Names]) -> Source:
    """Return a source with its images in other parts.

    Args:
        source: The source.
        origins: Where the images of each part come from; each image at most once.
        labels: Part → names of the classes of its images.
    """
    return Source(
        source.name,
        labels,
        functools.partial(read_rearranged, source, origins),
        classes=source.classes,
        notes=source.notes,
        shapes={
            part: source.shapes[taken[0][0]]
            for part, taken in origins.items()
            if taken[0][0] in source.shapes
        },
        foreign=source.foreign,
        files={
            part: [source.files[old][place] for old, places in taken for place in places]
            for part, taken in origins.items()
            if all(old in source.files for old, _ in taken)
        },
    )


def read_rearranged(source: Source, origins: Origins, config: ReadingConfig) -> Reading:
    """Read the images of a source, and put them into other parts.

    Raises:
        UserError: They can't be read, or images of one part have different shapes.
    """
    reading = source.read(config)
    images, places = {}, {}
    for part, taken in origins.items():
        found = [find_read(reading, old, wanted) for old, wanted in taken]
        images[part] = join_images(
            [
                reading.images[old][own[own != MISSING]]
                for (old, _), own in zip(taken, found, strict=True)
            ]
        )
        places[part] = np.flatnonzero(np.concatenate(found) != MISSING)
    return Reading(images, places, reading.notes)


def find_read(reading: Reading, part: Part, wanted: Indices) -> Indices:
    """Return where images of a source are among those read; -1 for what could not be."""
    count = len(reading.images[part])
    read = reading.places.get(part, np.arange(count))
    found = np.full(max(wanted.max(initial=0), read.max(initial=0)) + 1, MISSING)
    found[read] = np.arange(count)
    return found[wanted]
