"""A run, a data set with a label budget and a seed, from its stages to its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gan_aug.arms import Need
from gan_aug.data.dataset import Dataset
from gan_aug.evaluation.calibration import TeacherCalibration
from gan_aug.evaluation.comparison import Comparison, Split
from gan_aug.evaluation.quality import Quality
from gan_aug.execution import Output
from gan_aug.images import Float32, PseudoLabels

__all__ = ["Cell", "Outcome"]

Cell = tuple[str, str]
"""Names of a classifier and of the arm it is trained on."""


@dataclass(frozen=True)
class Outcome:
    """What the stages of a run made.

    Attributes:
        comparison: The scores of every classifier on every arm.
        data: The data set.
        dcgan: The trained DCGAN, a :class:`gan_aug.gan.adversarial.TrainedDcgan`.
        pseudo: Where they come from → the images that the teacher labeled.
        teacher: Name of the teacher.
        networks: The teacher's, in order.
        temperature: What their logits are divided by; None where that was not fitted.
        calibration: How far the teacher can be trusted.
        models: The classifiers.
        predictions: What they say of validation and test images.
        quality: How good the synthetic images are, if that was asked for.
        stages: Every output, in the order of the stages.
    """

    comparison: Comparison
    data: Output[Dataset]
    dcgan: Output[Any]
    pseudo: Mapping[Need, Output[PseudoLabels]]
    teacher: str
    networks: list[Output[Any]]
    temperature: Output[float] | None
    calibration: Output[TeacherCalibration]
    models: Mapping[Cell, Output[Any]]
    predictions: Mapping[Cell, Output[dict[Split, Float32]]]
    quality: Output[Quality] | None
    stages: list[Output[Any]]
