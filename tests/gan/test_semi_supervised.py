import keras
import numpy as np
import pytest
import tensorflow as tf
from stopping import Stopping

from gan_aug.classifiers.cnn import predict_probabilities
from gan_aug.device import Compute
from gan_aug.errors import TrainingDivergedError
from gan_aug.gan import semi_supervised as sgan
from gan_aug.gan.semi_supervised import train_sgan
from gan_aug.images import ImageSpec, LabeledImages, to_unit
from gan_aug.settings.sgan import SganConfig

CONFIG = SganConfig(updates=3, batch_size=8, labeled_batch_size=4)


@pytest.fixture
def train(real, cpu):
    def train(seed=0, **changes):
        config = CONFIG.model_copy(update=changes)
        labeled = real.take(np.arange(20))
        return train_sgan(labeled, real.images[:100], config, seed=seed, compute=cpu)

    return train


@pytest.fixture
def players(real, cpu):
    return sgan.build_players(real.images[:100], 10, CONFIG, cpu)


@pytest.fixture
def batch(real):
    draw = sgan.build_draw(real.take(np.arange(20)), real.images[:100], CONFIG, seed=0)
    return draw(tf.constant(0))


@pytest.fixture
def logits():
    return tf.random.stateless_normal((6, 10), (0, 1), stddev=3.0)


def explicit_softmax(logits):
    """Eleven probabilities: the digits', and with a logit of 0 that of a generated image."""
    return tf.nn.softmax(tf.concat([logits, tf.zeros((len(logits), 1))], axis=1)).numpy()


def test_the_losses_are_those_of_an_explicit_eleventh_class(logits):
    labels = tf.constant([3, 1, 4, 1, 5, 9])
    softmax = explicit_softmax(logits)
    real, generated = 1 - softmax[:, -1], softmax[:, -1]
    chosen = softmax[np.arange(6), labels] / real
    np.testing.assert_allclose(
        sgan.measure_labeled_loss(logits, labels), -np.log(chosen).mean(), rtol=1e-5
    )
    fakes = -logits
    expected = -(np.log(real).mean() + np.log(explicit_softmax(fakes)[:, -1]).mean()) / 2
    np.testing.assert_allclose(sgan.measure_unlabeled_loss(logits, fakes), expected, rtol=1e-5)
    z = np.exp(logits).sum(axis=1)
    np.testing.assert_allclose(real, z / (z + 1), rtol=1e-5)
    np.testing.assert_allclose(generated, 1 / (z + 1), rtol=1e-4)


def test_a_generator_whose_mean_features_agree_is_left_alone():
    reals = tf.random.stateless_normal((8, 250), (0, 1))
    others = tf.random.stateless_normal((8, 250), (0, 2))
    same_mean = others - tf.reduce_mean(others, axis=0) + tf.reduce_mean(reals, axis=0)
    for fakes, agrees in ((same_mean, True), (others, False)):
        with tf.GradientTape() as tape:
            tape.watch(fakes)
            loss = sgan.measure_matching_loss(reals, fakes)
        assert (np.abs(tape.gradient(loss, fakes)).max() < 1e-6) == agrees


def test_sums_begin_with_mean_0_and_variance_1(players, real):
    weightless = sgan.build_classifier(players.discriminator)
    values = to_unit(real.images[:100])
    first = weightless.layers[1]
    sums = tf.reshape(values, (100, -1)) @ first.kernel + first.bias
    # The layers are standardized for noisy images, and these are without noise.
    signal = values.var(axis=0).mean()
    expected = np.sqrt(signal / (signal + sgan.PIXEL_NOISE**2))
    assert np.abs(sums.numpy().mean(axis=0)).max() < 0.5
    np.testing.assert_allclose(sums.numpy().std(axis=0).mean(), expected, rtol=0.15)


def test_a_step_moves_both_players_by_their_own_losses(players, batch):
    before = [w.numpy() for w in players.generator.trainable_variables]
    metrics = sgan.update_players(players, batch)
    assert metrics.shape == (3,)
    moved = [
        not np.array_equal(old, new.numpy())
        for old, new in zip(before, players.generator.trainable_variables, strict=True)
    ]
    assert all(moved)


