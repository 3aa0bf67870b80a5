"""From a trained generator to images."""

import keras
import numpy as np

from gan_aug.images import Images, to_uint8

__all__ = ["generate_images"]

BATCH_SIZE = 500


def generate_images(generator: keras.Model, count: int, *, seed: int) -> Images:
    """Generate images from fresh uniform noise.

    Args:
        generator: ``(n, latent_dim)`` noise in [-1, 1] → ``(n, 28, 28, 1)`` in [0, 1].
        count: How many; the first ones are the same for every count.
        seed: Determines the noise.

    Returns:
        ``(count, 28, 28)`` uint8.
    """
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-1, 1, (count, generator.input_shape[1])).astype(np.float32)
    batches = [
        to_uint8(generator.predict_on_batch(noise[start : start + BATCH_SIZE]))
        for start in range(0, count, BATCH_SIZE)
    ]
    return np.concatenate(batches)
