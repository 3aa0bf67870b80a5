"""Consistency training: a network that is to say the same of every view of an image.

FixMatch: K. Sohn et al., "FixMatch: simplifying semi-supervised learning with consistency and
confidence" (NeurIPS 2020): what a weak view is taken for is the target of a strong one. Two things
are as in later work: targets come from a running average of the weights (Tarvainen and Valpola,
"Mean teachers are better role models", 2017), and an image counts the less, the less sure they are
(H. Chen et al., "SoftMatch", ICLR 2023), where FixMatch has a threshold. Targets are aligned with
the expected class sizes (Berthelot et al., "ReMixMatch", ICLR 2020). What is not in any of these:
the network begins as an encoder that was trained without labels, its first targets are labels that
spread along a graph of neighbours, and later they have a say beside its own word. From few labels
alone such trainings collapse; and what the encoder overlooks, the network's own word does too.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from gan_aug.device import Compute
from gan_aug.errors import TrainingCollapsedError
from gan_aug.fused import FusedAdam, FusedBatchNormalization, exchange_normalization
from gan_aug.images import Float32, Images, Indices, Labels, Shape, add_channel
from gan_aug.memory import FLOAT_BYTES, count_activations
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.representation.contrastive import KEPT_MAPS, build_encoder
from gan_aug.representation.propagation import Propagated
from gan_aug.representation.views import Views, change_images
from gan_aug.seeding import seed_keras
from gan_aug.settings.consistency import ConsistencyConfig
from gan_aug.training import (
    Checkpoint,
    Training,
    draw_indices,
    to_float,
    train,
    update_average,
)

__all__ = [
    "Lesson",
    "align_classes",
    "estimate_consistency",
    "train_consistently",
    "weigh_images",
]

logger = logging.getLogger(__name__)

METRICS = ("labeled_loss", "unlabeled_loss", "mean_weight")
INTERVAL = 250
MEMORY = 0.99  # of the running means of what the network says, per update
NARROWING = 2.0
SMALLEST_SHARE = 1e-6
MOST_OFF = 4.0  # times a class may be named more or less often than expected
LEAST_CONFIDENCE = 1.5  # mean top probability, in units of chance


class Lesson(NamedTuple):
    """What there is to learn from.

    Attributes:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8, all training images.
        drawn: ``(labels,)`` places of the labeled ones.
        labels: ``(labels,)`` uint16, theirs.
        propagated: What they say of all training images.
        classes: How many there are.
    """

    images: Images
    drawn: Indices
    labels: Labels
    propagated: Propagated
    classes: int


class Batch(NamedTuple):
    """What one update sees.

    Attributes:
        labeled: ``(n, *shape)`` float32 in [0, 1].
        labels: ``(n,)`` int32, theirs.
        unlabeled: ``(m, *shape)`` float32 in [0, 1].
        spread: ``(m,)`` int32, labels that spread to them along the graph.
        reliable: ``(m,)`` bool, whether such labels are right often enough to count.
        view_seeds: ``(2, 2)`` int32, of the weak and of the strong views.
    """

    labeled: tf.Tensor
    labels: tf.Tensor
    unlabeled: tf.Tensor
    spread: tf.Tensor
    reliable: tf.Tensor
    view_seeds: tf.Tensor


class Pupil(NamedTuple):
    """The network, and all that is trained with it.

    Attributes:
        network: ``(n, *shape)`` in [0, 1] → ``(n, classes)`` logits.
        average: The running average of its weights, which makes the targets.
        optimizer: Of the network.
        shares: ``(classes,)`` running mean of the targets' probabilities.
        confidence: ``(2,)`` running mean and variance of their top probabilities.
        relearning: ``(2,)`` the update up to which spread labels are learned from, and how often
            that was put off.
    """

    network: keras.Model
    average: keras.Model
    optimizer: keras.optimizers.Optimizer
    shares: keras.Variable
    confidence: keras.Variable
    relearning: keras.Variable

    @property
    def variables(self) -> list[keras.Variable]:
        """All state of the training, in an order that never changes."""
        owners = (self.network, self.average, self.optimizer)
        own = (self.shares, self.confidence, self.relearning)
        return [*(variable for owner in owners for variable in owner.variables), *own]


def train_consistently(
    lesson: Lesson,
    encoder: keras.Model,
    config: ConsistencyConfig,
    *,
    views: Views,
    seed: int,
    compute: Compute,
    checkpoint: Checkpoint | None = None,
    on_progress: OnProgress = ignore_progress,
) -> keras.Model:
    """Train a classifier on few labels, on those that spread from them, and then on its own word.

    Args:
        lesson: Images and labels.
        encoder: Where the network begins; it stays as it is.
        config: Updates, batch sizes, learning rate, average.
        views: Of such images.
        seed: Determines the last layer's weights, batches and views.
        compute: Device, precision and compilation.
        checkpoint: Where the state is kept from time to time, and found again.
        on_progress: Called every few updates with the number done and the newest losses.

    Returns:
        Of plain Keras layers: ``(n, *shape)`` in [0, 1] → ``(n, classes)`` probabilities.

    Raises:
        TrainingDivergedError: A loss is not finite; the last checkpoint is untouched.
        TrainingCollapsedError: In the end the network hardly ever names a class that has labels.
    """
    counts = np.bincount(lesson.labels, minlength=lesson.classes)
    expected = (counts / counts.sum()).astype(np.float32)
    with seed_keras(seed):
        pupil = build_pupil(encoder, expected, config)
    train(
        Training(
            "teacher",
            METRICS,
            build_step(pupil, lesson, expected, views, config, seed=seed),
            pupil.variables,
        ),
        steps=config.updates,
        interval=INTERVAL,
        compute=compute,
        checkpoint=checkpoint,
        on_progress=on_progress,
    )
    check_classes(pupil, expected)
    return build_classifier(pupil.average)


def build_pupil(encoder: keras.Model, expected: Float32, config: ConsistencyConfig) -> Pupil:
    """Build the network, its average and the optimizer's state."""
    body = exchange_normalization(encoder, FusedBatchNormalization)
    logits = layers.Dense(len(expected), dtype="float32", name="logits")
    network = keras.Sequential(
        [keras.Input(body.input_shape[1:], name="images"), *body.layers, logits]
    )
    average = keras.models.clone_model(network)
    average.set_weights(network.get_weights())
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.updates)
    optimizer = FusedAdam(schedule)
    optimizer.build(network.trainable_variables)
    return Pupil(
        network,
        average,
        optimizer,
        shares=keep(expected),
        confidence=keep(np.array([1.0, 0.0], np.float32)),
        relearning=keep(np.array([round(config.warmup * config.updates), 0], np.int32)),
    )