@pytest.mark.parametrize("shape", [(16, 16, 1), (20, 20, 3)])
def test_batches_have_the_shape_of_the_networks_inputs(shape):
    images = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
    images = images[..., 0] if shape[-1] == 1 else images
    spec = ImageSpec(shape, ("cat", "dog", "owl"))
    labeled = LabeledImages(images, np.arange(6, dtype=np.uint16) % 3, spec)
    players = sgan.build_players(images, 3, CONFIG, Compute())
    batch = sgan.build_draw(labeled, images, CONFIG, seed=0)(tf.constant(0))
    assert batch.labeled.shape == (4, *shape)
    assert batch.unlabeled.shape == (8, *shape)
    assert 0 <= float(tf.reduce_min(batch.unlabeled)) < float(tf.reduce_max(batch.unlabeled)) <= 1
    assert players.generator(batch.noise).shape == (8, *shape)
    _, logits = players.discriminator(batch.unlabeled)
    assert logits.shape == (8, 3)


def test_no_layer_of_the_discriminator_mixes_images(players, batch):
    together, _ = players.discriminator(batch.unlabeled, training=False)
    alone, _ = players.discriminator(batch.unlabeled[:1], training=False)
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


def test_the_average_is_what_comes_back(real, cpu, monkeypatch):
    """With no memory it is the discriminator itself, without noise."""
    kept = []
    build = sgan.build_players
    monkeypatch.setattr(sgan, "build_players", lambda *a: kept.append(build(*a)) or kept[-1])
    for momentum in (0.0, 0.999):
        config = CONFIG.model_copy(update={"ema_momentum": momentum})
        model = train_sgan(real.take(np.arange(20)), real.images[:100], config, seed=0, compute=cpu)
        images = to_unit(real.images[:10])
        newest, averaged = (
            tf.nn.softmax(network(images, training=False)[1]).numpy()
            for network in (kept[-1].discriminator, kept[-1].average)
        )
        found = predict_probabilities(model, real.images[:10])
        np.testing.assert_allclose(found, averaged, atol=1e-5)
        assert np.allclose(found, newest, atol=1e-5) == (momentum == 0)


def test_the_classifier_is_of_plain_layers_and_gives_probabilities(train, real, tmp_path):
    model = train()
    model.save(tmp_path / "sgan.keras")
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    again = keras.models.load_model(tmp_path / "sgan.keras")
    probabilities = predict_probabilities(again, real.images)
    assert probabilities.shape == (1000, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities, predict_probabilities(model, real.images))


def test_it_learns_real_digits_from_few_labels(real, cpu):
    config = SganConfig(updates=60, batch_size=32, labeled_batch_size=32, ema_momentum=0.9)
    seen = []
    model = train_sgan(
        real.take(np.arange(100)),
        real.images,
        config,
        seed=0,
        compute=cpu,
        on_progress=lambda done, metrics: seen.append(done),
    )
    assert (predict_probabilities(model, real.images).argmax(1) == real.labels).mean() > 0.6
    assert seen[-1] == 60


def test_same_seed_same_network_other_seed_another(train):
    same, again, other = (train(seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(same, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(same, other, strict=True))


def test_a_resumed_training_makes_the_same_network(real, cpu, monkeypatch):
    monkeypatch.setattr(sgan, "INTERVAL", 2)
    checkpoint = Stopping()

    def train(**where):
        labeled = real.take(np.arange(20))
        return train_sgan(labeled, real.images[:100], CONFIG, seed=0, compute=cpu, **where)

    with pytest.raises(KeyboardInterrupt):
        train(checkpoint=checkpoint)
    resumed, whole = train(checkpoint=checkpoint), train()
    assert checkpoint.arrays["step"].tolist() == [2, 3]
    for found, expected in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_training_that_diverges_stops_and_says_so(train):
    with pytest.raises(TrainingDivergedError, match=r"SGAN: expected finite losses, found .*step"):
        train(updates=20, learning_rate=1e30)


def test_the_rate_falls_to_0_over_the_last_share_of_the_updates():
    config = SganConfig(updates=100, learning_rate=2.0, falling_share=0.5)
    rate = sgan.build_optimizer(config)._learning_rate
    np.testing.assert_allclose([rate(step) for step in (0, 50, 75, 99)], [2, 2, 1, 0.04], rtol=1e-5)
