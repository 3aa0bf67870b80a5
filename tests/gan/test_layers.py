import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from same_function import assert_same_function

from gan_aug.gan.layers import (
    ClusterCode,
    HalfWordDropout,
    MinibatchDiscrimination,
    ProjectionHead,
    SmallMapConv2D,
    UpsampledConv2D,
    VirtualBatchNormalization,
    WeightNormDense,
)


@pytest.mark.parametrize(("side", "channels", "filters"), [(7, 16, 8), (5, 3, 1), (1, 2, 3)])
def test_the_folded_layer_is_upsampling_and_convolution(side, channels, filters):
    plain = keras.Sequential([layers.UpSampling2D(), layers.Conv2D(filters, 5, padding="same")])
    assert_same_function(UpsampledConv2D(filters), plain, (4, side, side, channels))


@pytest.mark.parametrize("kernel", [5, 4])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (7, 5), (14, 13), (15, 15), (2, 1)])
def test_the_small_map_layer_is_a_convolution(height, width, stride, kernel):
    settings = {"kernel_size": kernel, "strides": stride, "padding": "same"}
    small, plain = SmallMapConv2D(8, **settings), layers.Conv2D(8, **settings)
    assert_same_function(small, plain, (4, height, width, 3))


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_dropout_drops_the_share_asked_for_and_keeps_the_mean(rate, policy):
    layer = HalfWordDropout(rate, seed=0, dtype=policy)
    inputs = tf.ones((1000, 333), layer.compute_dtype)
    outputs = tf.cast(layer(inputs, training=True), tf.float32).numpy()
    share = (outputs == 0).mean()
    # Five deviations of a share of 333,000 draws.
    assert share == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / outputs.size))
    np.testing.assert_allclose(outputs[outputs != 0], 1 / (1 - rate), rtol=1e-2)
    # Neither rows nor columns, nor the two halves of a word, are dropped together.
    for axis in (0, 1):
        deviation = (outputs == 0).mean(axis=axis).std() * np.sqrt(outputs.shape[axis])
        assert deviation == pytest.approx(np.sqrt(rate * (1 - rate)), rel=0.2)
    dropped = (outputs == 0).ravel()[: outputs.size // 2 * 2].reshape(-1, 2)
    assert abs(np.corrcoef(dropped.T)[0, 1]) < 5 / np.sqrt(len(dropped))


def test_dropout_passes_gradients_where_it_passes_values():
    layer = HalfWordDropout(0.5, seed=0)
    inputs = tf.ones((4, 5))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
    np.testing.assert_array_equal(tape.gradient(outputs, inputs), outputs)
    assert layer(inputs) is inputs
    assert not np.array_equal(layer(inputs, training=True), outputs)


def test_dropout_of_nearly_all_is_finite():
    outputs = HalfWordDropout(1 - 1e-7, seed=0)(tf.ones((100, 100)), training=True)
    assert np.isfinite(outputs).all()


def test_an_unknown_cluster_leaves_the_linear_part_of_the_logit():
    head = ProjectionHead(3)
    features = np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32)
    logits = head([features, np.array([-1, -1])])
    head.vectors.assign(np.ones((3, 5)))
    np.testing.assert_allclose(head([features, np.array([-1, -1])]), logits)
    np.testing.assert_allclose(logits, features @ head.kernel.numpy(), rtol=1e-5)
    known = head([features, np.array([0, 2])])
    np.testing.assert_allclose(known - logits, features.sum(1, keepdims=True), rtol=1e-4)


def test_a_cluster_is_drawn_as_often_as_its_share():
    code = ClusterCode(3)
    code.build((None, 2))
    code.set_shares(np.array([0.5, 0.0, 0.5]))
    noise = np.stack([np.linspace(-1, 0.999, 1000), np.zeros(1000)], axis=1).astype(np.float32)
    assert np.bincount(code.find_clusters(noise), minlength=3).tolist() == [500, 0, 500]
    assert code(noise).shape == (1000, 4)


def test_minibatch_discrimination_is_the_papers_formula():
    layer = MinibatchDiscrimination(3)
    features = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    found = layer(features).numpy()
    matrices = (features @ layer.kernel.numpy()).reshape(4, 3, layer.WIDTH)
    expected = np.zeros((4, 3))
    for i, own in enumerate(matrices):
        for j, other in enumerate(matrices):
            if i != j:
                expected[i] += np.exp(-np.abs(own - other).sum(axis=1))
    np.testing.assert_array_equal(found[:, :6], features)
    np.testing.assert_allclose(found[:, 6:], expected, rtol=1e-4)


def test_minibatch_discrimination_tells_copies_from_different_images():
    """A generator that always draws the same is caught: every copy is as close as can be."""
    layer = MinibatchDiscrimination(3)
    features = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    different = layer(features).numpy()[:, 6:]
    copies = layer(np.repeat(features[:1], 5, axis=0)).numpy()[:, 6:]
    np.testing.assert_allclose(copies, 4, rtol=1e-6)
    assert different.max() < 4


@pytest.mark.parametrize("shape", [(7,), (3, 3, 7)])
def test_virtual_batch_normalization_weighs_the_reference_and_the_row(shape):
    layer = VirtualBatchNormalization(4)
    rng = np.random.default_rng(0)
    reference, row = rng.normal(2, 3, (4, *shape)), rng.normal(2, 3, (1, *shape))
    found = layer(np.concatenate([reference, row]).astype(np.float32)).numpy()[-1]
    inside = tuple(range(1, len(shape)))
    moments = [
        0.8 * power.mean(axis=(0, *inside)) + 0.2 * own.mean(axis=(0, *inside))
        for power, own in ((reference, row), (reference**2, row**2))
    ]
    deviation = np.sqrt(moments[1] - moments[0] ** 2 + layer.EPSILON)
    np.testing.assert_allclose(found, (row[0] - moments[0]) / deviation, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("learn_scale", [True, False])
def test_the_lengths_of_weights_are_the_scales(learn_scale):
    layer = WeightNormDense(4, learn_scale=learn_scale)
    layer.build((None, 6))
    layer.scale.assign([1.0, 2.0, 0.5, 3.0])
    kernel, _ = layer.fold()
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), layer.scale, rtol=1e-5)
    trained = {weight.name for weight in layer.trainable_variables}
    assert trained == {"directions", "bias"} | ({"scale"} if learn_scale else set())


def test_a_folded_layer_with_normed_weights_is_a_dense_one():
    layer, plain = WeightNormDense(4), layers.Dense(4)
    inputs = tf.random.stateless_normal((5, 6), (0, 1))
    layer.build((None, 6))
    layer.bias.assign([1.0, -1.0, 0.0, 2.0])
    plain.build((None, 6))
    plain.set_weights(layer.fold())
    np.testing.assert_allclose(layer(inputs), plain(inputs), rtol=1e-5)


def test_standardized_outputs_have_mean_0_and_variance_1():
    layer = WeightNormDense(4)
    inputs = 3 + 2 * tf.random.stateless_normal((50, 6), (0, 1))
    layer.build((None, 6))
    layer.bias.assign([1.0, -1.0, 0.0, 2.0])
    layer.standardize(inputs)
    outputs = layer(inputs).numpy()
    np.testing.assert_allclose(outputs.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(outputs.std(axis=0), 1, rtol=1e-5)


def test_normed_weights_compute_in_the_precision_asked_for():
    layer = WeightNormDense(4, dtype="mixed_bfloat16")
    assert layer(tf.ones((2, 6))).dtype == "bfloat16"
    assert {weight.dtype for weight in layer.weights} == {"float32"}
