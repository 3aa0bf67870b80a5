import functools
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from stopping import Stopping

from gan_aug.classifiers.cnn import predict_probabilities
from gan_aug.errors import TrainingDivergedError, UserError
from gan_aug.images import to_unit
from gan_aug.representation import consistency
from gan_aug.representation.consistency import (
    Lesson,
    align_classes,
    train_consistently,
    weigh_images,
)
from gan_aug.representation.contrastive import encode_images, train_encoder
from gan_aug.representation.propagation import (
    Propagated,
    find_neighbors,
    propagate,
    rank_images,
)
from gan_aug.representation.views import VIEWS
from gan_aug.settings.consistency import ConsistencyConfig
from gan_aug.settings.encoder import EncoderConfig

CONFIG = ConsistencyConfig(updates=4, warmup=0.5, labeled_batch_size=8, batch_size=8)
DRAWN = np.arange(60)
SIZES = tf.fill((10,), 0.1)


@pytest.fixture(scope="module")
def encoder(real, cpu):
    config = EncoderConfig(width=8, steps=60, batch_size=64)
    return train_encoder(real.images, config, seed=0, compute=cpu)


@pytest.fixture(scope="module")
def lesson(real, encoder):
    neighbors = find_neighbors(encode_images(encoder, real.images), 8)
    propagated = propagate(neighbors, real, DRAWN, slack=0.2)
    return Lesson(real.images, DRAWN, real.labels[DRAWN], propagated, 10)


@pytest.fixture
def train(lesson, encoder, cpu):
    def train(seed=0, *, lesson=lesson, **changes):
        checkpoint = changes.pop("checkpoint", None)
        return train_consistently(
            lesson,
            encoder,
            CONFIG.model_copy(update=changes),
            views=VIEWS["marks"],
            seed=seed,
            compute=cpu,
            checkpoint=checkpoint,
        )

    return train


@pytest.fixture
def pupil(encoder, lesson):
    expected = np.full(10, 0.1, np.float32)
    return consistency.build_pupil(encoder, expected, CONFIG)


def test_it_begins_as_the_encoder(pupil, encoder, real):
    *body, _ = pupil.network.layers
    images = to_unit(real.images[:10])
    features = functools.reduce(lambda values, layer: layer(values), body, images)
    np.testing.assert_allclose(features, encoder(images), rtol=1e-4, atol=1e-5)


def test_aligned_probabilities_have_the_expected_means():
    """Where what was found is the mean itself, and so far as no row is certain, after a few rounds.

    One round brings the means nearer; repeated, they arrive.
    """
    logits = tf.random.stateless_normal((500, 4), (0, 1))
    said = tf.nn.softmax(logits + tf.constant([1.0, 0.0, 0.0, -1.0]))
    expected = tf.constant([0.4, 0.3, 0.2, 0.1])

    def distance(probabilities):
        return float(tf.reduce_sum(tf.abs(tf.reduce_mean(probabilities, axis=0) - expected)))

    once = align_classes(said, tf.reduce_mean(said, axis=0), expected, slack=0.0)
    np.testing.assert_allclose(tf.reduce_sum(once, axis=1), 1, rtol=1e-5)
    assert distance(once) < distance(said) / 2
    many = said
    for _ in range(50):
        many = align_classes(many, tf.reduce_mean(many, axis=0), expected, slack=0.0)
    assert distance(many) < 1e-3


def test_nothing_to_align_changes_nothing():
    said = tf.nn.softmax(tf.random.stateless_normal((5, 4), (0, 1)))
    shares = tf.constant([0.4, 0.3, 0.2, 0.1])
    for found in (shares, shares * [1.2, 0.8, 0.8, 1.2]):
        aligned = align_classes(said, found, shares, slack=0.21)
        np.testing.assert_allclose(aligned, said, rtol=1e-5)


