"""Adversarial training of the DCGAN.

The losses are Goodfellow et al. (2014): binary cross-entropy for the discriminator, and its
non-saturating form for the generator.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_aug.clustering import cluster_images
from gan_aug.config import DcganConfig
from gan_aug.dcgan import build_discriminator, build_generator
from gan_aug.device import Compute
from gan_aug.images import Images, to_uint8
from gan_aug.layers import ClusterCode
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.seeding import seed_keras
from gan_aug.training import Checkpoint, Training, draw_noise, train, update_average

__all__ = ["HISTORY_COLUMNS", "TrainedDcgan", "train_dcgan"]

METRICS = (
    "discriminator_loss",
    "discriminator_accuracy",
    "generator_loss",
    "generator_accuracy",
)
HISTORY_COLUMNS = ("step", *METRICS)

GRID_IMAGES = 64
STATISTICS_BATCHES = 20
STATISTICS_BATCH_SIZE = 256

OnInterval = Callable[[int, Images], None]


@dataclass(frozen=True)
class TrainedDcgan:
    """A trained DCGAN.

    Attributes:
        generator: Running average of the generator's weights: ``(n, latent_dim)`` noise →
            ``(n, 28, 28, 1)`` float32 in [0, 1].
        discriminator: ``(n, 28, 28, 1)``, and ``(n,)`` clusters if there are any → ``(n, 1)``
            logits, positive for "real".
        history: One row per interval, in :data:`HISTORY_COLUMNS`: losses in nats and accuracies
            in [0, 1], each the mean over the interval's steps.
    """

    generator: keras.Model
    discriminator: keras.Model
    history: list[dict[str, float]]


class Batch(NamedTuple):
    """Images for the discriminator.

    Attributes:
        images: ``(n, 28, 28, 1)`` float32 in [0, 1].
        clusters: ``(n,)`` int32.
    """

    images: tf.Tensor
    clusters: tf.Tensor


@dataclass(frozen=True)
class Players:
    """Both networks, the generator's running average, and their optimizers."""

    generator: keras.Model
    discriminator: keras.Model
    average: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    discriminator_optimizer: keras.optimizers.Optimizer

    @property
    def variables(self) -> list[keras.Variable]:
        """All state of the training, in an order that never changes."""
        owners = (
            self.generator,
            self.discriminator,
            self.average,
            self.generator_optimizer,
            self.discriminator_optimizer,
        )
        return [variable for owner in owners for variable in owner.variables]


def train_dcgan(
    images: Images,
    config: DcganConfig,
    *,
    seed: int,
    compute: Compute,
    checkpoint: Checkpoint | None = None,
    on_interval: OnInterval | None = None,
    on_progress: OnProgress = ignore_progress,
) -> TrainedDcgan:
    """Train a generator against a discriminator.

    Args:
        images: ``(n, 28, 28)`` uint8 real images; never validation or test ones.
        config: Architecture, steps, optimizers.
        seed: Determines weights, noise, batches and dropout.
        compute: Device, precision and compilation.
        checkpoint: Where the state is kept every ``config.interval`` steps, and found again.
        on_interval: Called after each interval with its last step and ``(64, 28, 28)`` uint8
            samples of the running average, always from the same noise.
        on_progress: Called every few steps with the number of steps done and the newest losses.

    Returns:
        The networks after ``config.steps`` steps, and the losses on the way.

    Raises:
        TrainingDivergedError: A loss is not finite; the last checkpoint is untouched.
    """
    with seed_keras(seed):
        players = build_players(config, compute)
    noise = draw_noise(GRID_IMAGES, config.latent_dim, seed=(seed, -1))

    def finish_interval(step: int) -> None:
        recompute_batch_statistics(players.average, config, seed=seed)
        if on_interval:
            on_interval(step, to_uint8(players.average(noise, training=False).numpy()))

    history = train(
        Training(
            "DCGAN",
            METRICS,
            build_train_step(players, images, config, seed=seed),
            players.variables,
        ),
        steps=config.steps,
        interval=config.interval,
        compute=compute,
        checkpoint=checkpoint,
        on_interval=finish_interval,
        on_progress=on_progress,
    )
    return TrainedDcgan(players.average, players.discriminator, history)


