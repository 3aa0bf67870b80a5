import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from same_function import assert_same_function

from gan_aug.fused import FusedAdam, FusedBatchNormalization


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (9, 7)])
def test_the_fused_normalization_is_batch_normalization(shape, training):
    fused, plain = (
        make(momentum=0.8) for make in (FusedBatchNormalization, layers.BatchNormalization)
    )
    assert_same_function(fused, plain, shape, training=training)
    for found, expected in zip(fused.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_fused_normalization_keeps_float32_statistics_of_bfloat16_maps():
    layer = FusedBatchNormalization(dtype="mixed_bfloat16")
    outputs = layer(tf.ones((4, 2, 2, 3), tf.bfloat16), training=True)
    assert outputs.dtype == "bfloat16"
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    np.testing.assert_allclose(layer.moving_mean, np.full(3, 0.01), rtol=1e-5)


def test_the_fused_optimizer_is_adam():
    fused, plain = (make(0.1, beta_1=0.5) for make in (FusedAdam, keras.optimizers.Adam))
    weights = [keras.Variable([[1.0, -2.0]]) for _ in range(2)]
    for step in range(3):
        for optimizer, weight in zip((fused, plain), weights, strict=True):
            optimizer.apply([tf.constant([[0.3, -1.0]]) * (step + 1)], [weight])
    np.testing.assert_allclose(*weights, rtol=1e-5)
