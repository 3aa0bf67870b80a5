"""The parts that data come in, in the usual spellings."""

from collections.abc import Mapping

from gan_aug.data.source import Part

__all__ = ["find_part"]

SPELLINGS: Mapping[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "unlabeled": "unlabeled",
    "unlabelled": "unlabeled",
    "pool": "unlabeled",
}


def find_part(word: str) -> Part | None:
    """Return the part that a word means, in any case; None if it means none."""
    return SPELLINGS.get(word.lower())
