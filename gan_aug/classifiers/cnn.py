"""The convolutional classifier: student in every arm, and teacher of the pseudo-labels.

Architecture: A. Patel, "Hands-On Unsupervised Learning Using Python" (2019), ch. 12.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import Field

from gan_aug.classifiers.classifier import Classifier, ClassifierConfig
from gan_aug.device import Compute
from gan_aug.images import (
    Float32,
    Images,
    Indices,
    Shape,
    TrainingSet,
    image_shape,
    to_unit,
)
from gan_aug.memory import FLOAT_BYTES, count_activations
from gan_aug.prediction import predict_batches
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.base import Count, Rate
from gan_aug.store.formats import KerasFormat

if TYPE_CHECKING:
    import keras

__all__ = ["CNN", "CnnConfig", "build_cnn", "predict_probabilities", "train_cnn"]

LARGEST_MAP = 8
KEPT_MAPS = 2.2  # of a batch's feature maps: values for the backward pass, and gradients


class CnnConfig(ClassifierConfig):
    """The convolutional classifier: a student of every arm, and the default teacher."""

    updates: Count = Field(
        1500,
        description="Fewest optimizer updates; every arm gets the same number, whatever its size.",
    )
    epochs: Annotated[float, Field(ge=0)] = Field(
        8.0, description="Take more updates where these passes over the labeled images need them."
    )
    batch_size: Count = Field(64, description="Images per update.")
    learning_rate: Rate = Field(
        1e-3, description="Adam's first learning rate; it falls to zero along a cosine."
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        description="Share of each target that is spread evenly over all classes. It also lowers "
        "the confidence of the teacher's labels.",
    )

    def plan(self, labels: int) -> Self:
        """Return the settings with the updates that so many labeled images get, in any arm."""
        updates = max(self.updates, math.ceil(self.epochs * labels / self.batch_size))
        return self.model_copy(update={"updates": updates, "epochs": 0.0})

    @property
    def steps(self) -> int:
        """One an update."""
        return self.updates


def build_cnn(shape: Shape, classes: int, *, dtype_policy: str = "float32") -> "keras.Model":
    """Build the untrained network: images in [0, 1] → probabilities.

    ``(n, *shape)`` → ``(n, classes)``. Two 5×5×32 convolutions, pooling, dropout .25; two 3×3×64,
    pooling, dropout .25; 256 units, dropout .5; softmax: the chapter's network, for 28×28×1 and ten
    classes. Larger images go through further pairs of 3×3×64, pooling and dropout until their map
    is at most 8×8, so that the layer of 256 units has no more than 1.05 million weights, whatever
    the side. That layer is named ``features``.

    Args:
        shape: Height, width and channels of the images.
        classes: How many there are.
        dtype_policy: Keras dtype policy of all layers but the softmax, which is float32.
    """
    import keras  # noqa: PLC0415 - seconds to import; --help must not wait
    from keras import layers  # noqa: PLC0415 - seconds to import

    def block(channels: int, kernel: int) -> list[Any]:
        convolutions = [
            layers.Conv2D(channels, kernel, padding="same", activation="relu", dtype=dtype_policy)
            for _ in range(2)
        ]
        return [
            *convolutions,
            layers.MaxPooling2D(2, strides=2, dtype=dtype_policy),
            layers.Dropout(0.25, dtype=dtype_policy),
        ]

    return keras.Sequential(
        [
            keras.Input(shape, name="images"),
            *block(32, 5),
            *(layer for _ in range(count_poolings(shape[0]) - 1) for layer in block(64, 3)),
            layers.Flatten(),
            layers.Dense(256, activation="relu", name="features", dtype=dtype_policy),
            layers.Dropout(0.5, dtype=dtype_policy),
            layers.Dense(classes, activation="softmax", dtype="float32"),
        ],
        name="cnn",
    )


def count_poolings(side: int) -> int:
    """Count the poolings: two, and more until a map has at most 8 pixels a side."""
    poolings = 2
    while side >> poolings > LARGEST_MAP:
        poolings += 1
    return poolings


def train_cnn(
    training_set: TrainingSet,
    config: CnnConfig,
    *,
    seed: int,
    compute: Compute,
    on_progress: OnProgress = ignore_progress,
) -> "keras.Model":
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
        The trained network, ``(n, *shape)`` in [0, 1] → ``(n, classes)`` probabilities.
    """
    import keras  # noqa: PLC0415 - seconds to import

    from gan_aug.seeding import seed_keras  # noqa: PLC0415 - it imports Keras

    shape = image_shape(training_set.images)
    with seed_keras(seed):
        model = build_cnn(shape, training_set.classes, dtype_policy=compute.dtype_policy)
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
    """Yield batches without end: images in [0, 1], and their targets.

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


def draw_sweep(weights: Float32, rng: np.random.Generator) -> Indices:
    """Return indices in which each ``i`` occurs ``floor(weights[i])`` times, or once more.

    The fraction of a weight is its chance of the extra occurrence; all weights 1 give each index
    exactly once.
    """
    whole = np.floor(weights)
    extra = rng.random(len(weights)) < weights - whole
    return np.repeat(np.arange(len(weights)), (whole + extra).astype(np.intp))


def predict_probabilities(
    model: "keras.Model", images: Images, on_progress: OnProgress = ignore_progress
) -> Float32:
    """Predict class probabilities.

    Args:
        model: As from :func:`train_cnn`.
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        on_progress: Called after each batch with the number of images done.

    Returns:
        ``(n, classes)`` float32; rows sum to 1.
    """
    (probabilities,) = predict_batches(
        lambda rows: (model.predict_on_batch(to_unit(images[rows])),), len(images), on_progress
    )
    return probabilities.astype(np.float32)


def estimate_memory(shape: Shape, classes: int, config: CnnConfig, _rows: int) -> float:
    """Estimate the bytes of a batch's feature maps and gradients."""
    maps = count_activations(build_cnn(shape, classes))
    return KEPT_MAPS * FLOAT_BYTES * maps * config.batch_size


CNN = Classifier(
    name="cnn",
    title="CNN",
    phrase="the CNN",
    description="The CNN, teacher and student.",
    settings=CnnConfig,
    train=train_cnn,
    predict=predict_probabilities,
    format=KerasFormat("cnn"),
    file="cnn.keras",
    estimate_memory=estimate_memory,
    remedy="--cnn.batch-size",
    uses_device=True,
)
