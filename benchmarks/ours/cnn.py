"""gan-aug's training of the CNN; a unit is 39 updates, which is about 10,000 images."""

from collections.abc import Mapping

import numpy as np

from benchmarks.ours.mnist import load_mnist
from benchmarks.worker import Facts, Pause
from gan_aug.arms import build_original_set
from gan_aug.classifiers.cnn import CnnConfig, predict_probabilities, train_cnn
from gan_aug.device import select_compute

# Of Keras's Adam, which keeps it; along the cosine, twice as much makes the same mean.
KERAS_LEARNING_RATE = 1e-3


def run(pause: Pause, *, batch_size: int, updates: int, updates_per_unit: int) -> Facts:
    """Train a network, pausing after the first update and after each unit from there."""
    compute = select_compute("cpu")
    data = load_mnist()
    config = CnnConfig(
        updates=updates, batch_size=batch_size, learning_rate=2 * KERAS_LEARNING_RATE
    )

    def on_progress(done: int, _metrics: Mapping[str, float]) -> None:
        if done % updates_per_unit == 1:
            pause()

    model = train_cnn(
        build_original_set(data.train), config, seed=0, compute=compute, on_progress=on_progress
    )
    predicted = predict_probabilities(model, data.validation.images).argmax(axis=1)
    return {
        "parameters": model.count_params(),
        "precision": compute.dtype_policy,
        "validation_accuracy": float(np.mean(predicted == data.validation.labels)),
    }
