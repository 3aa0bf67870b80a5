"""Whether a classifier has something to learn from a teacher, as far as the labels tell.

A teacher that errs as often as the classifier does by itself only teaches it other mistakes. Both
are asked about labels that were held out, so that no validation label is needed.
"""

import logging

import numpy as np
from pydantic import BaseModel, ConfigDict

from gan_aug.arms import build_original_set
from gan_aug.classifiers.classifier import ClassifierConfig, Predict, Train
from gan_aug.classifiers.cross_fitting import cross_fit_error
from gan_aug.device import Compute
from gan_aug.images import Indices, LabeledImages
from gan_aug.progress import OnProgress, ignore_progress

__all__ = ["FOLDS", "FULL", "Trust", "examine_classifier", "judge_teacher"]

logger = logging.getLogger(__name__)

FOLDS = 2
FULL = 0.5  # of the classifier's errors; a teacher that makes no more is trusted in full


class Trust(BaseModel):
    """How often a classifier and a teacher are wrong about labels that were held out.

    Attributes:
        student_error: Of the classifier that learned from the other labels alone, in [0, 1].
        teacher_error: Of the teacher, in [0, 1].
    """

    model_config = ConfigDict(frozen=True)

    student_error: float
    teacher_error: float

    @property
    def share(self) -> float:
        """How much the teacher's labels count, in [0, 1].

        In full where the teacher makes at most half of the classifier's errors, not at all where it
        makes as many, and in proportion between.
        """
        if self.student_error == 0:
            return 0.0
        kept = self.teacher_error / self.student_error
        return float(np.clip((1 - kept) / (1 - FULL), 0, 1))


def judge_teacher(student_error: float, teacher_error: float) -> Trust:
    """Say how much a classifier can learn from the teacher.

    Args:
        student_error: Of the classifier, in [0, 1].
        teacher_error: Of the teacher, in [0, 1].
    """
    trust = Trust(student_error=student_error, teacher_error=teacher_error)
    logger.info(
        "trust: of labels that were held out the classifier gets %.1f%% wrong and the teacher "
        "%.1f%%; the teacher's labels count %.0f%%",
        100 * student_error,
        100 * teacher_error,
        100 * trust.share,
    )
    return trust


def examine_classifier(
    train: LabeledImages,
    drawn: Indices,
    *,
    fit: Train,
    predict: Predict,
    config: ClassifierConfig,
    seed: int,
    compute: Compute | None = None,
    on_progress: OnProgress = ignore_progress,
) -> float:
    """Return how often a classifier errs about the half of the labels that it did not learn from.

    Args:
        train: The training images with all their labels.
        drawn: ``(labels,)`` places of those whose labels may be seen.
        fit: Trains it.
        predict: Asks it.
        config: Its settings.
        seed: Of the halves and of both trainings.
        compute: Device and precision, for a classifier that is a network.
        on_progress: Called with the steps of both trainings done.

    Returns:
        In [0, 1].
    """
    labeled = train.take(drawn)
    return cross_fit_error(
        labeled,
        folds=FOLDS,
        seed=seed,
        train=lambda learned, on_progress: fit(
            build_original_set(labeled.take(learned)),
            config,
            seed=seed,
            compute=compute,
            on_progress=on_progress,
        ),
        predict=predict,
        steps=config.steps,
        on_progress=on_progress,
    )
