"""Adversarial training of the DCGAN.

The losses are Goodfellow et al. (2014): binary cross-entropy for the discriminator, and its
non-saturating form for the generator. Feature matching, one-sided label smoothing and historical
averaging are those of Salimans et al., "Improved techniques for training GANs" (2016), section 3.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_aug.device import Compute
from gan_aug.fused import FusedAdam
from gan_aug.gan import players as adversaries
from gan_aug.gan.clustering import cluster_classes, cluster_images
from gan_aug.gan.layers import find_code
from gan_aug.gan.networks import build_discriminator, build_generator, open_discriminator
from gan_aug.gan.players import difference_of_means, draw_noise
from gan_aug.images import Images, LabeledImages, Labels, Shape, add_channel, image_shape, to_uint8
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.seeding import seed_keras
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.training import (
    Checkpoint,
    Training,
    draw_indices,
    to_float,
    train,
    update_average,
)

__all__ = ["HISTORY_COLUMNS", "TrainedDcgan", "train_dcgan", "train_dcgan_without"]

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


@dataclass(frozen=True)
class TrainedDcgan:
    """A trained DCGAN.

    Attributes:
        generator: Running average of the generator's weights: ``(n, latent_dim)`` noise →
            ``(n, height, width, channels)`` float32 in [0, 1]. One that is conditioned on classes
            also knows which of them noise stands for.
        discriminator: The same, and ``(n,)`` clusters if there are any → ``(n, 1)`` logits,
            positive for "real".
        history: One row per interval, in :data:`HISTORY_COLUMNS`: losses in nats and accuracies
            in [0, 1], each the mean over the interval's steps.
        samples: ``(intervals, 64, height, width)`` uint8, or with 3 channels: what the running
            average drew after each interval, always from the same noise.
    """

    generator: keras.Model
    discriminator: keras.Model
    history: list[dict[str, float]]
    samples: Images


class Batch(NamedTuple):
    """Images for the discriminator.

    Attributes:
        images: ``(n, height, width, channels)`` float32 in [0, 1].
        clusters: ``(n,)`` int32.
    """

    images: tf.Tensor
    clusters: tf.Tensor


class Gradients(NamedTuple):
    """What one step is made of.

    Attributes:
        discriminator: Gradients of its loss, one a weight.
        generator: The same.
        metrics: ``(4,)`` :data:`METRICS`.
    """

    discriminator: list[tf.Tensor]
    generator: list[tf.Tensor]
    metrics: tf.Tensor


@dataclass(frozen=True)
class Players(adversaries.Players):
    """Both networks, the running average of the generator, and all that is trained with them.

    Attributes:
        past: Means of all :attr:`weights` over the steps so far; empty without historical
            averaging.
    """

    past: Sequence[keras.Variable] = ()

    @functools.cached_property
    def critic(self) -> keras.Model:
        """The discriminator with its features as a further output."""
        return open_discriminator(self.discriminator)

    @property
    def weights(self) -> list[keras.Variable]:
        """The discriminator's trainable weights, then the generator's."""
        networks = (self.discriminator, self.generator)
        return [weight for network in networks for weight in network.trainable_variables]

    @property
    def variables(self) -> list[keras.Variable]:
        """All state of the training, in an order that never changes."""
        return [*super().variables, *self.past]


def train_dcgan(
    images: Images,
    config: DcganConfig,
    *,
    seed: int,
    compute: Compute,
    labels: Labels | None = None,
    checkpoint: Checkpoint | None = None,
    on_progress: OnProgress = ignore_progress,
) -> TrainedDcgan:
    """Train a generator against a discriminator.

    Args:
        images: ``(n, height, width)`` or ``(n, height, width, 3)`` uint8 real images; never
            validation or test ones.
        config: Architecture, steps, optimizers.
        seed: Determines weights, noise, batches and dropout.
        compute: Device, precision and compilation.
        labels: ``(n,)`` uint16, which class the teacher takes each image for; for
            ``config.conditioned`` alone.
        checkpoint: Where the state is kept every ``config.interval`` steps, and found again.
        on_progress: Called every few steps with the number of steps done and the newest losses.

    Returns:
        The networks after ``config.steps`` steps, and losses and samples on the way.

    Raises:
        UserError: There is no such network for images of this shape, or there are fewer clusters
            than classes to condition on.
        TrainingDivergedError: A loss is not finite; the last checkpoint is untouched.
    """
    with seed_keras(seed):
        players = build_players(config, compute, image_shape(images))
    noise = draw_noise(GRID_IMAGES, config.latent_dim, seed=(seed, -1))

    def draw_samples() -> Images:
        recompute_batch_statistics(players.average, config, seed=seed)
        return to_uint8(players.average(noise, training=False).numpy())

    progress = train(
        Training(
            "DCGAN",
            METRICS,
            build_train_step(players, images, config, seed=seed, labels=labels),
            players.variables,
            draw_samples,
        ),
        steps=config.steps,
        interval=config.interval,
        compute=compute,
        checkpoint=checkpoint,
        on_progress=on_progress,
    )
    return TrainedDcgan(
        players.average, players.discriminator, progress.history, np.stack(progress.samples)
    )


def train_dcgan_without(train: LabeledImages, label: int, **settings: Any) -> TrainedDcgan:
    """Train on the images of all classes but one.

    Args:
        train: The training images.
        label: Of the class to leave out.
        settings: As for :func:`train_dcgan`.
    """
    return train_dcgan(train.images[train.labels != label], **settings)


def build_players(config: DcganConfig, compute: Compute, shape: Shape) -> Players:
    """Build both networks, the average (equal to the generator) and the optimizers' state."""
    generator = build_generator(config, shape, dtype_policy=compute.dtype_policy)
    discriminator = build_discriminator(config, shape, dtype_policy=compute.dtype_policy)
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
    players = Players(
        generator, discriminator, average, generator_optimizer, discriminator_optimizer
    )
    if not config.historical_averaging:
        return players
    past = [keras.Variable(weight, trainable=False) for weight in players.weights]
    return dataclasses.replace(players, past=past)


