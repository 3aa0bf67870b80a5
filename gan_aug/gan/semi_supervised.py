"""The semi-supervised GAN: a classifier that learns from few labels and many images without any.

Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen, "Improved techniques for training GANs"
(2016). The discriminator tells the classes from each other and, as one class more, from what the
generator makes (section 5); the generator makes images whose features have the same mean as those
of real ones (section 3.1). Networks and noise are those of the code released with the paper for
MNIST.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from gan_aug.device import Compute
from gan_aug.fused import FusedAdam, FusedBatchNormalization
from gan_aug.gan.layers import WeightNormDense
from gan_aug.gan.players import Players, difference_of_means, draw_noise
from gan_aug.images import (
    Float32,
    Images,
    LabeledImages,
    Shape,
    add_channel,
    image_shape,
    to_unit,
)
from gan_aug.memory import estimate_players
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.seeding import seed_keras
from gan_aug.settings.sgan import SganConfig
from gan_aug.training import (
    Checkpoint,
    Training,
    draw_indices,
    to_float,
    train,
    update_average,
)

__all__ = ["build_discriminator", "build_generator", "estimate_sgan", "train_sgan"]

METRICS = ("labeled_loss", "unlabeled_loss", "matching_loss")
INTERVAL = 1000

LATENT_DIM = 100
GENERATOR_UNITS = (500, 500)
DISCRIMINATOR_UNITS = (1000, 500, 250, 250, 250)
PIXEL_NOISE = 0.3
FEATURE_NOISE = 0.5
ADAM_BETA_1 = 0.5
STANDARDIZED_IMAGES = 500


class Batch(NamedTuple):
    """What one update sees.

    Attributes:
        labeled: ``(n, *shape)`` float32 in [0, 1].
        labels: ``(n,)`` int32, theirs.
        unlabeled: ``(m, *shape)`` float32 in [0, 1].
        noise: ``(m, 100)`` float32, for as many fakes.
    """

    labeled: tf.Tensor
    labels: tf.Tensor
    unlabeled: tf.Tensor
    noise: tf.Tensor


def train_sgan(
    labeled: LabeledImages,
    unlabeled: Images,
    config: SganConfig,
    *,
    seed: int,
    compute: Compute,
    checkpoint: Checkpoint | None = None,
    on_progress: OnProgress = ignore_progress,
) -> keras.Model:
    """Train a classifier on labeled and unlabeled images.

    Args:
        labeled: Images whose labels may be seen.
        unlabeled: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8 real images of the same
            classes, the labeled ones among them or not; never validation or test ones.
        config: Updates, batch size, learning rate, average.
        seed: Determines weights, batches and noise.
        compute: Device, precision and compilation.
        checkpoint: Where the state is kept from time to time, and found again.
        on_progress: Called every few updates with the number done and the newest losses.

    Returns:
        The running average of the discriminator, ``(n, *shape)`` in [0, 1] → ``(n, classes)``
        probabilities, of plain Keras layers.

    Raises:
        TrainingDivergedError: A loss is not finite; the last checkpoint is untouched.
    """
    with seed_keras(seed):
        players = build_players(unlabeled, len(labeled.spec.classes), config, compute)
    draw_batch = build_draw(labeled, unlabeled, config, seed=seed)

    def step(number: tf.Tensor) -> tf.Tensor:
        losses = update_players(players, draw_batch(number))
        update_average(
            players.average.trainable_variables,
            players.discriminator.trainable_variables,
            config.ema_momentum,
            number,
        )
        return losses

    train(
        Training("SGAN", METRICS, step, players.variables),
        steps=config.updates,
        interval=INTERVAL,
        compute=compute,
        checkpoint=checkpoint,
        on_progress=on_progress,
    )
    return build_classifier(players.average)


def build_players(unlabeled: Images, classes: int, config: SganConfig, compute: Compute) -> Players:
    """Build both networks, the average (equal to the discriminator) and the optimizers' state."""
    shape = image_shape(unlabeled)
    generator = build_generator(shape, dtype_policy=compute.dtype_policy)
    discriminator = build_discriminator(shape, classes, dtype_policy=compute.dtype_policy)
    standardize_layers(discriminator, to_unit(unlabeled[:STANDARDIZED_IMAGES]))
    average = keras.models.clone_model(discriminator)
    average.set_weights(discriminator.get_weights())
    generator_optimizer, discriminator_optimizer = build_optimizer(config), build_optimizer(config)
    generator_optimizer.build(generator.trainable_variables)
    discriminator_optimizer.build(discriminator.trainable_variables)
    return Players(generator, discriminator, average, generator_optimizer, discriminator_optimizer)


