"""From a trained generator to images."""

import keras
import numpy as np

from gan_aug.images import Images, to_uint8
from gan_aug.prediction import predict_batches
from gan_aug.progress import OnProgress, ignore_progress

__all__ = ["generate_images"]


def generate_images(
    generator: keras.Model, count: int, *, seed: int, on_progress: OnProgress = ignore_progress
) -> Images:
    """Generate images from fresh uniform noise.

    Args:
        generator: ``(n, latent_dim)`` noise in [-1, 1] → ``(n, side, side, channels)`` in [0, 1].
        count: How many; the first ones are the same for every count.
        seed: Determines the noise.
        on_progress: Called after each batch with the number of images done.

    Returns:
        ``(count, side, side)`` uint8, or ``(count, side, side, 3)`` for RGB.
    """
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-1, 1, (count, generator.input_shape[1])).astype(np.float32)
    (images,) = predict_batches(
        lambda rows: (to_uint8(generator.predict_on_batch(noise[rows])),), count, on_progress
    )
    return images
