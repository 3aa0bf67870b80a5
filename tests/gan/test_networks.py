import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_aug.errors import UserError
from gan_aug.gan.networks import build_discriminator, build_generator, open_discriminator
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.presets import resolve_config

ARCHITECTURES = ["compact", "chapter", "paper"]
MNIST = (28, 28, 1)
SHAPES = [(16, 16, 1), MNIST, (32, 32, 3), (36, 36, 1), (64, 64, 3)]
SMALL = {"generator_width": 16, "discriminator_width": 4, "gradient_penalty": 0, "clusters": 0}


@pytest.fixture(scope="module")
def chapter():
    return resolve_config("chapter").dcgan


def convolved_maps(model):
    return [layer.output.shape[1:] for layer in model.layers if "conv" in layer.name]


def test_chapter_generator_is_the_chapters(chapter):
    generator = build_generator(chapter, MNIST)
    assert generator.count_params() == 2_394_241
    assert generator.input_shape == (None, 100)
    assert (7, 7, 256) in [layer.output.shape[1:] for layer in generator.layers]
    assert convolved_maps(generator) == [(14, 14, 128), (28, 28, 64), (28, 28, 32), (28, 28, 1)]


def test_chapter_discriminator_is_the_chapters(chapter):
    discriminator = build_discriminator(chapter, MNIST)
    assert discriminator.count_params() == 4_311_553
    assert convolved_maps(discriminator) == [
        (14, 14, 64),
        (7, 7, 128),
        (4, 4, 256),
        (4, 4, 512),
    ]
    assert discriminator.output_shape == (None, 1)


@pytest.fixture(scope="module")
def paper():
    config = resolve_config("paper").dcgan
    return build_generator(config, (64, 64, 3)), build_discriminator(config, (64, 64, 3))


def test_the_papers_networks_are_the_papers(paper):
    generator, discriminator = paper
    assert generator.input_shape == (None, 100)
    assert (4, 4, 1024) in [layer.output.shape[1:] for layer in generator.layers]
    assert convolved_maps(generator) == [(8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)]
    assert convolved_maps(discriminator) == [
        (32, 32, 128),
        (16, 16, 256),
        (8, 8, 512),
        (4, 4, 1024),
    ]
    assert discriminator.output_shape == (None, 1)


def test_the_papers_layers_are_normalized_but_for_the_images_own(paper):
    """Section 3: not in the generator's output, nor in the discriminator's input."""
    for network, convolutions in zip(paper, (4, 4), strict=True):
        names = [
            layer.name for layer in network.layers if "conv" in layer.name or "batch" in layer.name
        ]
        assert sum("batch" in name for name in names) == convolutions - (
            "discriminator" in network.name
        )
        ends = names[-1] if network.name == "generator" else names[1]
        assert "conv" in ends


def test_the_papers_weights_begin_with_a_deviation_of_a_fiftieth(paper):
    for network in paper:
        for layer in network.layers:
            if "conv" in layer.name or (
                layer.name.startswith("dense") and network.name == "generator"
            ):
                kernel = layer.kernel.numpy()
                assert abs(kernel.mean()) < 1e-3
                assert kernel.std() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shape", SHAPES)
def test_one_builder_serves_every_shape(architecture, shape):
    config = DcganConfig(architecture=architecture, **SMALL)
    noise = np.random.default_rng(0).uniform(-1, 1, (3, 100)).astype(np.float32)
    images = build_generator(config, shape)(noise, training=False).numpy()
    assert images.shape == (3, *shape)
    assert 0 <= images.min() < images.max() <= 1
    features, logits = open_discriminator(build_discriminator(config, shape))(images)
    assert logits.shape == (3, 1)
    assert features.shape[1] % 16 == 0, "a map of four by four"


@pytest.mark.parametrize("shape", [(28, 32, 1), (30, 30, 1), (8, 8, 3), (64, 64, 4), (512, 512, 3)])
@pytest.mark.parametrize("build", [build_generator, build_discriminator])
def test_a_shape_without_networks_is_refused(build, shape):
    with pytest.raises(UserError, match=rf"images: expected .*, found {shape[0]}x{shape[1]} with"):
        build(DcganConfig(**SMALL), shape)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("clusters", [0, 3])
def test_networks_of_every_technique_come_back_from_a_file(tmp_path, architecture, clusters):
    config = DcganConfig(
        architecture=architecture,
        minibatch_discrimination=4,
        virtual_batch_normalization=5,
        **SMALL | {"clusters": clusters},
    )
    noise = np.random.default_rng(0).uniform(-1, 1, (3, 100)).astype(np.float32)
    generator, discriminator = build_generator(config, MNIST), build_discriminator(config, MNIST)
    images = generator(noise)
    inputs = [images, tf.constant([0, 1, 2])] if clusters else images
    for network, given in ((generator, noise), (discriminator, inputs)):
        network.save(tmp_path / "network.keras")
        loaded = keras.models.load_model(tmp_path / "network.keras")
        np.testing.assert_array_equal(loaded(given), network(given))


def test_virtual_batch_normalization_keeps_images_apart_in_training():
    """With batch normalization, an image depends on the noise of all others."""
    noise = np.random.default_rng(0).uniform(-1, 1, (6, 100)).astype(np.float32)
    differences = []
    for reference in (0, 8):
        generator = build_generator(
            DcganConfig(virtual_batch_normalization=reference, **SMALL), MNIST
        )
        alone, among = generator(noise[:2], training=True), generator(noise, training=True)[:2]
        differences.append(float(np.abs(alone - among).max()))
    assert differences[0] > 1e-3
    assert differences[1] < 1e-5


def test_compact_pair_is_far_smaller():
    config = DcganConfig(clusters=0)
    sizes = [
        build(config, MNIST).count_params() for build in (build_generator, build_discriminator)
    ]
    assert sizes[0] < 2_394_241 / 2
    assert sizes[1] < 4_311_553 / 2


def test_conditioned_networks_depend_on_the_cluster_and_come_back_from_a_file(tmp_path):
    config = DcganConfig(generator_width=8, discriminator_width=4, clusters=3)
    generator, discriminator = build_generator(config, MNIST), build_discriminator(config, MNIST)
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
        model = build(config, MNIST, dtype_policy="mixed_bfloat16")
        assert "bfloat16" in {layer.compute_dtype for layer in model.layers[:-1]}
        assert model.layers[-1].compute_dtype == "float32"
        assert {w.dtype for w in model.trainable_variables} == {"float32"}


def test_the_folded_layer_comes_back_from_a_file(tmp_path, chapter):
    generator = build_generator(chapter.model_copy(update={"generator_width": 8}), MNIST)
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    noise = tf.random.stateless_uniform((2, 100), (0, 0), -1, 1)
    np.testing.assert_array_equal(loaded(noise), generator(noise))
