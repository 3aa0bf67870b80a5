import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_aug.config import DcganConfig, resolve_config
from gan_aug.dcgan import build_discriminator, build_generator


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
    config = DcganConfig(clusters=0)
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


def test_mixed_precision_keeps_float32_at_the_ends():
    config = DcganConfig(generator_width=8, discriminator_width=4)
    for build in (build_generator, build_discriminator):
        model = build(config, dtype_policy="mixed_bfloat16")
        assert "bfloat16" in {layer.compute_dtype for layer in model.layers[:-1]}
        assert model.layers[-1].compute_dtype == "float32"
        assert {w.dtype for w in model.trainable_variables} == {"float32"}


def test_the_folded_layer_comes_back_from_a_file(tmp_path, chapter):
    generator = build_generator(chapter.model_copy(update={"generator_width": 8}))
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    noise = tf.random.stateless_uniform((2, 100), (0, 0), -1, 1)
    np.testing.assert_array_equal(loaded(noise), generator(noise))
