"""Images that a data set has twice where it matters: to train on and to be judged by."""

import dataclasses
import hashlib

import numpy as np

from gan_aug.data.source import Part, Reading
from gan_aug.data.split import Origin, Split
from gan_aug.images import Images, Marks

__all__ = ["find_duplicates"]

TRAINING: tuple[Part, ...] = ("train", "unlabeled")
HELD_OUT: tuple[Part, ...] = ("validation", "test")


def find_duplicates(reading: Reading, split: Split, *, drop: bool) -> tuple[Split, int]:
    """Count the training images that the validation or test part has too, pixel by pixel.

    Args:
        reading: The images.
        split: Where the images of every part come from.
        drop: Whether to leave them out of the training images.

    Returns:
        The split, without them if asked for, and their number, unlabeled images included.
    """
    known = {
        digest_image(reading.images[origin.part][place])
        for part in HELD_OUT
        for origin in split.origins[part]
        for place in origin.places
    }
    count = 0
    origins = dict(split.origins)
    for part in TRAINING:
        marked = [(origin, mark(reading, origin, known)) for origin in split.origins.get(part, ())]
        count += sum(int(twice.sum()) for _, twice in marked)
        left = tuple(Origin(origin.part, origin.places[~twice]) for origin, twice in marked)
        origins[part] = tuple(origin for origin in left if len(origin.places))
    present = {part: found for part, found in origins.items() if found}
    return (dataclasses.replace(split, origins=present) if drop else split), count


def mark(reading: Reading, origin: Origin, known: set[bytes]) -> Marks:
    """Mark the images of an origin whose digest is known: ``(n,)`` bool."""
    images = reading.images[origin.part]
    return np.array([digest_image(images[place]) in known for place in origin.places], dtype=bool)


def digest_image(image: Images) -> bytes:
    """Return a digest of one image's pixels."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()
