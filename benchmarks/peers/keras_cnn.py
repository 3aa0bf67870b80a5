"""The chapter's CNN with ``compile`` and ``fit``; a unit is 39 updates, about 10,000 images."""

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from benchmarks.peers import read_mnist
from benchmarks.worker import Facts, Pause


class PauseEvery(keras.callbacks.Callback):  # type: ignore[misc] # Keras ships no types
    """Pauses inside ``fit``, after the first batch and after each unit from there."""

    def __init__(self, pause: Pause, updates_per_unit: int) -> None:
        super().__init__()
        self.pause = pause
        self.updates_per_unit = updates_per_unit

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes it
        """Pause if a unit is done."""
        if batch % self.updates_per_unit == 0:
            self.pause()


def run(pause: Pause, *, batch_size: int, updates: int, updates_per_unit: int) -> Facts:
    """Fit a network to as many batches as there are updates, one epoch at most."""
    keras.utils.set_random_seed(0)
    train_images, train_labels, validation_images, validation_labels = read_mnist()
    count = updates * batch_size
    model = build_cnn()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        to_unit(train_images[:count]),
        train_labels[:count],
        batch_size=batch_size,
        epochs=1,
        verbose=0,
        callbacks=[PauseEvery(pause, updates_per_unit)],
    )
    _, accuracy = model.evaluate(to_unit(validation_images), validation_labels, verbose=0)
    return {
        "parameters": model.count_params(),
        "precision": "float32",
        "validation_accuracy": accuracy,
    }


def build_cnn() -> keras.Model:
    """``(n, 28, 28, 1)`` in [0, 1] → ``(n, 10)`` probabilities."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 5, padding="same", activation="relu"),
            layers.Conv2D(32, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2, strides=2),
            layers.Dropout(0.25),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2, strides=2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def to_unit(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(n, 28, 28)`` in 0 to 255 → ``(n, 28, 28, 1)`` in [0, 1]."""
    return images[..., None].astype(np.float32) / np.float32(255)
