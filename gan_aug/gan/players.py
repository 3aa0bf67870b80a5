"""Two networks that are trained against each other, and what their trainings share."""

from dataclasses import dataclass

import keras
import tensorflow as tf

__all__ = ["Players", "difference_of_means", "draw_noise"]


@dataclass(frozen=True)
class Players:
    """Two networks that are trained against each other, and all that goes with them.

    Attributes:
        generator: The generator.
        discriminator: The discriminator.
        average: Running average of the one that is wanted in the end.
        generator_optimizer: The generator's optimizer.
        discriminator_optimizer: The discriminator's.
    """

    generator: keras.Model
    discriminator: keras.Model
    average: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    discriminator_optimizer: keras.optimizers.Optimizer

    @property
    def variables(self) -> list[keras.Variable]:
        """All state of the training, in an order that never changes."""
        owners = (
            self.generator,
            self.discriminator,
            self.average,
            self.generator_optimizer,
            self.discriminator_optimizer,
        )
        return [variable for owner in owners for variable in owner.variables]


def draw_noise(count: int, latent_dim: int, *, seed: tf.Tensor | tuple[int, int]) -> tf.Tensor:
    """Draw ``(count, latent_dim)`` float32 noise, uniform in [-1, 1) as in the chapter."""
    return tf.random.stateless_uniform((count, latent_dim), seed, minval=-1.0, maxval=1.0)


def difference_of_means(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Return the ``(d,)`` squared differences of the mean rows of ``(n, d)`` and ``(m, d)``.

    What a generator that matches features makes small: Salimans et al., "Improved techniques for
    training GANs" (2016), section 3.1.
    """
    means = (tf.reduce_mean(tf.cast(rows, tf.float32), axis=0) for rows in (first, second))
    return tf.math.squared_difference(*means)
