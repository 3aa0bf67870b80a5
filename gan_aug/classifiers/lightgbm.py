"""The LightGBM classifier on raw pixels: the tree baseline of every arm."""

from typing import Any

import lightgbm
import numpy as np

from gan_aug.images import Float32, Images, TrainingSet
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.run import BoostingConfig

__all__ = ["predict_probabilities", "train_boosting"]

SMALLEST_PROBABILITY = 0.01


def train_boosting(
    training_set: TrainingSet,
    config: BoostingConfig,
    *,
    seed: int,
    on_progress: OnProgress = ignore_progress,
) -> lightgbm.Booster:
    """Train gradient-boosted trees for a fixed number of rounds.

    Args:
        training_set: Images, target distributions and weights; a soft target becomes one weighted
            row for each class the teacher gives at least 1%.
        config: Rounds and tree settings.
        seed: Determines the pixels each tree sees.
        on_progress: Called after each round.

    Returns:
        The trained booster of scikit-learn's estimator, which LightGBM saves as text.
    """
    rows, labels, weights = expand_targets(training_set)
    classifier = lightgbm.LGBMClassifier(
        n_estimators=config.rounds,
        learning_rate=config.learning_rate,
        num_leaves=config.num_leaves,
        max_bin=config.max_bin,
        colsample_bytree=config.colsample_bytree,
        random_state=seed,
        deterministic=True,
        force_col_wise=True,
        verbose=-1,
    )

    def report(env: Any) -> None:
        on_progress(env.iteration + 1, {})

    classifier.fit(
        flatten(training_set.images[rows]), labels, sample_weight=weights, callbacks=[report]
    )
    return classifier.booster_


def expand_targets(
    training_set: TrainingSet,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Float32]:
    """Turn target distributions into rows of one class each.

    Returns:
        Per row: the index of its image, its class, and its weight, the image's weight times the
        class's share of what is left after dropping classes below 1%.
    """
    kept = np.where(training_set.targets >= SMALLEST_PROBABILITY, training_set.targets, 0)
    kept /= kept.sum(axis=1, keepdims=True)
    rows, labels = np.nonzero(kept)
    return rows, labels, training_set.weights[rows] * kept[rows, labels]


def predict_probabilities(booster: lightgbm.Booster, images: Images) -> Float32:
    """Return the ``(n, 10)`` float32 class probabilities of ``(n, 28, 28)`` uint8 images."""
    return np.asarray(booster.predict(flatten(images))).astype(np.float32)


def flatten(images: Images) -> Float32:
    """Turn ``(n, 28, 28)`` uint8 into ``(n, 784)`` float32, which LightGBM bins fastest."""
    return images.reshape(len(images), -1).astype(np.float32)