def standardize_layers(discriminator: keras.Model, images: Float32) -> None:
    """Have the sums of every layer begin with mean 0 and variance 1 over ``images``."""
    values = tf.constant(images)
    for layer in discriminator.layers[1:]:
        if isinstance(layer, WeightNormDense):
            layer.standardize(values)
        values = layer(values, training=True)


def build_optimizer(config: SganConfig) -> keras.optimizers.Optimizer:
    """Build an optimizer whose rate is constant at first, then falls to 0 along a line."""
    falling = max(1, round(config.falling_share * config.updates))
    schedule = FallingRate(config.learning_rate, config.updates - falling, falling)
    return FusedAdam(schedule, beta_1=ADAM_BETA_1)


def build_draw(
    labeled: LabeledImages, unlabeled: Images, config: SganConfig, *, seed: int
) -> Callable[[tf.Tensor], Batch]:
    """Return a function of an update's number that draws its batch."""
    labeled_images = tf.constant(add_channel(labeled.images))
    labels = tf.constant(labeled.labels.astype(np.int32))
    unlabeled_images = tf.constant(add_channel(unlabeled))

    def draw_batch(number: tf.Tensor) -> Batch:
        labeled_seed, unlabeled_seed, noise_seed = tf.unstack(tf.random.split((seed, number), 3))
        chosen = draw_indices(config.labeled_batch_size, len(labeled), labeled_seed)
        others = draw_indices(config.batch_size, len(unlabeled), unlabeled_seed)
        return Batch(
            to_float(tf.gather(labeled_images, chosen)),
            tf.gather(labels, chosen),
            to_float(tf.gather(unlabeled_images, others)),
            draw_noise(config.batch_size, LATENT_DIM, seed=noise_seed),
        )

    return draw_batch


def update_players(players: Players, batch: Batch) -> tf.Tensor:
    """Take one step of both players at once.

    The paper updates the generator after the discriminator, from a pass of its own; here both are
    updated from one pass.

    Args:
        players: What is updated, in place.
        batch: What they see.

    Returns:
        ``(3,)`` :data:`METRICS` before the step.
    """
    count = len(batch.labels)
    with tf.GradientTape() as generator_tape:
        fakes = players.generator(batch.noise, training=True)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(fakes)
        reals = tf.concat([batch.labeled, batch.unlabeled], axis=0)
        features, logits = players.discriminator(reals, training=True)
        fake_features, fake_logits = players.discriminator(fakes, training=True)
        labeled_loss = measure_labeled_loss(logits[:count], batch.labels)
        unlabeled_loss = measure_unlabeled_loss(logits[count:], fake_logits)
        discriminator_loss = labeled_loss + unlabeled_loss
        matching_loss = measure_matching_loss(features[count:], fake_features)
    discriminator_weights = players.discriminator.trainable_variables
    generator_weights = players.generator.trainable_variables
    discriminator_gradients = tape.gradient(discriminator_loss, discriminator_weights)
    generator_gradients = generator_tape.gradient(
        fakes, generator_weights, output_gradients=tape.gradient(matching_loss, fakes)
    )
    players.discriminator_optimizer.apply(discriminator_gradients, discriminator_weights)
    players.generator_optimizer.apply(generator_gradients, generator_weights)
    return tf.stack([labeled_loss, unlabeled_loss, matching_loss])


def measure_labeled_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return the mean cross-entropy of ``(n,)`` labels among the classes, for their logits."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def measure_unlabeled_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Return the mean cross-entropy of "real" for reals and of "generated" for fakes.

    With Z the sum of the exponentials of an image's logits, the softmax over them and a logit of 0
    for "generated" gives that a probability of 1 / (Z + 1), and "real" Z / (Z + 1): log Z is the
    logit of "real".
    """
    real, fake = (tf.reduce_logsumexp(logits, axis=1) for logits in (real_logits, fake_logits))
    return (tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))) / 2


def measure_matching_loss(real_features: tf.Tensor, fake_features: tf.Tensor) -> tf.Tensor:
    """Return the mean squared difference of the batches' mean ``(n, 250)`` features."""
    return tf.reduce_mean(difference_of_means(real_features, fake_features))