def keep(value: NDArray[Any]) -> keras.Variable:
    return keras.Variable(value, trainable=False, dtype=str(value.dtype))


def build_draw(
    lesson: Lesson, config: ConsistencyConfig, *, seed: int
) -> Callable[[tf.Tensor, tf.Tensor], Batch]:
    """Return a function that draws the batch of an update, by its number.

    While the network learns from spread labels, unlabeled images are drawn from the trusted ones,
    and later from all.
    """
    images = tf.constant(add_channel(lesson.images))
    drawn = tf.constant(lesson.drawn.astype(np.int32))
    labels = tf.constant(lesson.labels.astype(np.int32))
    spread = tf.constant(lesson.propagated.labels.astype(np.int32))
    reliable = lesson.propagated.trust(1.0, config.most_wrong)
    trust = lesson.propagated.trust(config.trusted_share, config.most_wrong)
    trusted = tf.constant(np.flatnonzero(trust).astype(np.int32))

    def draw_batch(number: tf.Tensor, relearning: tf.Tensor) -> Batch:
        labeled_seed, unlabeled_seed, *view_seeds = tf.unstack(tf.random.split((seed, number), 4))
        chosen = draw_indices(config.labeled_batch_size, len(labels), labeled_seed)
        among_trusted, among_all = (
            draw_indices(config.batch_size, count, unlabeled_seed)
            for count in (len(trusted), len(images))
        )
        others = tf.where(relearning, tf.gather(trusted, among_trusted), among_all)
        return Batch(
            to_float(tf.gather(images, tf.gather(drawn, chosen))),
            tf.gather(labels, chosen),
            to_float(tf.gather(images, others)),
            tf.gather(spread, others),
            tf.gather(tf.constant(reliable), others),
            tf.stack(view_seeds),
        )

    return draw_batch


