"""How much memory trainings need, said before they begin.

The factors were fitted to the peak resident size of single stages of several sizes; an estimate is
meant to be right within a factor of two, and to tell a run that fits from one that never will.
"""

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gan_aug.errors import UserError

if TYPE_CHECKING:
    import keras

__all__ = [
    "FLOAT_BYTES",
    "count_activations",
    "estimate_players",
    "find_largest",
    "refuse_excess",
    "refuse_size",
]

LARGEST_DATA = "GAN_AUG_LARGEST_DATA"
DEFAULT_LARGEST = "8"

FLOAT_BYTES = 4
KEPT_MAPS = 1.3  # of the feature maps: values for the backward pass, and gradients
STATES_PER_WEIGHT = 5  # weight, gradient, two moments, running average


def count_activations(model: "keras.Model") -> int:
    """Count the values that all layers together put out for one image."""
    return sum(int(np.prod(layer.output.shape[1:])) for layer in model.layers)


def estimate_players(
    generator: "keras.Model", discriminator: "keras.Model", *, fakes: int, reals: int
) -> float:
    """Estimate the bytes of two networks' states and of one step's feature maps.

    Args:
        generator: As it is trained.
        discriminator: As it is trained.
        fakes: Generated images a step.
        reals: Real images a step.
    """
    weights = generator.count_params() + discriminator.count_params()
    maps = fakes * count_activations(generator)
    maps += (fakes + reals) * count_activations(discriminator)
    return float(FLOAT_BYTES * (STATES_PER_WEIGHT * weights + KEPT_MAPS * maps))


def refuse_excess(
    needs: Mapping[str, tuple[float, str]], *, processes: int = 1, available: int | None = None
) -> None:
    """Refuse what needs more memory than there is.

    Args:
        needs: Stage → bytes at its peak, and the flags to lower where that is too much.
        processes: How many such runs there are at a time.
        available: Bytes that may be taken; by default what the system has to give.

    Raises:
        UserError: The largest of the needs, so many times, is not available.
    """
    import psutil  # noqa: PLC0415 - a twentieth of a second; --help must not wait

    free = psutil.virtual_memory().available if available is None else available
    stage = max(needs, key=lambda name: needs[name][0])
    size, remedy = needs[stage]
    if processes * size > free:
        times = f" {processes} times" if processes > 1 else ""
        workers = "--workers or " if processes > 1 else ""
        raise UserError(
            f"memory: expected the {stage} stage to fit{times} in the {free / 2**30:.1f} GiB "
            f"available, found that it needs about {size / 2**30:.1f} GiB; lower {workers}{remedy}"
        )


def refuse_size(what: str, size: int) -> None:
    """Refuse data that would take more memory than is free, or than the user allows.

    Args:
        what: The array or file.
        size: Its bytes in memory.

    Raises:
        UserError: There are not so many; or it is more than ``GAN_AUG_LARGEST_DATA``.
    """
    import psutil  # noqa: PLC0415 - a twentieth of a second; --help must not wait

    free = psutil.virtual_memory().available
    if size > free:
        raise UserError(
            f"{what}: expected to fit in the {free / 2**30:.1f} GiB of memory available, found "
            f"that it needs {size / 2**30:,.1f} GiB; use fewer or smaller images"
        )
    largest = find_largest()
    if size > largest:
        raise UserError(
            f"{what}: expected at most {largest / 2**30:,.1f} GiB of memory, found that it needs "
            f"{size / 2**30:,.1f} GiB; use fewer or smaller images, or set {LARGEST_DATA} to more "
            "GiB"
        )


def find_largest() -> float:
    """Return how many bytes one array or file of data may take.

    Raises:
        UserError: ``GAN_AUG_LARGEST_DATA`` is no number of GiB.
    """
    given = os.environ.get(LARGEST_DATA) or DEFAULT_LARGEST
    try:
        largest = float(given)
    except ValueError:
        largest = 0
    if not 0 < largest < math.inf:
        raise UserError(f"{LARGEST_DATA}: expected a number of GiB above 0, found {given!r}")
    return largest * 2**30
