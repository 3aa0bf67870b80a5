import numpy as np

from gan_aug.arms import build_original_set
from gan_aug.classifiers.random_forest import (
    RandomForestConfig,
    predict_probabilities,
    train_random_forest,
)


def test_it_learns_real_digits(real):
    forest = train_random_forest(build_original_set(real), RandomForestConfig(trees=20), seed=0)
    probabilities = predict_probabilities(forest, real.images)
    assert (probabilities.argmax(1) == real.labels).mean() > 0.95


def test_same_seed_same_forest(real):
    training_set = build_original_set(real.take(np.arange(200)))
    same, again, other = (
        predict_probabilities(
            train_random_forest(training_set, RandomForestConfig(trees=5), seed=seed), real.images
        )
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(same, again)
    assert not np.array_equal(same, other)
