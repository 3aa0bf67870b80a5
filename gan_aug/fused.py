"""What Keras composes of a dozen operations, in one.

Each is the same function of the same state as Keras's own, and its tests hold it to that.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

__all__ = ["FusedAdam", "FusedBatchNormalization", "exchange_normalization"]


@keras.saving.register_keras_serializable(package="gan_aug")
class FusedBatchNormalization(layers.BatchNormalization):  # type: ignore[misc] # untyped Keras
    """Batch normalization over the last axis in one operation each way.

    Keras composes it of a dozen operations in float32, each of which reads and writes the whole
    map. Inputs keep the precision they come in; statistics and parameters are float32.
    ``(n, ..., channels)`` → the same shape.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, autocast=False)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Normalize by the batch's statistics in training, else by their running averages."""
        channels = inputs.shape[-1]
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs if len(inputs.shape) == 4 else tf.reshape(inputs, (-1, 1, 1, channels)),
            scale=self.gamma,
            offset=self.beta,
            mean=[] if training else self.moving_mean,
            variance=[] if training else self.moving_variance,
            epsilon=self.epsilon,
            is_training=bool(training),
        )
        if training:
            count = tf.cast(tf.size(inputs) // channels, tf.float32)
            # The operation divides by one less than the count, Keras by the count.
            self.remember(self.moving_mean, mean)
            self.remember(self.moving_variance, variance * (count - 1) / count)
        return tf.reshape(outputs, tf.shape(inputs))

    def remember(self, average: Any, newest: Any) -> None:
        """Move a running average towards the newest value."""
        average.assign(average * self.momentum + newest * (1.0 - self.momentum))


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc] # Keras ships no types
    """Adam in one operation a weight.

    Keras composes it of a dozen, each of which reads and writes all weights: a quarter of the time
    of an update here.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move a weight and its two moments."""
        place = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def exchange_normalization(
    model: keras.Model, kind: type[layers.BatchNormalization]
) -> keras.Model:
    """Return a copy of a network whose batch normalizations are of another kind.

    Args:
        model: With all its weights.
        kind: Keras's own, which any Keras can load, or :class:`FusedBatchNormalization`.
    """

    def exchange(layer: Any) -> Any:
        is_normalization = isinstance(layer, layers.BatchNormalization)
        return (kind if is_normalization else type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=exchange)
    copy.set_weights(model.get_weights())
    return copy
