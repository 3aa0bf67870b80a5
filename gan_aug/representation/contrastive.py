"""The encoder: features that tell images apart, learned without a label.

SimCLR: T. Chen, S. Kornblith, M. Norouzi and G. Hinton, "A simple framework for contrastive
learning of visual representations" (ICML 2020). Two views of an image are to have similar
features, and views of different images are not.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf
from keras import layers

from gan_aug.device import Compute
from gan_aug.fused import FusedAdam, FusedBatchNormalization, exchange_normalization
from gan_aug.images import Float32, Images, Shape, add_channel, image_shape, to_unit
from gan_aug.memory import FLOAT_BYTES, count_activations
from gan_aug.prediction import predict_batches
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.representation.views import change_images, choose_views
from gan_aug.seeding import seed_keras
from gan_aug.settings.encoder import EncoderConfig
from gan_aug.training import Checkpoint, Training, draw_indices, to_float, train

__all__ = [
    "build_encoder",
    "encode_images",
    "estimate_encoder",
    "measure_contrast",
    "train_encoder",
]

METRICS = ("contrastive_loss",)
FEATURES = "features"
INTERVAL = 250
VIEWS_OF_AN_IMAGE = 2
LARGEST_MAP = 8
HIDDEN_UNITS = 256
PROJECTED = 64
BATCH_NORM_MOMENTUM = 0.9  # short trainings must not end with the statistics of their start
KEPT_MAPS = 2.2  # of a batch's feature maps: values for the backward pass, and gradients


class Learner(NamedTuple):
    """What is trained.

    Attributes:
        encoder: Images → features.
        head: Features → what the loss compares; thrown away in the end.
        optimizer: Of both.
    """

    encoder: keras.Model
    head: keras.Model
    optimizer: keras.optimizers.Optimizer

    @property
    def weights(self) -> list[keras.Variable]:
        """What the loss moves."""
        return [*self.encoder.trainable_variables, *self.head.trainable_variables]

    @property
    def variables(self) -> list[keras.Variable]:
        """All state of the training, in an order that never changes."""
        return [*self.encoder.variables, *self.head.variables, *self.optimizer.variables]


def train_encoder(
    images: Images,
    config: EncoderConfig,
    *,
    seed: int,
    compute: Compute,
    checkpoint: Checkpoint | None = None,
    on_progress: OnProgress = ignore_progress,
) -> keras.Model:
    """Train an encoder without labels.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8; never validation or test ones.
        config: Steps, batch size, learning rate, temperature, views.
        seed: Determines weights, batches and views.
        compute: Device, precision and compilation.
        checkpoint: Where the state is kept from time to time, and found again.
        on_progress: Called every few steps with the number done and the newest loss.

    Returns:
        Of plain Keras layers: ``(n, *shape)`` in [0, 1] → ``(n, 4 * width)`` float32 features.

    Raises:
        TrainingDivergedError: The loss is not finite; the last checkpoint is untouched.
    """
    with seed_keras(seed):
        learner = build_learner(image_shape(images), config, compute)
    train(
        Training("encoder", METRICS, build_step(learner, images, config, seed), learner.variables),
        steps=config.steps,
        interval=INTERVAL,
        compute=compute,
        checkpoint=checkpoint,
        on_progress=on_progress,
    )
    return exchange_normalization(learner.encoder, layers.BatchNormalization)


def build_learner(shape: Shape, config: EncoderConfig, compute: Compute) -> Learner:
    """Build encoder, head and the optimizer's state."""
    encoder = build_encoder(shape, config.width, dtype_policy=compute.dtype_policy)
    head = keras.Sequential(
        [
            keras.Input(encoder.output_shape[1:], name="features"),
            layers.Dense(HIDDEN_UNITS, use_bias=False, dtype=compute.dtype_policy),
            FusedBatchNormalization(dtype=compute.dtype_policy),
            layers.ReLU(dtype=compute.dtype_policy),
            layers.Dense(PROJECTED, dtype="float32"),
        ],
        name="head",
    )
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps)
    learner = Learner(encoder, head, FusedAdam(schedule))
    learner.optimizer.build(learner.weights)
    return learner