def is_relearning(pupil: Pupil, number: tf.Tensor) -> tf.Tensor:
    """Tell whether an update learns from spread labels instead of the network's own word."""
    return number < tf.convert_to_tensor(pupil.relearning)[0]


def build_step(
    pupil: Pupil,
    lesson: Lesson,
    expected: Float32,
    views: Views,
    config: ConsistencyConfig,
    *,
    seed: int,
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a function of an update's number that takes it and returns its :data:`METRICS`."""
    draw_batch = build_draw(lesson, config, seed=seed)
    sizes = tf.constant(expected)
    warmup = round(config.warmup * config.updates)

    def step(number: tf.Tensor) -> tf.Tensor:
        relearning = is_relearning(pupil, number)
        batch = draw_batch(number, relearning)
        targets, weights = make_targets(pupil, batch, relearning, sizes, views, config)
        metrics = fit(pupil, batch, targets, weights, views)
        average, network = pupil.average.variables, pupil.network.variables
        update_average(average, network, config.ema_momentum, number)
        watch_for_collapse(pupil, number, relearning, sizes, warmup)
        return metrics

    return step


def make_targets(
    pupil: Pupil,
    batch: Batch,
    relearning: tf.Tensor,
    expected: tf.Tensor,
    views: Views,
    config: ConsistencyConfig,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Say what the unlabeled images are taken for, and how much each counts.

    Returns:
        ``(m, classes)`` float32 targets, and ``(m,)`` weights in [0, 1].
    """
    asked = change_images(batch.unlabeled, views.weak, batch.view_seeds[0])
    said = tf.nn.softmax(pupil.average(asked, training=False))
    aligned = align_classes(
        said, tf.convert_to_tensor(pupil.shares), expected, slack=config.size_slack
    )
    confidence = tf.reduce_max(aligned, axis=1)
    remember(pupil.shares, tf.reduce_mean(said, axis=0))
    mean, variance = tf.nn.moments(confidence, axes=0)
    remember(pupil.confidence, tf.stack([mean, variance]))
    weights = weigh_images(confidence, *tf.unstack(tf.convert_to_tensor(pupil.confidence)))
    classes = expected.shape[0]
    spread = tf.one_hot(batch.spread, classes)
    own = tf.one_hot(tf.argmax(aligned, axis=1), classes)
    say = config.spread_say * tf.cast(batch.reliable, tf.float32)[:, None]
    mixed = (1 - say) * own + say * spread
    return tf.where(relearning, spread, mixed), tf.where(relearning, tf.ones_like(weights), weights)


def align_classes(
    said: tf.Tensor, found: tf.Tensor, expected: tf.Tensor, *, slack: float
) -> tf.Tensor:
    """Scale probabilities until classes come about as often as expected.

    ReMixMatch, section 3.1, but that a class may be larger or smaller by the slack.

    Args:
        said: ``(n, classes)`` probabilities.
        found: ``(classes,)`` their running mean.
        expected: ``(classes,)`` shares of the classes.
        slack: Share of what is expected.

    Returns:
        ``(n, classes)`` probabilities.
    """
    allowed = tf.clip_by_value(found, (1 - slack) * expected, (1 + slack) * expected)
    scaled = said * (allowed / tf.maximum(found, SMALLEST_SHARE))
    return scaled / tf.reduce_sum(scaled, axis=1, keepdims=True)


def weigh_images(confidence: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
    """Return how much each image counts, in [0, 1]: SoftMatch, equation 6.

    Args:
        confidence: ``(n,)`` top probabilities.
        mean: Their running mean; images at or above it count in full.
        variance: Their running variance: the half of its root is the width of the Gaussian along
            which the others fall.
    """
    below = tf.minimum(confidence - mean, 0.0)
    width = variance / NARROWING**2
    return tf.exp(-tf.square(below) / (2 * width + SMALLEST_SHARE))


def remember(average: keras.Variable, newest: tf.Tensor) -> None:
    """Move a running mean towards the newest value."""
    average.assign(MEMORY * average + (1 - MEMORY) * newest)


def fit(
    pupil: Pupil, batch: Batch, targets: tf.Tensor, weights: tf.Tensor, views: Views
) -> tf.Tensor:
    """Move the network's weights towards the labels and the targets.

    Returns:
        ``(3,)`` :data:`METRICS`.
    """
    shown = change_images(
        tf.concat([batch.labeled, batch.unlabeled], axis=0), views.strong, batch.view_seeds[1]
    )
    count = len(batch.labels)
    trained = pupil.network.trainable_variables
    with tf.GradientTape() as tape:
        logits = pupil.network(shown, training=True)
        labeled = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(batch.labels, logits[:count])
        )
        losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits[count:])
        unlabeled = tf.reduce_mean(weights * losses)
        loss = labeled + unlabeled
    pupil.optimizer.apply(tape.gradient(loss, trained), trained)
    return tf.stack([labeled, unlabeled, tf.reduce_mean(weights)])


def watch_for_collapse(
    pupil: Pupil, number: tf.Tensor, relearning: tf.Tensor, expected: tf.Tensor, warmup: int
) -> None:
    """Go back to the spread labels for as long as at first, if the network loses a class.

    What it says of classes counts anew from there.
    """
    collapsed = has_collapsed(pupil, expected) & ~relearning
    until, times = tf.unstack(tf.convert_to_tensor(pupil.relearning))
    again = tf.stack([number + 1 + warmup, times + 1])
    pupil.relearning.assign(tf.where(collapsed, again, tf.stack([until, times])))
    pupil.shares.assign(tf.where(collapsed, expected, pupil.shares))


def has_collapsed(pupil: Pupil, expected: tf.Tensor) -> tf.Tensor:
    """Tell whether the network names a class far too seldom or too often, or all alike."""
    found = tf.convert_to_tensor(pupil.shares) / tf.maximum(expected, SMALLEST_SHARE)
    lost = tf.reduce_any((found < 1 / MOST_OFF) & (expected > 0)) | tf.reduce_any(found > MOST_OFF)
    confidence = tf.convert_to_tensor(pupil.confidence)[0]
    return lost | (confidence * expected.shape[0] < LEAST_CONFIDENCE)


def check_classes(pupil: Pupil, expected: Float32) -> None:
    """Tell how often the training went back to the spread labels; refuse one that collapsed."""
    _, times = pupil.relearning.numpy()
    if times:
        logger.warning("teacher: lost a class and began again from the spread labels, %d×", times)
    if bool(has_collapsed(pupil, tf.constant(expected))):
        raise TrainingCollapsedError(
            "teacher: expected a network that tells all classes apart, found that its training "
            "collapsed and that some classes are hardly ever named; raise --labels or "
            "--encoder.steps, lower --consistency.learning-rate, or choose another "
            "--pseudo-labels.teacher"
        )


def build_classifier(network: keras.Model) -> keras.Model:
    """Return the same function of plain Keras layers, up to the softmax.

    ``(n, *shape)`` in [0, 1] → ``(n, classes)`` probabilities.
    """
    plain = exchange_normalization(network, layers.BatchNormalization)
    softmax = layers.Softmax(dtype="float32")
    return keras.Sequential(
        [keras.Input(plain.input_shape[1:], name="images"), *plain.layers, softmax],
        name="consistency",
    )


def estimate_consistency(shape: Shape, config: ConsistencyConfig, width: int) -> float:
    """Estimate the bytes of one update's feature maps.

    Args:
        shape: Height, width and channels of the images.
        config: Batch sizes.
        width: Of the encoder.
    """
    images = config.labeled_batch_size + 2 * config.batch_size
    maps = images * count_activations(build_encoder(shape, width))
    return float(FLOAT_BYTES * KEPT_MAPS * maps)
