"""Long trainings: a compiled loop of steps, cut into resumable intervals.

Every random draw of a step is a function of the seed and the step's number, and the state of
dropout and noise is part of a checkpoint, so a resumed training takes exactly the steps that the
uninterrupted one would have taken.
"""

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_aug.device import Compute
from gan_aug.errors import TrainingDivergedError
from gan_aug.images import Images
from gan_aug.progress import OnProgress, ignore_progress

__all__ = [
    "Arrays",
    "Checkpoint",
    "Progress",
    "Training",
    "compile_steps",
    "draw_indices",
    "to_float",
    "train",
    "update_average",
]

logger = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]
History = list[dict[str, float]]
SAMPLES = "samples"
TrainSteps = Callable[[int, int], tf.Tensor]


class Checkpoint(Protocol):
    """A place that keeps the newest state of a training, whole or not at all."""

    def load(self) -> Arrays | None:
        """Return the kept arrays, or None where nothing was kept yet."""

    def save(self, arrays: Arrays) -> None:
        """Replace what is kept by ``arrays``."""


@dataclass(frozen=True)
class Training:
    """What is trained, and how.

    Attributes:
        name: For people.
        metrics: What a step measures.
        step: Takes the step of a number, a scalar int32 tensor, and returns ``(len(metrics),)``
            float32.
        variables: All of its state, in an order that never changes.
        draw_samples: Draws what people look at after each interval, always as many uint8 images of
            one shape; None for nothing to look at.
    """

    name: str
    metrics: Sequence[str]
    step: Callable[[tf.Tensor], tf.Tensor]
    variables: Sequence[keras.Variable]
    draw_samples: Callable[[], Images] | None = None


@dataclass
class Progress:
    """What a training left on its way.

    Attributes:
        history: A row an interval: its last step as ``step``, and the mean of each metric over its
            steps.
        samples: What was drawn after each interval.
    """

    history: History
    samples: list[Images]

    @property
    def done(self) -> int:
        """Steps taken."""
        return int(self.history[-1]["step"]) if self.history else 0


