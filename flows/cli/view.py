"""Digits to look at: those of a data set, or those that a run's generator draws."""

from dataclasses import dataclass

import numpy as np

import gan_aug.gan.networks  # noqa: F401 - Keras finds the layers of a generator by it
from flows.data import find_mnist
from gan_aug.data.dataset import load_dataset
from gan_aug.errors import UserError
from gan_aug.gan.synthesis import generate_images
from gan_aug.images import Images, LabeledImages
from gan_aug.reporting.folders import Run
from gan_aug.settings.run import Part

__all__ = ["View", "view_digit", "view_digits", "view_run"]

GRID_IMAGES = 16


@dataclass(frozen=True)
class View:
    """Images, and what they are.

    Attributes:
        images: ``(n, 28, 28)`` uint8.
        caption: For people.
        name: Of the file to write, without its ending.
    """

    images: Images
    caption: str
    name: str


def view_digit(source: str, part: Part, index: int) -> View:
    """Look at one image of a data set.

    Args:
        source: As for :func:`gan_aug.data.dataset.load_dataset`.
        part: Of the data set.
        index: Of the image in that part, from 0.

    Raises:
        UserError: There is no such data set or image.
    """
    name, images = load_part(source, part)
    if not 0 <= index < len(images):
        raise UserError(
            f"index: expected 0 to {len(images) - 1}, the {part} images of {name}, found {index}"
        )
    label = images.labels[index]
    return View(
        images.images[[index]], f"{name}, {part} {index}: {label}", f"{name}-{part}-{index}"
    )


def view_digits(source: str, part: Part) -> View:
    """Look at the first images of a data set; errors as for :func:`view_digit`."""
    name, images = load_part(source, part)
    first = images.take(np.arange(min(GRID_IMAGES, len(images))))
    labels = " ".join(str(label) for label in first.labels)
    return View(first.images, f"{name}, {part}: {labels}", f"{name}-{part}")


def view_run(run: Run) -> View:
    """Look at what a run's generator draws, unselected: the book chapter's figure 12-3.

    Raises:
        UserError: The run has no generator yet, or something else in its place.
    """
    images = generate_images(run.load_generator(), GRID_IMAGES, seed=run.read_config().seed)
    return View(images, f"{run.name}: generated", f"{run.name}-generated")


def load_part(source: str, part: Part) -> tuple[str, LabeledImages]:
    """Return the name of a data set, and its part."""
    data = load_dataset(source, find_mnist())
    return data.provenance.name, getattr(data, part)
