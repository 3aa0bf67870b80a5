"""From a trained generator to images."""

import keras
import numpy as np

from gan_aug.images import Images, to_uint8
from gan_aug.progress import OnProgress, ignore_progress

__all__ = ["generate_images"]

BATCH_SIZE = 500


def generate_images(
    generator: keras.Model, count: int, *, seed: int, on_progress: OnProgress = ignore_progress
) -> Images:
    """Generate images from fresh uniform noise.

    Args:
        generator: ``(n, latent_dim)`` noise in [-1, 1] → ``(n, 28, 28, 1)`` in [0, 1].
        count: How many; the first ones are the same for every count.
        seed: Determines the noise.
        on_progress: Called after each batch with the number of images done.

    Returns:
        ``(count, 28, 28)`` uint8.
    """
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-1, 1, (count, generator.input_shape[1])).astype(np.float32)
    batches = []
    for start in range(0, count, BATCH_SIZE):
        batches.append(to_uint8(generator.predict_on_batch(noise[start : start + BATCH_SIZE])))
        on_progress(min(start + BATCH_SIZE, count), {})
    return np.concatenate(batches)
