"""Seeds that nothing else in the process can move."""

import contextlib
import random
from collections.abc import Iterator

import numpy as np

__all__ = ["derive_seed", "seed_keras"]


def derive_seed(seed: int, member: int) -> int:
    """Return the seed of one of several networks that differ in nothing else.

    Args:
        seed: Of the run.
        member: Number of the network; the first has the run's own seed.
    """
    return seed if member == 1 else number_seed(seed, member)


def number_seed(seed: int, number: int) -> int:
    """Return a seed of its own for a number, as different for neighbours as for any others."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


@contextlib.contextmanager
def seed_keras(seed: int) -> Iterator[None]:
    """Have layers that are made meanwhile draw their seeds from this one alone, and count anew.

    Keras draws the seeds of initial weights and of dropout from Python's global generator. So do
    other threads, Prefect's among them, and one draw at the wrong moment makes another network.
    It numbers the names of layers through all that a process ever made, and files keep the names.

    Args:
        seed: Determines every seed.
    """
    import keras  # noqa: PLC0415 - seconds to import
    from keras.src.random import seed_generator  # noqa: PLC0415
    from keras.src.utils import naming  # noqa: PLC0415

    naming.reset_uids()
    keras.utils.set_random_seed(seed)
    shared = seed_generator.python_random
    seed_generator.python_random = random.Random(seed)  # noqa: S311 - no secrets
    try:
        yield
    finally:
        seed_generator.python_random = shared
