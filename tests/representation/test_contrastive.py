import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special
from stopping import Stopping

from gan_aug.errors import TrainingDivergedError
from gan_aug.images import to_unit
from gan_aug.representation import contrastive
from gan_aug.representation.contrastive import (
    build_encoder,
    encode_images,
    estimate_encoder,
    measure_contrast,
    train_encoder,
)
from gan_aug.representation.views import VIEWS, change_images
from gan_aug.seeding import seed_keras
from gan_aug.settings.encoder import EncoderConfig

CONFIG = EncoderConfig(width=4, steps=3, batch_size=8)


@pytest.fixture
def train(real, cpu):
    def train(seed=0, images=None, **changes):
        config = CONFIG.model_copy(update=changes)
        chosen = real.images[:100] if images is None else images
        return train_encoder(chosen, config, seed=seed, compute=cpu)

    return train


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_the_loss_is_that_of_the_paper(temperature):
    """Written out pair by pair, as in equation 1."""
    projected = np.random.default_rng(0).normal(size=(10, 7)).astype(np.float32)
    directions = projected / np.linalg.norm(projected, axis=1, keepdims=True)
    losses = []
    for row in range(10):
        others = [k for k in range(10) if k != row]
        similarities = directions[others] @ directions[row] / temperature
        partner = others.index((row + 5) % 10)
        losses.append(special.logsumexp(similarities) - similarities[partner])
    found = measure_contrast(tf.constant(projected), temperature)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)


def test_views_of_one_image_that_agree_cost_less():
    rows = np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32)
    same = measure_contrast(tf.constant(np.concatenate([rows, rows])), 0.2)
    mixed = measure_contrast(tf.constant(np.concatenate([rows, rows[::-1]])), 0.2)
    assert float(same) < float(mixed)


@pytest.mark.parametrize(
    ("shape", "last"), [((16, 16, 1), 4), ((28, 28, 1), 7), ((32, 32, 3), 8), ((64, 64, 3), 8)]
)
def test_the_last_map_is_small_whatever_the_side(shape, last):
    encoder = build_encoder(shape, 4)
    *_, before, mean = encoder.layers
    assert before.output.shape[1:] == (last, last, 16)
    assert mean.output.shape[1:] == (16,)


def test_features_have_length_1_and_come_from_plain_layers(train, real, tmp_path):
    encoder = train()
    assert all(type(layer).__module__.startswith("keras.") for layer in encoder.layers)
    encoder.save(tmp_path / "encoder.keras")
    again = keras.models.load_model(tmp_path / "encoder.keras")
    told = []
    features = encode_images(again, real.images[:30], lambda done, _: told.append(done))
    assert features.shape == (30, 16)
    assert features.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(features, encode_images(encoder, real.images[:30]))
    assert told == [30]


def test_the_plain_encoder_is_the_trained_one(real, cpu, monkeypatch):
    kept = []
    build = contrastive.build_learner
    monkeypatch.setattr(contrastive, "build_learner", lambda *a: kept.append(build(*a)) or kept[-1])
    encoder = train_encoder(real.images[:100], CONFIG, seed=0, compute=cpu)
    images = to_unit(real.images[:10])
    np.testing.assert_allclose(
        encoder(images), kept[0].encoder(images, training=False), rtol=1e-4, atol=1e-5
    )


def test_training_brings_views_of_an_image_together(real, cpu):
    """And images apart: views of one are more alike than images are, by far more than before."""
    images = to_unit(real.images[:300])
    views = [change_images(images, VIEWS["marks"].contrast, (0, seed)) for seed in (1, 2)]

    def measure_lead(encoder):
        first, second = (encode_images(encoder, to_bytes(view)) for view in views)
        similar = first @ second.T
        return np.diag(similar).mean() - similar.mean()

    with seed_keras(0):
        untrained = build_encoder((28, 28, 1), 8)
    config = EncoderConfig(width=8, steps=100, batch_size=64)
    trained = train_encoder(real.images, config, seed=0, compute=cpu)
    assert measure_lead(trained) > 2 * measure_lead(untrained)


def to_bytes(view):
    return np.rint(view.numpy()[..., 0] * 255).astype(np.uint8)


def test_same_seed_same_encoder_other_seed_another(train):
    same, again, other = (train(seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(same, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(same, other, strict=True))


def test_a_resumed_training_makes_the_same_encoder(real, cpu, monkeypatch, train):
    monkeypatch.setattr(contrastive, "INTERVAL", 2)
    checkpoint = Stopping()

    def resume():
        return train_encoder(real.images[:100], CONFIG, seed=0, compute=cpu, checkpoint=checkpoint)

    with pytest.raises(KeyboardInterrupt):
        resume()
    resumed, whole = resume(), train()
    assert checkpoint.arrays["step"].tolist() == [2, 3]
    for found, expected in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_rgb_images_have_encoders_too(train):
    pictures = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    assert encode_images(train(images=pictures), pictures).shape == (12, 16)


def test_a_training_that_diverges_stops_and_says_so(train):
    with pytest.raises(TrainingDivergedError, match="encoder: expected finite losses"):
        train(steps=30, learning_rate=1e30)


def test_an_estimate_of_memory_grows_with_images_and_batches():
    small, larger, more = (
        estimate_encoder(shape, EncoderConfig(batch_size=count))
        for shape, count in (((28, 28, 1), 256), ((64, 64, 3), 256), ((28, 28, 1), 1024))
    )
    assert 0 < small < larger
    assert small < more
