"""Several networks that label together, and the temperature that makes them trustworthy.

C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017),
section 4.2: temperature scaling.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_aug.arms import build_training_set
from gan_aug.classifiers.classifier import Predict
from gan_aug.classifiers.cnn import CnnConfig, predict_probabilities, train_cnn
from gan_aug.classifiers.cross_fitting import cross_fit
from gan_aug.device import Compute
from gan_aug.errors import UserError
from gan_aug.images import Float32, Images, Indices, LabeledImages, Labels
from gan_aug.progress import OnProgress, ignore_progress

__all__ = [
    "ask_networks",
    "average_opinions",
    "check_folds",
    "cross_fit_temperature",
    "fit_temperature",
    "scale_temperature",
]

logger = logging.getLogger(__name__)

TEMPERATURES = (0.05, 20.0)


def ask_networks(
    networks: Sequence[Any],
    images: Images,
    predict: Predict,
    on_progress: OnProgress = ignore_progress,
) -> list[Float32]:
    """Return the ``(n, classes)`` probabilities of each network."""
    return [predict(network, images, on_progress) for network in networks]


def average_opinions(opinions: Sequence[Float32], temperature: float = 1.0) -> Float32:
    """Return the mean of several networks' probabilities, each at the temperature."""
    scaled = [scale_temperature(opinion, temperature) for opinion in opinions]
    mean: Float32 = np.mean(scaled, axis=0, dtype=np.float32)
    return mean


def scale_temperature(probabilities: Float32, temperature: float) -> Float32:
    """Return probabilities, ``(n, classes)``, with their logits divided by a temperature."""
    if temperature == 1:
        return probabilities
    return np.exp(log_scale(probabilities, temperature)).astype(np.float32)


def log_scale(probabilities: Float32, temperature: float) -> NDArray[np.float64]:
    """Return log-probabilities at a temperature; those of a softmax are logits but for a shift."""
    from scipy import special  # noqa: PLC0415 - half a second; --help must not wait

    smallest = np.finfo(np.float32).tiny
    logits = np.log(np.maximum(probabilities, smallest).astype(np.float64)) / temperature
    scaled: NDArray[np.float64] = special.log_softmax(logits, axis=1)
    return scaled


def fit_temperature(probabilities: Float32, labels: Labels) -> float:
    """Find the temperature at which the predictions are likeliest.

    Args:
        probabilities: ``(n, classes)`` float32, of images that the classifier was not trained on.
        labels: ``(n,)`` the truth.

    Returns:
        In [0.05, 20]; above 1 where the classifier is too sure of itself.
    """
    from scipy import optimize  # noqa: PLC0415 - half a second; --help must not wait

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = log_scale(probabilities, float(np.exp(log_temperature)))
        return float(-scaled[np.arange(len(labels)), labels].mean())

    bounds = tuple(np.log(TEMPERATURES))
    fitted = optimize.minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded")
    return float(np.exp(fitted.x))


def cross_fit_temperature(
    train: LabeledImages,
    drawn: Indices,
    *,
    cnn: CnnConfig,
    folds: int,
    seed: int,
    arm: Mapping[str, Any],
    compute: Compute,
    on_progress: OnProgress = ignore_progress,
) -> float:
    """Fit a temperature to labeled images, each predicted by a CNN trained on the other folds.

    Args:
        train: The training images with all their labels.
        drawn: ``(labels,)`` places of those whose labels may be seen.
        cnn: Settings of the trainings.
        folds: How many; at least 2.
        seed: Of the folds and of every training.
        compute: Device, precision and compilation.
        on_progress: Called with the steps of all trainings done.
        arm: What the CNNs are trained on: name and material of an arm, as for
            :func:`gan_aug.arms.build_training_set`.

    Returns:
        As :func:`fit_temperature`.
    """
    own = train.take(drawn)
    held_out = cross_fit(
        own,
        folds=folds,
        seed=seed,
        train=lambda learned, on_progress: train_cnn(
            build_training_set(own, learned, **arm),
            cnn,
            seed=seed,
            compute=compute,
            on_progress=on_progress,
        ),
        predict=predict_probabilities,
        steps=cnn.steps,
        on_progress=on_progress,
    )
    temperature = fit_temperature(held_out, own.labels)
    logger.info("temperature: %.2f, fitted to %d labeled images", temperature, len(own))
    return temperature


def check_folds(labeled: LabeledImages, folds: int) -> None:
    """Raise :class:`UserError` if a class has fewer labeled images than there are folds."""
    fewest = min(labeled.spec.count_images(labeled.labels).values())
    if fewest < folds:
        raise UserError(
            f"pseudo-labels.calibration-folds: expected at most {fewest}, the labeled images of "
            f"the scarcest class, found {folds}; lower it, or raise --labels"
        )
