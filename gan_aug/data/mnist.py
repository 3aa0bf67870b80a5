"""What tells MNIST from other data: the digests of its arrays, byte for byte."""

from collections.abc import Mapping

import numpy as np

from gan_aug.data.source import Names, Part, Reading
from gan_aug.images import digest_array

__all__ = ["find_differences", "has_mnist_labels"]

MNIST_DIGESTS = {
    "train images": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "train labels": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "test images": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "test labels": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
DIGITS = frozenset("0123456789")


def has_mnist_labels(train: Names) -> bool:
    """Tell MNIST, in whatever form, by its training labels."""
    return digest_labels(train) == MNIST_DIGESTS["train labels"]


def find_differences(reading: Reading, labels: Mapping[Part, Names]) -> list[str]:
    """Return which arrays of a source are not those of MNIST; none if it is MNIST."""
    parts: tuple[Part, ...] = ("train", "test")
    found = {
        f"{part} images": digest_array(reading.images[part])
        for part in parts
        if part in reading.images
    }
    found |= {f"{part} labels": digest_labels(labels[part]) for part in parts if part in labels}
    return [name for name, digest in MNIST_DIGESTS.items() if found.get(name) != digest]


def digest_labels(names: Names) -> str:
    """Return the digest of numbers as MNIST's files have them; an empty one for other labels."""
    numbers = set(np.unique(names)) <= DIGITS
    return digest_array(names.astype(np.uint8)) if numbers else ""
