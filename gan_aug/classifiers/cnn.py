"""The convolutional classifier: teacher of the pseudo-labels, and student in every arm.

Architecture: A. Patel, "Hands-On Unsupervised Learning Using Python" (2019), ch. 12.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

from gan_aug.device import Compute
from gan_aug.images import CLASSES, SIDE, Float32, Images, TrainingSet, to_unit
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.seeding import seed_keras
from gan_aug.settings.run import CnnConfig

__all__ = ["build_cnn", "predict_probabilities", "train_cnn"]

PREDICT_BATCH_SIZE = 500


def build_cnn(*, dtype_policy: str = "float32") -> keras.Model:
    """Build the untrained network: ``(n, 28, 28, 1)`` in [0, 1] → ``(n, 10)`` probabilities.

    Two 5×5×32 convolutions, pooling, dropout .25; two 3×3×64, pooling, dropout .25; 256 units,
    dropout .5; softmax. The layer of 256 units is named ``features``.

    Args:
        dtype_policy: Keras dtype policy of all layers but the softmax, which is float32.
    """

    def convolution(channels: int, kernel: int) -> layers.Layer:
        return layers.Conv2D(
            channels, kernel, padding="same", activation="relu", dtype=dtype_policy
        )

    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            convolution(32, 5),
            convolution(32, 5),
            layers.MaxPooling2D(2, strides=2, dtype=dtype_policy),
            layers.Dropout(0.25, dtype=dtype_policy),
            convolution(64, 3),
            convolution(64, 3),
            layers.MaxPooling2D(2, strides=2, dtype=dtype_policy),
            layers.Dropout(0.25, dtype=dtype_policy),
            layers.Flatten(),
            layers.Dense(256, activation="relu", name="features", dtype=dtype_policy),
            layers.Dropout(0.5, dtype=dtype_policy),
            layers.Dense(CLASSES, activation="softmax", dtype="float32"),
        ],
        name="cnn",
    )


def train_cnn(
    training_set: TrainingSet,
    config: CnnConfig,
    *,
    seed: int,
    compute: Compute,
    on_progress: OnProgress = ignore_progress,
) -> keras.Model:
    """Train a fresh network for a fixed number of updates.

    Each batch is drawn with probabilities proportional to the images' weights, so a training set
    of any size and mixture costs the same number of updates.

    Args:
        training_set: Images, target distributions and weights.
        config: Updates, batch size, learning rate, label smoothing.
        seed: Determines initial weights, batches and dropout.
        compute: Device, precision and compilation.
        on_progress: Called after each update with the number done and the mean loss and accuracy
            so far.

    Returns:
        The trained network, ``(n, 28, 28, 1)`` in [0, 1] → ``(n, 10)`` probabilities.
    """
    with seed_keras(seed):
        model = build_cnn(dtype_policy=compute.dtype_policy)
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.updates)
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy"],
        jit_compile=compute.jit_compile,
    )
    # Not model.fit: its generator pipeline has TensorFlow reset how glibc keeps memory, which costs
    # every later step of the process a quarter of its speed.
    batches = draw_batches(training_set, config.batch_size, seed)
    for update in range(config.updates):
        metrics = model.train_on_batch(*next(batches), return_dict=True)
        on_progress(update + 1, metrics)
    return model


def draw_batches(
    training_set: TrainingSet, batch_size: int, seed: int
) -> Iterator[tuple[Float32, Float32]]:
    """Yield batches without end: ``(batch_size, 28, 28, 1)`` images, ``(batch_size, 10)`` targets.

    Images are drawn without replacement within a sweep over the set: each appears as often as its
    weight says, give or take one.
    """
    rng = np.random.default_rng(seed)
    queue = np.empty(0, dtype=np.intp)
    while True:
        while len(queue) < batch_size:
            queue = np.concatenate([queue, rng.permutation(draw_sweep(training_set.weights, rng))])
        chosen, queue = queue[:batch_size], queue[batch_size:]
        yield to_unit(training_set.images[chosen]), training_set.targets[chosen]


def draw_sweep(weights: Float32, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Return indices in which each ``i`` occurs ``floor(weights[i])`` times, or once more.

    The fraction of a weight is its chance of the extra occurrence; all weights 1 give each index
    exactly once.
    """
    whole = np.floor(weights)
    extra = rng.random(len(weights)) < weights - whole
    return np.repeat(np.arange(len(weights)), (whole + extra).astype(np.intp))


def predict_probabilities(
    model: keras.Model, images: Images, on_progress: OnProgress = ignore_progress
) -> Float32:
    """Predict class probabilities.

    Args:
        model: As from :func:`train_cnn`.
        images: ``(n, 28, 28)`` uint8.
        on_progress: Called after each batch with the number of images done.

    Returns:
        ``(n, 10)`` float32; rows sum to 1.
    """
    batches = []
    for start in range(0, len(images), PREDICT_BATCH_SIZE):
        batch = images[start : start + PREDICT_BATCH_SIZE]
        batches.append(model.predict_on_batch(to_unit(batch)))
        on_progress(start + len(batch), {})
    return np.concatenate(batches).astype(np.float32)
