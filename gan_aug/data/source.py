"""What a reader makes of data: labels at once, images when they are asked for.

Labels are few bytes, and most of what can be wrong with a user's data is wrong with them. So a
reader reads names, headers and labels first, and a run is refused within seconds if it has to be.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gan_aug.images import Images, Indices, Shape
from gan_aug.settings.data import ReadingConfig

__all__ = ["PARTS", "UNLABELED", "Array", "Names", "Part", "Reading", "Source"]

Part = Literal["train", "validation", "test", "unlabeled"]
PARTS: tuple[Part, ...] = ("train", "validation", "test", "unlabeled")

Array = NDArray[Any]
Names = NDArray[np.str_]
"""``(n,)`` names of classes, one an image; :data:`UNLABELED` where nobody labeled it."""

UNLABELED = ""


@dataclass(frozen=True)
class Reading:
    """The images of a source.

    Attributes:
        images: Part → ``(n, side, side)`` or ``(n, side, side, 3)`` uint8, all of one shape.
        places: Part → which of the source's images these are, for parts of which some could not be
            read.
        notes: What the user should know of how they were read.
    """

    images: Mapping[Part, Images]
    places: Mapping[Part, Indices] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Data of which names, headers and labels have been read, and found good.

    Attributes:
        name: For people and for file names.
        labels: Part → names of the classes of its images. A part that the data do not have is
            missing; an image of ``unlabeled`` has no name.
        read: Reads the images.
        classes: Names of the classes in their order; None where the labels say it.
        notes: What the user should know before the images are read.
        shapes: Part → height, width and channels of its images, where a header tells them.
        foreign: Files among the pictures whose names say that they are something else.
        files: Part → the file of each image, where every image is a file.
    """

    name: str
    labels: Mapping[Part, Names]
    read: Callable[[ReadingConfig], Reading]
    classes: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    shapes: Mapping[Part, Shape] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    files: Mapping[Part, Sequence[Path]] = field(default_factory=dict)