def build_players(config: DcganConfig, compute: Compute) -> Players:
    """Build both networks, the average (equal to the generator) and the optimizers' state."""
    generator = build_generator(config, dtype_policy=compute.dtype_policy)
    discriminator = build_discriminator(config, dtype_policy=compute.dtype_policy)
    average = keras.models.clone_model(generator)
    average.set_weights(generator.get_weights())
    generator_optimizer = build_optimizer(
        config, config.generator_learning_rate, config.generator_decay
    )
    discriminator_optimizer = build_optimizer(
        config, config.discriminator_learning_rate, config.discriminator_decay
    )
    generator_optimizer.build(generator.trainable_variables)
    discriminator_optimizer.build(discriminator.trainable_variables)
    return Players(generator, discriminator, average, generator_optimizer, discriminator_optimizer)


def assign_clusters(
    players: Players, images: Images, config: DcganConfig, *, seed: int
) -> NDArray[np.int32]:
    """Find the images' clusters, and have both generators draw them as often as they occur.

    Returns:
        ``(n,)`` cluster of each image; all 0 for a pair of networks that knows no clusters.
    """
    if not config.clusters:
        return np.zeros(len(images), dtype=np.int32)
    clusters = cluster_images(images, config.clusters, seed=seed)
    shares = np.bincount(clusters, minlength=config.clusters) / len(images)
    for generator in (players.generator, players.average):
        generator.layers[0].set_shares(shares)
    return clusters


def build_optimizer(
    config: DcganConfig, learning_rate: float, decay: float
) -> keras.optimizers.Optimizer:
    """Build an optimizer whose rate at step t is ``learning_rate / (1 + decay * t)``."""
    schedule = keras.optimizers.schedules.InverseTimeDecay(
        learning_rate, decay_steps=1, decay_rate=decay
    )
    if config.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(schedule)
    return keras.optimizers.Adam(schedule, beta_1=config.adam_beta_1)


def build_train_step(
    players: Players, images: Images, config: DcganConfig, *, seed: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a function of a step's number that takes the step and returns its :data:`METRICS`."""
    real_images = tf.constant(images[..., None])
    real_clusters = tf.constant(assign_clusters(players, images, config, seed=seed))

    def train_step(step: tf.Tensor) -> tf.Tensor:
        image_seed, noise_seed = tf.unstack(tf.random.split((seed, step), 2))
        indices = tf.random.stateless_uniform(
            (config.batch_size,), image_seed, maxval=len(images), dtype=tf.int32
        )
        reals = Batch(
            tf.cast(tf.gather(real_images, indices), tf.float32) / 255.0,
            tf.gather(real_clusters, indices),
        )
        noise = draw_noise(config.batch_size, config.latent_dim, seed=noise_seed)
        metrics = update_players(players, reals, noise, penalty=penalty_weight(config, step))
        update_average(
            players.average.trainable_variables,
            players.generator.trainable_variables,
            config.ema_momentum,
            step,
        )
        return metrics

    return train_step


def update_players(
    players: Players, reals: Batch, noise: tf.Tensor, *, penalty: tf.Tensor | float = 0.0
) -> tf.Tensor:
    """Take one simultaneous step of both players, with one backward pass of the discriminator.

    Both losses depend on the fakes only through their logits, and each fake's logit on that fake
    alone (no layer of the discriminator mixes images). So the gradients of the two losses with
    respect to a fake differ by the factor :func:`generator_factor`, and those of the generator's
    weights follow from the pass that the discriminator's weights need anyway.

    Args:
        players: What is updated, in place.
        reals: Real images.
        noise: ``(n, latent_dim)``, for as many fakes.
        penalty: Weight of the gradient penalty in this step.

    Returns:
        ``(4,)`` :data:`METRICS` before the step.
    """
    count = len(noise)
    with tf.GradientTape() as generator_tape:
        fakes = players.generator(noise, training=True)
    both = Batch(
        tf.concat([reals.images, fakes], axis=0),
        tf.concat([reals.clusters, find_clusters(players.generator, noise)], axis=0),
    )
    labels = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], axis=0)
    with tf.GradientTape() as tape:
        tape.watch(both.images)
        logits = discriminate(players, both)
        discriminator_loss = binary_cross_entropy(labels, logits)
    generator_weights = players.generator.trainable_variables
    discriminator_weights = players.discriminator.trainable_variables
    *discriminator_gradients, image_gradients = tape.gradient(
        discriminator_loss, [*discriminator_weights, both.images]
    )
    fake_logits = logits[count:]
    factor = generator_factor(fake_logits)[:, :, None, None]
    generator_gradients = generator_tape.gradient(
        fakes, generator_weights, output_gradients=factor * image_gradients[count:]
    )
    penalized = add_penalty(discriminator_gradients, players, reals, penalty)
    players.discriminator_optimizer.apply(penalized, discriminator_weights)
    players.generator_optimizer.apply(generator_gradients, generator_weights)
    return tf.stack(
        [
            discriminator_loss,
            tf.reduce_mean(tf.cast((logits > 0) == (labels > 0), tf.float32)),
            binary_cross_entropy(tf.ones_like(fake_logits), fake_logits),
            tf.reduce_mean(tf.cast(fake_logits > 0, tf.float32)),
        ]
    )