def test_a_class_that_comes_too_often_is_scaled_to_the_edge_of_the_slack():
    said, expected = tf.fill((1, 4), 0.25), tf.fill((4,), 0.25)
    found = tf.constant([0.5, 0.2, 0.2, 0.1])
    (aligned,) = align_classes(said, found, expected, slack=0.2).numpy()
    factors = np.array([0.3 / 0.5, 1.0, 1.0, 0.2 / 0.1])
    np.testing.assert_allclose(aligned, factors / factors.sum(), rtol=1e-5)


def test_images_count_in_full_at_the_mean_and_less_along_a_gaussian_below():
    weights = weigh_images(tf.constant([0.5, 0.7, 0.8, 0.9]), tf.constant(0.8), tf.constant(0.04))
    # Half of the deviation is 0.1: one and three of its widths below.
    expected = [np.exp(-9 / 2), np.exp(-1 / 2), 1, 1]
    np.testing.assert_allclose(weights, expected, rtol=1e-3)


def ask_average(pupil, batch):
    weak = consistency.change_images(batch.unlabeled, VIEWS["marks"].weak, batch.view_seeds[0])
    return tf.argmax(pupil.average(weak, training=False), axis=1)


def make_targets(pupil, batch, relearning, **changes):
    pupil.shares.assign(SIZES)
    config = CONFIG.model_copy(update=changes)
    return consistency.make_targets(
        pupil, batch, tf.constant(relearning), SIZES, VIEWS["marks"], config
    )


def test_it_learns_from_trusted_spread_labels_first(lesson, pupil):
    draw = consistency.build_draw(lesson, CONFIG, seed=0)
    trusted = lesson.propagated.trust(CONFIG.trusted_share, CONFIG.most_wrong)
    known = {image.tobytes() for image in lesson.images[trusted]}
    for number in range(3):
        batch = draw(tf.constant(number), tf.constant(True))
        images = np.rint(batch.unlabeled.numpy()[..., 0] * 255).astype(np.uint8)
        assert all(image.tobytes() in known for image in images)
        targets, weights = make_targets(pupil, batch, relearning=True)
        np.testing.assert_array_equal(tf.argmax(targets, axis=1), batch.spread)
        np.testing.assert_array_equal(weights, np.ones(8))


def test_then_spread_labels_have_their_say_beside_its_own_word(lesson, pupil):
    batch = consistency.build_draw(lesson, CONFIG, seed=0)(tf.constant(9), tf.constant(False))
    batch = batch._replace(reliable=tf.constant([True] * 4 + [False] * 4))
    own, spread = (tf.one_hot(names, 10) for names in (ask_average(pupil, batch), batch.spread))
    targets, _ = make_targets(pupil, batch, relearning=False, spread_say=0.25)
    np.testing.assert_allclose(targets[:4], 0.75 * own[:4] + 0.25 * spread[:4])
    np.testing.assert_array_equal(targets[4:], own[4:])


def test_unreliable_spread_labels_are_not_learned_from(lesson):
    found = lesson.propagated
    wrong = np.ones_like(found.tested_wrong)
    unreliable = lesson._replace(propagated=replace(found, tested_wrong=wrong))
    draw = consistency.build_draw(unreliable, CONFIG, seed=0)
    known = {image.tobytes() for image in lesson.images[DRAWN]}
    batch = draw(tf.constant(0), tf.constant(True))
    images = np.rint(batch.unlabeled.numpy()[..., 0] * 255).astype(np.uint8)
    assert all(image.tobytes() in known for image in images)
    assert batch.reliable.numpy().all()
    others = draw(tf.constant(0), tf.constant(False))
    marks = [
        image.tobytes() in known
        for image in np.rint(others.unlabeled.numpy()[..., 0] * 255).astype(np.uint8)
    ]
    np.testing.assert_array_equal(others.reliable, marks)


def test_the_labeled_images_keep_their_labels(lesson, real):
    batch = consistency.build_draw(lesson, CONFIG, seed=0)(tf.constant(0), tf.constant(True))
    images = np.rint(batch.labeled.numpy()[..., 0] * 255).astype(np.uint8)
    for image, label in zip(images, batch.labels.numpy(), strict=True):
        (place,) = np.flatnonzero((real.images[DRAWN] == image).all(axis=(1, 2)))
        assert real.labels[place] == label


