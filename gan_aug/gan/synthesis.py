"""From a trained generator to images."""

import keras
import numpy as np

from gan_aug.gan.layers import find_code
from gan_aug.images import Float32, Images, Labels, SyntheticImages, to_uint8
from gan_aug.prediction import Arrays, predict_batches
from gan_aug.progress import OnProgress, ignore_progress

__all__ = ["generate_images", "synthesize"]


def synthesize(
    generator: keras.Model, count: int, *, seed: int, on_progress: OnProgress = ignore_progress
) -> SyntheticImages:
    """Generate images from fresh uniform noise, and say what they were meant to be.

    Args:
        generator: ``(n, latent_dim)`` noise in [-1, 1] → ``(n, side, side, channels)`` in [0, 1].
        count: How many; the first ones are the same for every count.
        seed: Determines the noise.
        on_progress: Called after each batch with the number of images done.

    Returns:
        ``count`` images, with the class that each was meant to have if the generator knows classes.
    """
    rng = np.random.default_rng(seed)

    def generate(rows: slice) -> Arrays:
        shape = (rows.stop - rows.start, generator.input_shape[1])
        noise = rng.uniform(-1, 1, shape).astype(np.float32)
        return to_uint8(generator.predict_on_batch(noise)), *find_intended(generator, noise)

    return SyntheticImages(*predict_batches(generate, count, on_progress))


def generate_images(
    generator: keras.Model, count: int, *, seed: int, on_progress: OnProgress = ignore_progress
) -> Images:
    """Return the images alone, as :func:`synthesize` generates them.

    Returns:
        ``(count, side, side)`` uint8, or ``(count, side, side, 3)`` for RGB.
    """
    return synthesize(generator, count, seed=seed, on_progress=on_progress).images


def find_intended(generator: keras.Model, noise: Float32) -> tuple[Labels, ...]:
    """Return the ``(n,)`` class that each row of noise stands for, alone; nothing if none does."""
    code = find_code(generator)
    if code is None or not code.conditioned:
        return ()
    return (code.find_classes(noise).numpy().astype(np.uint16),)