def assign_clusters(
    players: Players,
    images: Images,
    config: DcganConfig,
    *,
    seed: int,
    labels: Labels | None = None,
) -> NDArray[np.int32]:
    """Find the images' clusters, and have both generators draw them as often as they occur.

    Returns:
        ``(n,)`` cluster of each image; all 0 for a pair of networks that knows no clusters. With
        labels each cluster is of one class, and both generators know of which.
    """
    if config.conditioned != (labels is not None):
        found = "none" if labels is None else f"{len(labels)}"
        raise ValueError(f"labels: found {found} with the condition `{config.condition}`")
    if not config.clusters:
        return np.zeros(len(images), dtype=np.int32)
    generators = (players.generator, players.average)
    codes = [code for generator in generators if (code := find_code(generator))]
    if labels is None:
        clusters = cluster_images(images, config.clusters, seed=seed)
    else:
        clusters, classes = cluster_classes(images, labels, config.clusters, seed=seed)
        for code in codes:
            code.set_classes(classes)
    shares = np.bincount(clusters, minlength=config.clusters) / len(images)
    for code in codes:
        code.set_shares(shares)
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
    return FusedAdam(schedule, beta_1=config.adam_beta_1)


def build_train_step(
    players: Players,
    images: Images,
    config: DcganConfig,
    *,
    seed: int,
    labels: Labels | None = None,
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a function of a step's number that takes the step and returns its :data:`METRICS`."""
    real_images = tf.constant(add_channel(images))
    real_clusters = tf.constant(assign_clusters(players, images, config, seed=seed, labels=labels))

    def train_step(step: tf.Tensor) -> tf.Tensor:
        image_seed, noise_seed = tf.unstack(tf.random.split((seed, step), 2))
        indices = draw_indices(config.batch_size, len(images), image_seed)
        reals = Batch(
            to_float(tf.gather(real_images, indices)),
            tf.gather(real_clusters, indices),
        )
        noise = draw_noise(config.batch_size, config.latent_dim, seed=noise_seed)
        metrics = update_players(players, reals, noise, config, step)
        update_average(
            players.average.trainable_variables,
            players.generator.trainable_variables,
            config.ema_momentum,
            step,
        )
        return metrics

    return train_step


def update_players(
    players: Players, reals: Batch, noise: tf.Tensor, config: DcganConfig, step: tf.Tensor
) -> tf.Tensor:
    """Take one simultaneous step of both players.

    Args:
        players: What is updated, in place.
        reals: Real images.
        noise: ``(n, latent_dim)``, for as many fakes.
        config: Losses and penalties.
        step: Number of steps taken before.

    Returns:
        ``(4,)`` :data:`METRICS` before the step.
    """
    separate = config.compares_images or config.feature_matching
    compute_gradients = compute_separate_gradients if separate else compute_shared_gradients
    found = compute_gradients(players, reals, noise, config)
    penalized = add_penalty(found.discriminator, players, reals, penalty_weight(config, step))
    gradients = [*penalized, *found.generator]
    if players.past:
        gradients = add_pull(gradients, players, config.historical_averaging)
        update_past(players, step)
    split = len(penalized)
    players.discriminator_optimizer.apply(
        gradients[:split], players.discriminator.trainable_variables
    )
    players.generator_optimizer.apply(gradients[split:], players.generator.trainable_variables)
    return found.metrics


def compute_shared_gradients(
    players: Players, reals: Batch, noise: tf.Tensor, config: DcganConfig
) -> Gradients:
    """Compute both players' gradients with one backward pass of the discriminator.

    Both losses depend on the fakes only through their logits, and each fake's logit on that fake
    alone (no layer of the discriminator mixes images). So the gradients of the two losses with
    respect to a fake differ by the factor :func:`generator_factor`, and those of the generator's
    weights follow from the pass that the discriminator's weights need anyway.
    """
    count = len(noise)
    with tf.GradientTape() as generator_tape:
        fakes = generate_fakes(players, noise)
    both = Batch(
        tf.concat([reals.images, fakes.images], axis=0),
        tf.concat([reals.clusters, fakes.clusters], axis=0),
    )
    with tf.GradientTape() as tape:
        tape.watch(both.images)
        logits = discriminate(players.discriminator, both)
        discriminator_loss = compute_discriminator_loss(logits, count, config)
    *discriminator_gradients, image_gradients = tape.gradient(
        discriminator_loss, [*players.discriminator.trainable_variables, both.images]
    )
    fake_logits = logits[count:]
    factor = generator_factor(fake_logits)[:, :, None, None]
    generator_gradients = generator_tape.gradient(
        fakes.images,
        players.generator.trainable_variables,
        output_gradients=factor * image_gradients[count:],
    )
    generator_loss = binary_cross_entropy(tf.ones_like(fake_logits), fake_logits)
    metrics = measure_step(logits[:count], fake_logits, discriminator_loss, generator_loss)
    return Gradients(discriminator_gradients, generator_gradients, metrics)


def compute_separate_gradients(
    players: Players, reals: Batch, noise: tf.Tensor, config: DcganConfig
) -> Gradients:
    """Compute each player's gradients from a backward pass of its own.

    Reals and fakes go through the discriminator in batches of their own, as layers that look at a
    whole batch want it.
    """
    with tf.GradientTape(persistent=True) as tape:
        fakes = generate_fakes(players, noise)
        real_features, real_logits = discriminate(players.critic, reals)
        fake_features, fake_logits = discriminate(players.critic, fakes)
        discriminator_loss = compute_discriminator_loss(
            tf.concat([real_logits, fake_logits], axis=0), len(real_logits), config
        )
        generator_loss = (
            match_features(real_features, fake_features)
            if config.feature_matching
            else binary_cross_entropy(tf.ones_like(fake_logits), fake_logits)
        )
    return Gradients(
        tape.gradient(discriminator_loss, players.discriminator.trainable_variables),
        tape.gradient(generator_loss, players.generator.trainable_variables),
        measure_step(real_logits, fake_logits, discriminator_loss, generator_loss),
    )


def compute_discriminator_loss(logits: tf.Tensor, reals: int, config: DcganConfig) -> tf.Tensor:
    """Return the mean cross-entropy of so many reals and the fakes after them.

    Only the target of the reals is smoothed: a smoothed target of the fakes would have the best
    discriminator depend on where the fakes are (Salimans et al., section 3.3).
    """
    real_labels = tf.fill((reals, 1), 1.0 - config.label_smoothing)
    fake_labels = tf.zeros((len(logits) - reals, 1))
    return binary_cross_entropy(tf.concat([real_labels, fake_labels], axis=0), logits)


def match_features(real_features: tf.Tensor, fake_features: tf.Tensor) -> tf.Tensor:
    """Return the squared distance of the mean features (Salimans et al., section 3.1)."""
    return tf.reduce_sum(difference_of_means(real_features, fake_features))


def measure_step(
    real_logits: tf.Tensor,
    fake_logits: tf.Tensor,
    discriminator_loss: tf.Tensor,
    generator_loss: tf.Tensor,
) -> tf.Tensor:
    """Return ``(4,)`` :data:`METRICS`; each player is right about what it wants to be."""
    right = tf.concat([real_logits > 0, fake_logits <= 0], axis=0)
    return tf.stack(
        [
            discriminator_loss,
            tf.reduce_mean(tf.cast(right, tf.float32)),
            generator_loss,
            tf.reduce_mean(tf.cast(fake_logits > 0, tf.float32)),
        ]
    )


def generate_fakes(players: Players, noise: tf.Tensor) -> Batch:
    """Return as many fakes as there are rows of noise, and their clusters; 0 without clusters."""
    code = find_code(players.generator)
    clusters = code.find_clusters(noise) if code else tf.zeros(len(noise), tf.int32)
    return Batch(players.generator(noise, training=True), clusters)


def add_pull(gradients: Sequence[tf.Tensor], players: Players, strength: float) -> list[tf.Tensor]:
    """Add the gradients of the weights' squared distance from their mean over the steps so far.

    Historical averaging (Salimans et al., section 3.3), which keeps players from circling around
    each other. The mean counts as given.
    """
    return [
        gradient + 2.0 * strength * (weight - mean)
        for gradient, weight, mean in zip(gradients, players.weights, players.past, strict=True)
    ]


def update_past(players: Players, step: tf.Tensor) -> None:
    """Take the weights before a step into their mean over the steps so far."""
    share = 1.0 / (tf.cast(step, tf.float32) + 1.0)
    for mean, weight in zip(players.past, players.weights, strict=True):
        mean.assign(mean + share * (weight - mean))


def discriminate(network: keras.Model, batch: Batch) -> Any:
    """Return what the discriminator, or its opened form, says of a batch in training mode."""
    takes_clusters = len(network.inputs) == 2
    inputs = [batch.images, batch.clusters] if takes_clusters else batch.images
    return network(inputs, training=True)


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
                logits = discriminate(players.discriminator, reals)
            slopes = inner.gradient(logits, reals.images)
            penalty = tf.reduce_mean(tf.reduce_sum(slopes**2, axis=(1, 2, 3))) / 2
        weights = players.discriminator.trainable_variables
        # The last bias shifts all logits and changes no slope: it has no gradient. The weight is
        # applied here because TensorFlow makes one sum, in any order, of a sum and the terms of
        # another; a product between them keeps them apart.
        return [
            gradient if more is None else gradient + weight * more
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
    return tf.reduce_mean(cross_entropy_with_logits(labels, logits))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def cross_entropy_with_logits(labels: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """Return TensorFlow's cross-entropy of each logit, whose gradient is summed in one order.

    TensorFlow's own gradient is an ``AddN`` of four terms, which begins with the one whose buffer
    is free: the rounding of a real image's gradient differs from one run to the next.
    """

    def gradients(upstream: tf.Tensor) -> tuple[None, tf.Tensor]:
        positive = logits >= 0
        power = tf.exp(tf.where(positive, -logits, logits))
        tail = upstream * (1.0 / (1.0 + power)) * power
        return None, tf.where(positive, upstream - tail, tail) - upstream * labels

    return tf.nn.sigmoid_cross_entropy_with_logits(labels, logits), gradients


def recompute_batch_statistics(average: keras.Model, config: DcganConfig, *, seed: int) -> None:
    """Give the averaged weights batch-normalization statistics of their own."""
    for batch in range(STATISTICS_BATCHES):
        noise = draw_noise(STATISTICS_BATCH_SIZE, config.latent_dim, seed=(seed, -2 - batch))
        average(noise, training=True)