def train(
    training: Training,
    *,
    steps: int,
    interval: int,
    compute: Compute,
    checkpoint: Checkpoint | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Progress:
    """Take the steps that are not yet taken.

    Args:
        training: What is trained, as it was before its first step.
        steps: How many steps there are to be.
        interval: Steps between checkpoints.
        compute: Compilation, and steps a call.
        checkpoint: Where the state is kept after every interval, and found again.
        on_progress: Called every few steps with the number of steps done and the newest metrics.

    Returns:
        Metrics and samples on the way.

    Raises:
        TrainingDivergedError: A metric is not finite; the last checkpoint is untouched.
    """
    progress = restore(training, find_snapshot(training, checkpoint))
    train_steps = compile_steps(training.step, len(training.metrics), compute)
    if progress.done:
        logger.info("%s: resumed at step %d of %d", training.name, progress.done, steps)
    for first, last in cut_intervals(progress.done, steps, interval):
        metrics = train_interval(
            training, train_steps, first, last, compute.steps_per_call, on_progress
        )
        progress.history.append({"step": last, **metrics})
        logger.info("%s: step %d of %d, %s", training.name, last, steps, describe(metrics))
        if training.draw_samples:
            progress.samples.append(training.draw_samples())
        if checkpoint:
            checkpoint.save(snapshot(training, progress))
    return progress


def compile_steps(
    step: Callable[[tf.Tensor], tf.Tensor], metrics: int, compute: Compute
) -> TrainSteps:
    """Compile a training step into a loop of steps.

    Args:
        step: As in :class:`Training`.
        metrics: How many it measures.
        compute: Compilation, and steps a call.

    Returns:
        A function of the number of steps done and the number of steps to take, at most
        ``compute.steps_per_call``, which takes them and returns their ``(n, metrics)``.
    """

    def train_steps(first: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        rows = tf.TensorArray(tf.float32, compute.steps_per_call, element_shape=(metrics,))
        for i in tf.range(count):
            rows = rows.write(i, step(first + i))
        return rows.stack()[:count]

    compiled = tf.function(train_steps, jit_compile=compute.jit_compile)
    return lambda first, count: compiled(tf.constant(first), tf.constant(count))


def cut_intervals(done: int, steps: int, interval: int) -> Iterator[tuple[int, int]]:
    """Cut the steps still to take at every multiple of ``interval``: ``(first, last)``, ..."""
    cuts = [done, *range((done // interval + 1) * interval, steps, interval), steps]
    return itertools.pairwise(cuts) if done < steps else iter(())


def train_interval(
    training: Training,
    train_steps: TrainSteps,
    first: int,
    last: int,
    steps_per_call: int,
    on_progress: OnProgress,
) -> dict[str, float]:
    """Take the steps from ``first`` to ``last`` and return the mean of their metrics."""
    rows = []
    for start in range(first, last, steps_per_call):
        count = min(steps_per_call, last - start)
        newest = train_steps(start, count).numpy()
        check_finite(training, newest, done=start, checkpoint=first)
        rows.append(newest)
        on_progress(start + count, name_metrics(training, newest))
    return name_metrics(training, np.concatenate(rows))


def name_metrics(training: Training, rows: NDArray[np.float32]) -> dict[str, float]:
    """Return the mean of each metric over ``(n, metrics)`` rows."""
    return dict(zip(training.metrics, rows.mean(axis=0, dtype=float).tolist(), strict=True))


def check_finite(
    training: Training, rows: NDArray[np.float32], *, done: int, checkpoint: int
) -> None:
    """Raise :class:`TrainingDivergedError` if a metric is infinite or not a number.

    Args:
        training: What is trained.
        rows: ``(n, metrics)`` of the newest steps.
        done: Steps taken before these.
        checkpoint: The step at which the state was last good and could be kept; 0 at the start.
    """
    broken = np.argwhere(~np.isfinite(rows))
    if len(broken):
        row, column = broken[0]
        last_good = f"step {checkpoint}" if checkpoint else "none yet"
        raise TrainingDivergedError(
            f"{training.name}: expected finite losses, found {training.metrics[column]} = "
            f"{rows[row, column]} at step {done + row + 1}; last good checkpoint: {last_good}; "
            "lower the learning rates"
        )


def snapshot(training: Training, progress: Progress) -> Arrays:
    """Return everything :func:`restore` needs, as named arrays."""
    state = {f"variable_{i:03d}": v.numpy() for i, v in enumerate(training.variables)}
    columns = ("step", *training.metrics)
    history = {name: np.array([row[name] for row in progress.history]) for name in columns}
    samples = {SAMPLES: np.stack(progress.samples)} if progress.samples else {}
    return state | history | samples


def find_snapshot(training: Training, checkpoint: Checkpoint | None) -> Arrays | None:
    """Return the snapshot that is kept, or None where there is none of this training."""
    arrays = checkpoint.load() if checkpoint else None
    if arrays is None or is_snapshot(training, arrays):
        return arrays
    logger.warning("%s: the checkpoint is of something else: starting anew", training.name)
    return None


def is_snapshot(training: Training, arrays: Arrays) -> bool:
    """Whether arrays are what :func:`snapshot` makes of this training."""
    columns = [arrays.get(name) for name in ("step", *training.metrics)]
    states = [arrays.get(f"variable_{i:03d}") for i in range(len(training.variables))]
    rows = 0 if columns[0] is None else columns[0].size
    history = [np.empty(rows)] * len(columns)
    samples = arrays.get(SAMPLES, np.empty(0))
    return (
        rows > 0
        and all(map(is_like, columns, history))
        and all(map(is_like, states, training.variables))
        and len(samples) == (rows if training.draw_samples else 0)
    )


def is_like(array: NDArray[Any] | None, other: Any) -> bool:
    """Whether an array has numbers in the shape of another one."""
    return (
        array is not None
        and np.issubdtype(array.dtype, np.number)
        and array.shape == tuple(other.shape)
    )


def restore(training: Training, arrays: Arrays | None) -> Progress:
    """Put a snapshot back and return its progress; nothing kept, nothing done."""
    if arrays is None:
        return Progress([], [])
    for i, variable in enumerate(training.variables):
        variable.assign(arrays[f"variable_{i:03d}"])
    names = ("step", *training.metrics)
    columns = (arrays[name].tolist() for name in names)
    history = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return Progress(history, list(arrays[SAMPLES]) if SAMPLES in arrays else [])


def describe(metrics: Mapping[str, float]) -> str:
    """``discriminator loss 0.65, generator loss 0.83``."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in metrics.items())


def update_average(
    average: Sequence[keras.Variable],
    weights: Sequence[keras.Variable],
    momentum: float,
    step: tf.Tensor,
) -> None:
    """Move an average towards weights; faster in the first steps, which are soon worthless.

    The momentum starts at 1/10 and rises to its final value, as in TensorFlow's
    ``ExponentialMovingAverage``.
    """
    done = tf.cast(step, tf.float32)
    weight_of_past = tf.minimum(momentum, (1 + done) / (10 + done))
    for mean, weight in zip(average, weights, strict=True):
        mean.assign(weight_of_past * mean + (1 - weight_of_past) * weight)


def draw_indices(count: int, below: int, seed: tf.Tensor) -> tf.Tensor:
    """Draw ``(count,)`` int32 places of images, uniform in 0..below - 1."""
    return tf.random.stateless_uniform((count,), seed, maxval=below, dtype=tf.int32)


def to_float(images: tf.Tensor) -> tf.Tensor:
    """Turn ``(n, *shape)`` uint8 into float32 in [0, 1]."""
    return tf.cast(images, tf.float32) / 255.0