def test_a_lost_class_sends_it_back_to_the_spread_labels(pupil):
    sizes = tf.fill((10,), 0.1)

    def watch(number, relearning):
        consistency.watch_for_collapse(
            pupil, tf.constant(number), tf.constant(relearning), sizes, 2
        )
        return pupil.relearning.numpy().tolist()

    assert watch(10, relearning=False) == [2, 0]
    pupil.shares.assign([0.19, 0.01, *[0.1] * 8])
    assert watch(11, relearning=True) == [2, 0]
    assert watch(11, relearning=False) == [14, 1]
    np.testing.assert_allclose(pupil.shares, sizes)
    assert watch(14, relearning=False) == [14, 1]
    pupil.confidence.assign([0.11, 0.0])
    assert watch(15, relearning=False) == [18, 2]


def test_a_training_that_ends_without_a_class_is_refused(pupil, caplog):
    expected = np.full(10, 0.1, np.float32)
    pupil.relearning.assign([14, 2])
    consistency.check_classes(pupil, expected)
    assert "began again from the spread labels, 2×" in caplog.text
    pupil.shares.assign([0.19, 0.01, *[0.1] * 8])
    with pytest.raises(UserError, match=r"teacher: expected a network that tells all classes"):
        consistency.check_classes(pupil, expected)


def test_the_classifier_is_of_plain_layers_and_gives_probabilities(train, real, tmp_path):
    model = train()
    model.save(tmp_path / "consistency.keras")
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    again = keras.models.load_model(tmp_path / "consistency.keras")
    probabilities = predict_probabilities(again, real.images)
    assert probabilities.shape == (1000, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities, predict_probabilities(model, real.images))


def test_the_average_is_what_comes_back(lesson, encoder, cpu, real, monkeypatch):
    kept = []
    build = consistency.build_pupil
    monkeypatch.setattr(consistency, "build_pupil", lambda *a: kept.append(build(*a)) or kept[-1])
    model = train_consistently(lesson, encoder, CONFIG, views=VIEWS["marks"], seed=0, compute=cpu)
    images = to_unit(real.images[:10])
    average = tf.nn.softmax(kept[0].average(images, training=False))
    newest = tf.nn.softmax(kept[0].network(images, training=False))
    np.testing.assert_allclose(model(images), average, atol=1e-5)
    assert not np.allclose(model(images), newest, atol=1e-5)


def test_it_names_more_images_rightly_than_the_spread_labels(train, lesson, real):
    """Of which a fifth are wrong here, most of them not trusted."""
    rng = np.random.default_rng(0)
    wrong = rng.random(len(real)) < 0.2
    labels = np.where(wrong, rng.integers(0, 10, len(real)), real.labels).astype(np.uint16)
    ranks = rank_images(labels, np.where(wrong & (rng.random(len(real)) < 0.8), 0.0, 1.0))
    labels[DRAWN], ranks[DRAWN] = real.labels[DRAWN], 0
    none_held_out = np.empty(0, np.float32), np.empty(0, bool)
    noisy = lesson._replace(propagated=Propagated(labels, ranks, *none_held_out))
    model = train(lesson=noisy, updates=200, warmup=0.7, labeled_batch_size=32, batch_size=64)
    right = (predict_probabilities(model, real.images).argmax(axis=1) == real.labels).mean()
    assert right > (labels == real.labels).mean()


def test_same_seed_same_network_other_seed_another(train):
    same, again, other = (train(seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(same, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(same, other, strict=True))


def test_a_resumed_training_makes_the_same_network(train, monkeypatch):
    monkeypatch.setattr(consistency, "INTERVAL", 3)
    checkpoint = Stopping()
    with pytest.raises(KeyboardInterrupt):
        train(checkpoint=checkpoint)
    resumed, whole = train(checkpoint=checkpoint), train()
    assert checkpoint.arrays["step"].tolist() == [3, 4]
    for found, expected in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_training_that_diverges_stops_and_says_so(train):
    with pytest.raises(TrainingDivergedError, match="teacher: expected finite losses"):
        train(updates=40, learning_rate=1e30)
