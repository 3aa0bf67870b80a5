"""Seeds that nothing else in the process can move."""

import contextlib
import random
from collections.abc import Iterator

import keras
from keras.src.random import seed_generator

__all__ = ["seed_keras"]


@contextlib.contextmanager
def seed_keras(seed: int) -> Iterator[None]:
    """Have layers that are made meanwhile draw their seeds from this one alone.

    Keras draws the seeds of initial weights and of dropout from Python's global generator. So do
    other threads, Prefect's among them, and one draw at the wrong moment makes another network.

    Args:
        seed: Determines every seed.
    """
    keras.utils.set_random_seed(seed)
    shared = seed_generator.python_random
    seed_generator.python_random = random.Random(seed)  # noqa: S311 - no secrets
    try:
        yield
    finally:
        seed_generator.python_random = shared
