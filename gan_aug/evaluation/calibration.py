"""How far a classifier's confidence can be trusted.

C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017):
expected calibration error and reliability diagrams (section 2).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gan_aug.classifiers.classifier import Predict
from gan_aug.evaluation.balance import measure_balanced_accuracy, measure_macro_f1
from gan_aug.images import Float32, LabeledImages, Labels
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.teachers.ensemble import ask_networks, average_opinions

__all__ = [
    "Calibration",
    "TeacherCalibration",
    "assess_teacher",
    "measure_calibration",
    "measure_teacher",
]

BINS = 15
DECIMALS = 5


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
        balanced_accuracy: Mean recall of the classes that have images, in [0, 1].
        macro_f1: Mean F1 of the classes that have images or are predicted, in [0, 1].
        before: Calibration of the ensemble at temperature 1.
        after: Calibration at its own.
    """

    model_config = ConfigDict(frozen=True)

    networks: int
    temperature: float
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    before: Calibration
    after: Calibration


def assess_teacher(
    networks: Sequence[Any],
    validation: LabeledImages,
    *,
    predict: Predict,
    temperature: float = 1.0,
    on_progress: OnProgress = ignore_progress,
) -> TeacherCalibration:
    """Tell how far a teacher can be trusted; nothing is decided by it.

    Args:
        networks: The teacher's.
        validation: Images that they never saw.
        predict: Asks one of them.
        temperature: What their logits are divided by.
        on_progress: Called with the number of images that a network has seen.
    """
    opinions = ask_networks(networks, validation.images, predict, on_progress)
    return measure_teacher(opinions, temperature, validation.labels)


def measure_teacher(
    opinions: Sequence[Float32], temperature: float, labels: Labels
) -> TeacherCalibration:
    """Measure an ensemble.

    Args:
        opinions: ``(n, classes)`` float32 of each of its networks.
        temperature: What their logits are divided by.
        labels: ``(n,)`` uint16, the truth.
    """
    from sklearn.metrics import confusion_matrix  # noqa: PLC0415 - a second to import

    final = average_opinions(opinions, temperature)
    guesses = final.argmax(axis=1)
    confusion = confusion_matrix(labels, guesses)
    return TeacherCalibration(
        networks=len(opinions),
        temperature=temperature,
        accuracy=float((guesses == labels).mean()),
        balanced_accuracy=measure_balanced_accuracy(confusion),
        macro_f1=measure_macro_f1(confusion),
        before=measure_calibration(average_opinions(opinions), labels),
        after=measure_calibration(final, labels),
    )


def measure_calibration(probabilities: Float32, labels: Labels) -> Calibration:
    """Compare confidence with accuracy.

    Args:
        probabilities: ``(n, classes)`` float32, rows sum to 1.
        labels: ``(n,)`` uint16, the truth.
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
