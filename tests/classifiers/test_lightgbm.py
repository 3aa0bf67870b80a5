import numpy as np

from gan_aug.arms import build_original_set
from gan_aug.classifiers.lightgbm import expand_targets, predict_probabilities, train_boosting
from gan_aug.images import TrainingSet
from gan_aug.settings.run import BoostingConfig


def test_it_learns_real_digits_and_progress_counts_the_rounds(real):
    seen = []
    booster = train_boosting(
        build_original_set(real),
        BoostingConfig(rounds=15),
        seed=0,
        on_progress=lambda done, metrics: seen.append(done),
    )
    probabilities = predict_probabilities(booster, real.images)
    assert probabilities.shape == (1000, 10)
    assert (probabilities.argmax(1) == real.labels).mean() > 0.9
    assert seen == list(range(1, 16))


def test_same_seed_same_trees(real):
    training_set = build_original_set(real.take(np.arange(200)))
    same, again, other = (
        train_boosting(training_set, BoostingConfig(rounds=3), seed=seed).model_to_string()
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
