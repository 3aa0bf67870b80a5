import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gan_aug.config import DcganConfig, resolve_config
from gan_aug.dcgan import (
    ClusterCode,
    ProjectionHead,
    SmallMapConv2D,
    UpsampledConv2D,
    build_discriminator,
    build_generator,
)


@pytest.fixture(scope="module")
def chapter():
    return resolve_config("chapter").dcgan


def convolved_maps(model):
    return [layer.output.shape[1:] for layer in model.layers if "conv" in layer.name]


def test_chapter_generator_is_the_chapters(chapter):
    generator = build_generator(chapter)
    assert generator.count_params() == 2_394_241
    assert generator.input_shape == (None, 100)
    assert (7, 7, 256) in [layer.output.shape[1:] for layer in generator.layers]
    assert convolved_maps(generator) == [(14, 14, 128), (28, 28, 64), (28, 28, 32), (28, 28, 1)]


def test_chapter_discriminator_is_the_chapters(chapter):
    discriminator = build_discriminator(chapter)
    assert discriminator.count_params() == 4_311_553
    assert convolved_maps(discriminator) == [
        (14, 14, 64),
        (7, 7, 128),
        (4, 4, 256),
        (4, 4, 512),
    ]
    assert discriminator.output_shape == (None, 1)


def test_compact_pair_is_far_smaller():
    config = DcganConfig()
    sizes = [build(config).count_params() for build in (build_generator, build_discriminator)]
    assert sizes[0] < 2_394_241 / 2
    assert sizes[1] < 4_311_553 / 2


@pytest.mark.parametrize("architecture", ["compact", "chapter"])
def test_images_stay_in_range_and_fit_the_discriminator(architecture):
    config = DcganConfig(
        architecture=architecture, generator_width=8, discriminator_width=4, clusters=0
    )
    noise = np.random.default_rng(0).uniform(-1, 1, (3, 100)).astype(np.float32)
    images = build_generator(config)(noise, training=False).numpy()
    assert images.shape == (3, 28, 28, 1)
    assert 0 <= images.min() < images.max() <= 1
    assert build_discriminator(config)(images, training=False).shape == (3, 1)


def test_conditioned_networks_depend_on_the_cluster_and_come_back_from_a_file(tmp_path):
    config = DcganConfig(generator_width=8, discriminator_width=4, clusters=3)
    generator, discriminator = build_generator(config), build_discriminator(config)
    discriminator.layers[-1].vectors.assign(np.random.default_rng(0).normal(size=(3, 4 * 4 * 16)))
    noise = np.full((3, 100), 0.5, np.float32)
    noise[:, 0] = [-0.9, 0, 0.9]
    np.testing.assert_array_equal(generator.layers[0].find_clusters(noise), [0, 1, 2])
    images = generator(noise).numpy()
    logits = discriminator([images[[0, 0, 0]], np.array([0, 1, -1])]).numpy()
    assert len(np.unique(images, axis=0)) == len(np.unique(logits)) == 3
    for network, inputs in ((generator, noise), (discriminator, [images, np.array([0, 1, 2])])):
        network.save(tmp_path / "network.keras")
        loaded = keras.models.load_model(tmp_path / "network.keras")
        np.testing.assert_array_equal(loaded(inputs), network(inputs))


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


def test_mixed_precision_keeps_float32_at_the_ends():
    config = DcganConfig(generator_width=8, discriminator_width=4)
    for build in (build_generator, build_discriminator):
        model = build(config, dtype_policy="mixed_bfloat16")
        assert "bfloat16" in {layer.compute_dtype for layer in model.layers[:-1]}
        assert model.layers[-1].compute_dtype == "float32"
        assert {w.dtype for w in model.trainable_variables} == {"float32"}


@pytest.mark.parametrize(("side", "channels", "filters"), [(7, 16, 8), (5, 3, 1), (1, 2, 3)])
def test_the_folded_layer_is_upsampling_and_convolution(side, channels, filters):
    plain = keras.Sequential([layers.UpSampling2D(), layers.Conv2D(filters, 5, padding="same")])
    assert_same_function(UpsampledConv2D(filters), plain, (4, side, side, channels))


@pytest.mark.parametrize(("height", "width"), [(4, 4), (7, 5), (2, 1)])
def test_the_small_map_layer_is_a_convolution(height, width):
    plain = layers.Conv2D(8, 5, padding="same")
    assert_same_function(SmallMapConv2D(8, 5, padding="same"), plain, (4, height, width, 3))


def assert_same_function(layer, plain, shape):
    """Values, and the gradients of the input, kernel and bias, to float32 rounding (1e-5)."""
    inputs = tf.random.stateless_normal(shape, (0, 1))
    assert layer(inputs).shape == plain(inputs).shape
    upstream = tf.random.stateless_normal(plain(inputs).shape, (0, 2))
    layer.bias.assign(tf.random.stateless_normal(layer.bias.shape, (0, 3)))
    plain.set_weights(layer.get_weights())
    results = []
    for either in (layer, plain):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = either(inputs)
        results.append(
            [outputs, *tape.gradient(outputs, [inputs, *either.trainable_variables], upstream)]
        )
    for found, expected in zip(*results, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * scale)


def test_the_folded_layer_comes_back_from_a_file(tmp_path, chapter):
    generator = build_generator(chapter.model_copy(update={"generator_width": 8}))
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    noise = tf.random.stateless_uniform((2, 100), (0, 0), -1, 1)
    np.testing.assert_array_equal(loaded(noise), generator(noise))
