"""``LGBMClassifier()`` as it comes; a unit is one whole training."""

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray

from benchmarks.peers import read_mnist
from benchmarks.worker import Facts, Pause

WARM_UP_ROUNDS = 2


def run(pause: Pause, *, images: int, rounds: int) -> Facts:
    """Train on the first images, once a unit."""
    train_images, train_labels, validation_images, validation_labels = read_mnist()
    pixels, labels = flatten(train_images[:images]), train_labels[:images]
    classifier = LGBMClassifier(n_estimators=WARM_UP_ROUNDS, verbose=-1).fit(pixels, labels)
    while pause() is not None:
        classifier = LGBMClassifier(n_estimators=rounds, verbose=-1).fit(pixels, labels)
    predicted = np.asarray(classifier.predict(flatten(validation_images)))
    return {
        "rounds": rounds,
        "validation_accuracy": float(np.mean(predicted == validation_labels)),
    }


def flatten(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """One row of 784 pixels an image; float32 is what LightGBM bins fastest."""
    return images.reshape(len(images), -1).astype(np.float32)
