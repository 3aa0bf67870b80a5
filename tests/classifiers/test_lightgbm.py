import numpy as np
import pytest
from sklearn.metrics import log_loss

from gan_aug.arms import build_original_set
from gan_aug.classifiers.lightgbm import LightgbmConfig, predict_probabilities, train_lightgbm
from gan_aug.classifiers.rows import expand_targets
from gan_aug.images import TrainingSet


def test_it_learns_real_digits_and_tells_of_each_round(real):
    told = {}
    booster = train_lightgbm(
        build_original_set(real),
        LightgbmConfig(rounds=15),
        seed=0,
        on_progress=told.__setitem__,
    )
    probabilities = predict_probabilities(booster, real.images)
    assert probabilities.shape == (1000, 10)
    assert (probabilities.argmax(1) == real.labels).mean() > 0.9
    assert list(told) == list(range(1, 16))
    losses = [metrics["loss"] for metrics in told.values()]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(log_loss(real.labels, probabilities), abs=1e-4)


def test_same_seed_same_trees(real):
    training_set = build_original_set(real.take(np.arange(200)))
    same, again, other = (
        train_lightgbm(training_set, LightgbmConfig(rounds=3), seed=seed).model_to_string()
        for seed in (0, 0, 1)
    )
    assert same == again != other


def test_a_soft_target_becomes_weighted_rows():
    targets = np.zeros((2, 10), np.float32)
    targets[0, 3] = 1
    targets[1, [4, 9, 0]] = [0.745, 0.25, 0.005]
    training_set = TrainingSet(
        np.zeros((2, 28, 28), np.uint8), targets, np.array([1, 2], np.float32)
    )
    rows, labels, weights = expand_targets(training_set)
    assert rows.tolist() == [0, 1, 1]
    assert labels.tolist() == [3, 4, 9]
    np.testing.assert_allclose(weights, [1, 2 * 0.745 / 0.995, 2 * 0.25 / 0.995], rtol=1e-5)


def test_a_target_spread_thinly_over_many_classes_keeps_its_likeliest():
    targets = np.full((1, 200), 0.9 / 199, np.float32)
    targets[0, [7, 8]] = 0.009, 0.0095
    training_set = TrainingSet(np.zeros((1, 28, 28), np.uint8), targets, np.ones(1, np.float32))
    rows, labels, weights = expand_targets(training_set)
    assert (rows.tolist(), labels.tolist(), weights.tolist()) == ([0], [8], [1])


@pytest.mark.parametrize(
    ("labels", "fewest"), [(20, 1), (40, 1), (500, 10), (1000, 20), (9999, 20)]
)
def test_leaves_need_fewer_images_where_there_are_few(labels, fewest):
    planned = LightgbmConfig().plan(labels)
    assert planned.min_child_samples == fewest
    assert planned == LightgbmConfig(min_child_samples=fewest)
    assert planned.plan(labels) == planned


def test_leaves_never_need_more_images_than_the_settings_say():
    assert LightgbmConfig(min_child_samples=3).plan(100_000).min_child_samples == 3


@pytest.mark.parametrize("labels", [20, 40])
def test_few_labels_are_learned_from(real, labels):
    """With LightGBM's own 20 images a leaf, no tree of 20 to 39 images has a second leaf."""
    training_set = build_original_set(real.take(np.arange(labels)))
    config = LightgbmConfig(rounds=20).plan(labels)
    probabilities = predict_probabilities(
        train_lightgbm(training_set, config, seed=0), real.images[:500]
    )
    assert len(np.unique(probabilities, axis=0)) > 100
    assert (probabilities.argmax(1) == real.labels[:500]).mean() > 0.2