def build_encoder(shape: Shape, width: int, *, dtype_policy: str = "float32") -> keras.Model:
    """Build an untrained encoder: ``(n, *shape)`` in [0, 1] → ``(n, 4 * width)`` features.

    A 5×5 convolution of stride 2; two 3×3 of twice the width, the second of stride 2, and two more
    of that stride for every halving that a large image needs; two of four times the width; the mean
    over the map. Each is batch-normalized and rectified.

    Args:
        shape: Height, width and channels of the images.
        width: Channels of the first map.
        dtype_policy: Keras dtype policy of all layers but the last, which is float32.
    """

    def convolve(channels: int, kernel: int, stride: int) -> list[layers.Layer]:
        return [
            layers.Conv2D(
                channels,
                kernel,
                strides=stride,
                padding="same",
                use_bias=False,
                dtype=dtype_policy,
            ),
            FusedBatchNormalization(momentum=BATCH_NORM_MOMENTUM, dtype=dtype_policy),
            layers.ReLU(dtype=dtype_policy),
        ]

    return keras.Sequential(
        [
            keras.Input(shape, name="images"),
            *convolve(width, 5, 2),
            *(
                layer
                for _ in range(count_halvings(shape[0]))
                for stride in (1, 2)
                for layer in convolve(2 * width, 3, stride)
            ),
            *convolve(4 * width, 3, 1),
            *convolve(4 * width, 3, 1),
            layers.GlobalAveragePooling2D(name=FEATURES, dtype="float32"),
        ],
        name="encoder",
    )


def count_halvings(side: int) -> int:
    """Count the halvings after the first: one, and more until a map is at most 8 pixels a side."""
    halvings = 1
    while math.ceil(side / 2 ** (halvings + 1)) > LARGEST_MAP:
        halvings += 1
    return halvings


def build_step(
    learner: Learner, images: Images, config: EncoderConfig, seed: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a function of a step's number that takes the step and returns its loss."""
    all_images = tf.constant(add_channel(images))
    views = choose_views(config.views, images)

    def step(number: tf.Tensor) -> tf.Tensor:
        image_seed, view_seed = tf.unstack(tf.random.split((seed, number), 2))
        chosen = draw_indices(config.batch_size, len(images), image_seed)
        batch = to_float(tf.gather(all_images, chosen))
        both = tf.tile(batch, (VIEWS_OF_AN_IMAGE, 1, 1, 1))
        both = change_images(both, views.contrast, view_seed)
        with tf.GradientTape() as tape:
            projected = learner.head(learner.encoder(both, training=True), training=True)
            loss = measure_contrast(projected, config.temperature)
        learner.optimizer.apply(tape.gradient(loss, learner.weights), learner.weights)
        return loss[None]

    return step


def measure_contrast(projected: tf.Tensor, temperature: float) -> tf.Tensor:
    """Return the normalized, temperature-scaled cross-entropy of SimCLR, equation 1.

    Args:
        projected: ``(2n, d)`` float32; rows ``i`` and ``n + i`` are views of one image.
        temperature: What cosine similarities are divided by.

    Returns:
        The mean over all rows of how surprising it is, in nats, that the other view of its image
        is the most similar row.
    """
    rows = len(projected)
    directions = tf.math.l2_normalize(projected, axis=1)
    similarities = tf.matmul(directions, directions, transpose_b=True) / temperature
    # No row is to be found by itself.
    similarities = tf.linalg.set_diag(similarities, tf.fill((rows,), similarities.dtype.min))
    partners = tf.math.floormod(tf.range(rows) + rows // 2, rows)
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=partners, logits=similarities)
    )


def encode_images(
    encoder: keras.Model, images: Images, on_progress: OnProgress = ignore_progress
) -> Float32:
    """Return the features of images.

    Args:
        encoder: Of :func:`build_encoder`, or a network that goes on from its features.
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        on_progress: Called with the number of images done.

    Returns:
        ``(n, features)`` float32, each row of length 1.
    """
    network = keras.Model(encoder.inputs[0], encoder.get_layer(FEATURES).output)

    def encode(places: slice) -> tuple[Float32]:
        features = network(to_unit(images[places]), training=False)
        return (tf.math.l2_normalize(features, axis=1).numpy(),)

    (features,) = predict_batches(encode, len(images), on_progress)
    return features


def estimate_encoder(shape: Shape, config: EncoderConfig) -> float:
    """Estimate the bytes of one step's feature maps."""
    views = VIEWS_OF_AN_IMAGE * config.batch_size
    maps = views * count_activations(build_encoder(shape, config.width))
    return float(FLOAT_BYTES * (KEPT_MAPS * maps + 3 * views**2))
