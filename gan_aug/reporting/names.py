"""Names of classes and data sets: short for pictures, safe in Markdown."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_aug.images import Indices

__all__ = ["NAMED_CLASSES", "escape_markdown", "label", "pick_largest", "shorten", "to_code"]

NAMED_CLASSES = 20
"""The most classes that a picture names one by one."""

MARKUP = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")


def shorten(name: str, most: int) -> str:
    """Return a name of at most ``most`` characters on one line; ``…`` stands for its middle.

    Long names often differ in how they end: ``speed limit 30``, ``speed limit 50``.
    """
    line = " ".join(name.split())
    if len(line) <= most:
        return line
    tail = (most - 1) // 3
    return f"{line[: most - 1 - tail].rstrip()}…{line[len(line) - tail :].lstrip()}"


def label(name: str, most: int) -> str:
    """Return a short name for a chart, where matplotlib would read ``$`` as mathematics."""
    return shorten(name, most).replace("$", r"\$")


def pick_largest(counts: Sequence[int] | NDArray[Any], most: int = NAMED_CLASSES) -> Indices:
    """Return the places of the ``most`` largest counts, ascending; the first of equal ones."""
    largest = np.argsort(-np.asarray(counts), kind="stable")[:most]
    return np.sort(largest)


def escape_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, in a table too."""
    return MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def to_code(text: str) -> str:
    """Return a text as a code span for a cell of a Markdown table."""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{text.replace('|', chr(92) + '|')}{space}{fence}"
