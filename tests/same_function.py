"""Two layers that are one function."""

import numpy as np
import tensorflow as tf

__all__ = ["assert_same_function"]


def assert_same_function(layer, plain, shape, **arguments):
    """Values, and the gradients of inputs and weights, to float32 rounding (1e-5)."""
    inputs = tf.random.stateless_normal(shape, (0, 1))
    upstream = tf.random.stateless_normal(plain(inputs).shape, (0, 2))
    assert layer(inputs).shape == upstream.shape
    weights = [
        tf.random.stateless_uniform(weight.shape, (0, 3 + place), 0.5, 2.0)
        for place, weight in enumerate(layer.weights)
    ]
    results = []
    for either in (layer, plain):
        either.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = either(inputs, **arguments)
        results.append(
            [outputs, *tape.gradient(outputs, [inputs, *either.trainable_variables], upstream)]
        )
    for found, expected in zip(*results, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * scale)