def find_clusters(generator: keras.Model, noise: tf.Tensor) -> tf.Tensor:
    """Return the ``(n,)`` clusters that noise stands for; all 0 for a generator without them."""
    code = generator.layers[0]
    if isinstance(code, ClusterCode):
        return code.find_clusters(noise)
    return tf.zeros(len(noise), tf.int32)


def discriminate(players: Players, batch: Batch) -> tf.Tensor:
    """Return the discriminator's ``(n, 1)`` logits, in training mode."""
    takes_clusters = len(players.discriminator.inputs) == 2
    inputs = [batch.images, batch.clusters] if takes_clusters else batch.images
    return players.discriminator(inputs, training=True)


def penalty_weight(config: DcganConfig, step: tf.Tensor) -> tf.Tensor | float:
    """Return the weight of the gradient penalty in a step.

    It is taken every few steps only, with as many times the weight ("lazy regularization", Karras
    et al., "Analyzing and improving the image quality of StyleGAN", 2020, appendix B).
    """
    if not config.gradient_penalty:
        return 0.0
    due = step % config.penalty_interval == 0
    return tf.where(due, config.gradient_penalty * config.penalty_interval, 0.0)


def add_penalty(
    gradients: Sequence[tf.Tensor], players: Players, reals: Batch, weight: tf.Tensor | float
) -> list[tf.Tensor]:
    """Add to the discriminator's gradients those of the penalty R1, if its weight is not 0.

    R1 is half the mean squared norm of the logits' gradient with respect to the real images
    (Mescheder et al., "Which training methods for GANs do actually converge?", 2018, eq. 9). It
    keeps the discriminator from being sure of itself between the images it has seen.
    """
    if isinstance(weight, float) and weight == 0:
        return list(gradients)

    def with_penalty() -> list[tf.Tensor]:
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(reals.images)
                logits = discriminate(players, reals)
            slopes = inner.gradient(logits, reals.images)
            penalty = weight / 2 * tf.reduce_mean(tf.reduce_sum(slopes**2, axis=(1, 2, 3)))
        weights = players.discriminator.trainable_variables
        # The last bias shifts all logits and changes no slope: it has no gradient.
        return [
            gradient if more is None else gradient + more
            for gradient, more in zip(gradients, outer.gradient(penalty, weights), strict=True)
        ]

    penalized: list[tf.Tensor] = tf.cond(
        tf.not_equal(weight, 0.0), with_penalty, lambda: list(gradients)
    )
    return penalized


def generator_factor(fake_logits: tf.Tensor) -> tf.Tensor:
    """Return the generator's loss gradient over the discriminator's, for each fake's logit.

    With σ the sigmoid, n fakes and as many reals, the discriminator's mean loss has the gradient
    σ / 2n and the generator's (σ - 1) / n; their quotient is -2 exp(-logit). Logits below -80,
    where the exponential would overflow, are taken for -80.
    """
    return -2.0 * tf.exp(-tf.maximum(fake_logits, -80.0))


def binary_cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))


def recompute_batch_statistics(average: keras.Model, config: DcganConfig, *, seed: int) -> None:
    """Give the averaged weights batch-normalization statistics of their own."""
    for batch in range(STATISTICS_BATCHES):
        noise = draw_noise(STATISTICS_BATCH_SIZE, config.latent_dim, seed=(seed, -2 - batch))
        average(noise, training=True)
