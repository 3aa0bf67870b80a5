"""gan-aug's LightGBM with the settings of the ``quick`` preset; a unit is one whole training."""

import numpy as np

from benchmarks.ours.mnist import load_mnist
from benchmarks.worker import Facts, Pause
from gan_aug.arms import build_original_set
from gan_aug.classifiers.lightgbm import (
    LIGHTGBM,
    LightgbmConfig,
    predict_probabilities,
    train_lightgbm,
)
from gan_aug.settings.presets import resolve_config

WARM_UP = LightgbmConfig(rounds=2)


def run(pause: Pause, *, images: int) -> Facts:
    """Train on the first images, once a unit."""
    data = load_mnist()
    config = resolve_config("quick").of(LIGHTGBM)
    training_set = build_original_set(data.train.take(np.arange(images)))
    booster = train_lightgbm(training_set, WARM_UP, seed=0)
    while pause() is not None:
        booster = train_lightgbm(training_set, config, seed=0)
    predicted = predict_probabilities(booster, data.validation.images).argmax(axis=1)
    return {
        "rounds": config.rounds,
        "validation_accuracy": float(np.mean(predicted == data.validation.labels)),
    }
