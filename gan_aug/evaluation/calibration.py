"""How far a classifier's confidence can be trusted, and making it trustworthy.

C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017):
expected calibration error and reliability diagrams (section 2), temperature scaling (section 4.2).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import optimize, special
from sklearn.model_selection import StratifiedKFold

from gan_aug.errors import UserError
from gan_aug.images import CLASSES, Float32, UInt8

__all__ = [
    "Calibration",
    "TeacherCalibration",
    "average_teachers",
    "check_folds",
    "fit_temperature",
    "measure_calibration",
    "measure_teacher",
    "scale_temperature",
    "split_folds",
]

BINS = 15
DECIMALS = 5
TEMPERATURES = (0.05, 20.0)

Indices = NDArray[np.intp]


class Calibration(BaseModel):
    """Confidence beside accuracy, in bins of equal width over (0, 1].

    Attributes:
        error: Expected calibration error in [0, 1]: the mean distance of accuracy and confidence.
        count: Images in each bin.
        confidence: Their mean top probability; 0 for an empty bin.
        accuracy: Share of them that are right; 0 for an empty bin.
    """

    model_config = ConfigDict(frozen=True)

    error: float
    count: list[int]
    confidence: list[float]
    accuracy: list[float]


class TeacherCalibration(BaseModel):
    """The teacher on images that it never saw, before and after its temperature.

    Attributes:
        networks: In the ensemble.
        temperature: What their logits are divided by.
        accuracy: Of the calibrated ensemble, in [0, 1].
        before: Calibration of the ensemble at temperature 1.
        after: Calibration at its own.
    """

    model_config = ConfigDict(frozen=True)

    networks: int
    temperature: float
    accuracy: float
    before: Calibration
    after: Calibration


def measure_teacher(
    opinions: Sequence[Float32], temperature: float, labels: UInt8
) -> TeacherCalibration:
    """Measure an ensemble.

    Args:
        opinions: ``(n, 10)`` float32 of each of its networks.
        temperature: What their logits are divided by.
        labels: ``(n,)`` uint8, the truth.
    """
    final = average_teachers(opinions, temperature)
    return TeacherCalibration(
        networks=len(opinions),
        temperature=temperature,
        accuracy=float((final.argmax(axis=1) == labels).mean()),
        before=measure_calibration(average_teachers(opinions), labels),
        after=measure_calibration(final, labels),
    )


def measure_calibration(probabilities: Float32, labels: UInt8) -> Calibration:
    """Compare confidence with accuracy.

    Args:
        probabilities: ``(n, 10)`` float32, rows sum to 1.
        labels: ``(n,)`` uint8, the truth.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    count = np.bincount(place, minlength=BINS)
    filled = np.maximum(count, 1)
    mean_confidence = np.bincount(place, confidence, BINS) / filled
    accuracy = np.bincount(place, right, BINS) / filled
    return Calibration(
        error=float((count * np.abs(accuracy - mean_confidence)).sum() / len(labels)),
        count=count.tolist(),
        confidence=mean_confidence.round(DECIMALS).tolist(),
        accuracy=accuracy.round(DECIMALS).tolist(),
    )


def check_folds(labels: UInt8, folds: int) -> None:
    """Raise :class:`UserError` if a digit has fewer labeled images than there are folds."""
    fewest = int(np.bincount(labels, minlength=CLASSES).min())
    if fewest < folds:
        raise UserError(
            f"pseudo-labels.calibration-folds: expected at most {fewest}, the labeled images of "
            f"the scarcest digit, found {folds}; lower it, or raise --labels"
        )


def split_folds(labels: UInt8, folds: int, *, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Yield the images to train on and those to predict, each image predicted once.

    Args:
        labels: ``(n,)`` uint8 of the labeled images; every digit is spread evenly over the folds.
        folds: How many; at least 2.
        seed: Determines which images go together.
    """
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    yield from splitter.split(labels, labels)


def fit_temperature(probabilities: Float32, labels: UInt8) -> float:
    """Find the temperature at which the predictions are likeliest.

    Args:
        probabilities: ``(n, 10)`` float32, of images that the classifier was not trained on.
        labels: ``(n,)`` uint8, the truth.

    Returns:
        In [0.05, 20]; above 1 where the classifier is too sure of itself.
    """

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = log_scale(probabilities, float(np.exp(log_temperature)))
        return float(-scaled[np.arange(len(labels)), labels].mean())

    bounds = tuple(np.log(TEMPERATURES))
    fitted = optimize.minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded")
    return float(np.exp(fitted.x))


def scale_temperature(probabilities: Float32, temperature: float) -> Float32:
    """Return the ``(n, 10)`` float32 probabilities with their logits divided by a temperature."""
    if temperature == 1:
        return probabilities
    return np.exp(log_scale(probabilities, temperature)).astype(np.float32)


def average_teachers(opinions: Sequence[Float32], temperature: float = 1.0) -> Float32:
    """Return the mean of several teachers' ``(n, 10)`` probabilities, each at the temperature."""
    scaled = [scale_temperature(opinion, temperature) for opinion in opinions]
    mean: Float32 = np.mean(scaled, axis=0, dtype=np.float32)
    return mean


def log_scale(probabilities: Float32, temperature: float) -> NDArray[np.float64]:
    """Return log-probabilities at a temperature; those of a softmax are logits but for a shift."""
    smallest = np.finfo(np.float32).tiny
    logits = np.log(np.maximum(probabilities, smallest).astype(np.float64)) / temperature
    scaled: NDArray[np.float64] = special.log_softmax(logits, axis=1)
    return scaled