def build_generator(shape: Shape, *, dtype_policy: str = "float32") -> keras.Model:
    """Build an untrained generator: ``(n, 100)`` noise in [-1, 1) → ``(n, *shape)`` in [0, 1].

    The paper's noise is in [0, 1); the normalization of the first sums takes away the difference.

    Args:
        shape: Height, width and channels of the images.
        dtype_policy: Keras dtype policy of all layers but the last, which is float32.
    """
    hidden = [
        layer
        for units in GENERATOR_UNITS
        for layer in (
            layers.Dense(units, use_bias=False, dtype=dtype_policy),
            FusedBatchNormalization(dtype=dtype_policy),
            layers.Activation("softplus", dtype=dtype_policy),
        )
    ]
    return keras.Sequential(
        [
            keras.Input((LATENT_DIM,), name="latent"),
            *hidden,
            WeightNormDense(math.prod(shape), dtype=dtype_policy),
            layers.Activation("sigmoid", dtype="float32"),
            layers.Reshape(shape, dtype="float32"),
        ],
        name="generator",
    )


def build_discriminator(
    shape: Shape, classes: int, *, dtype_policy: str = "float32"
) -> keras.Model:
    """Build an untrained discriminator: ``(n, *shape)`` in [0, 1] → features and logits.

    The ``(n, 250)`` features are those that the generator has to match. The ``(n, classes)`` logits
    are of the classes; that of a generated image is 0, since a softmax leaves one of its logits
    free.

    Args:
        shape: Height, width and channels of the images.
        classes: How many classes there are.
        dtype_policy: Keras dtype policy of all layers but the last, which is float32.
    """
    images = keras.Input(shape, name="images")
    noisy = layers.Flatten(dtype=dtype_policy)(images)
    noisy = layers.GaussianNoise(PIXEL_NOISE, dtype=dtype_policy)(noisy)
    for units in DISCRIMINATOR_UNITS:
        sums = WeightNormDense(units, learn_scale=False, dtype=dtype_policy)(noisy)
        features = layers.ReLU(dtype=dtype_policy)(sums)
        noisy = layers.GaussianNoise(FEATURE_NOISE, dtype=dtype_policy)(features)
    logits = WeightNormDense(classes, dtype="float32")(noisy)
    return keras.Model(images, [features, logits], name="discriminator")


def build_classifier(discriminator: keras.Model) -> keras.Model:
    """Return the same function of plain layers, without its noise, up to the softmax over classes.

    ``(n, *shape)`` in [0, 1] → ``(n, classes)`` probabilities.
    """
    dense = [layer for layer in discriminator.layers if isinstance(layer, WeightNormDense)]
    *hidden, last = dense
    classifier = keras.Sequential(
        [
            keras.Input(discriminator.input_shape[1:], name="images"),
            layers.Flatten(),
            *(layers.Dense(layer.units, activation="relu") for layer in hidden),
            layers.Dense(last.units, activation="softmax"),
        ],
        name="sgan",
    )
    classifier.set_weights([weight for layer in dense for weight in layer.fold()])
    return classifier


def estimate_sgan(shape: Shape, classes: int, config: SganConfig) -> float:
    """Estimate the bytes of both networks' states and of one update's values."""
    return estimate_players(
        build_generator(shape),
        build_discriminator(shape, classes),
        fakes=config.batch_size,
        reals=config.batch_size + config.labeled_batch_size,
    )


class FallingRate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc] # untyped
    """A rate that is constant, then falls to 0 along a line.

    Args:
        rate: At first.
        constant: Steps with that rate.
        falling: Steps from there until it is 0.
    """

    def __init__(self, rate: float, constant: int, falling: int) -> None:
        self.rate, self.constant, self.falling = rate, constant, falling

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step."""
        left = self.constant + self.falling - tf.cast(step, tf.float32)
        return self.rate * tf.minimum(1.0, left / self.falling)
