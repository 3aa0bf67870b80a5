"""What a teacher is: how its networks are trained, asked and named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gan_aug.classifiers.classifier import Classifier, Predict
from gan_aug.device import Compute
from gan_aug.images import Shape
from gan_aug.settings.base import StageConfig
from gan_aug.stage import Inputs, Stage

__all__ = ["Ingredients", "Teacher"]


class Ingredients(Protocol):
    """What a teacher's networks are trained with: the plan of a run.

    Attributes:
        config: Settings of the run; those of a teacher are the field of its name.
        data: The data set, a :class:`gan_aug.data.dataset.Dataset`.
        drawn: Which of its training images are labeled: their places, ascending.
        compute: Device and precision.
    """

    @property
    def config(self) -> Any: ...  # noqa: D102
    @property
    def data(self) -> Stage[Any]: ...  # noqa: D102
    @property
    def drawn(self) -> Stage[Any]: ...  # noqa: D102
    @property
    def compute(self) -> Compute: ...  # noqa: D102

    def train_classifier(self, classifier: Classifier, arm: str, member: int = 1) -> Stage[Any]:
        """Return the training of a classifier on an arm that needs no teacher.

        Args:
            classifier: What is trained.
            arm: Name of the arm.
            member: Its number among classifiers that differ in their seeds.
        """


@dataclass(frozen=True)
class Teacher:
    """An entry of the registry: everything that the rest of the program knows of a teacher.

    Attributes:
        name: In settings and flags: ``sgan``.
        kind: What one of its networks is, for people: ``semi-supervised GAN``.
        description: What it learns from, for people.
        settings: Type of its settings, all of which have defaults; None if it has none.
        depends_on: Fields of the run's settings that decide what its networks learn.
        arm: The arm whose CNN its networks are; None for networks of its own. Only the first kind
            can be given a temperature.
        plan: Returns the stage that trains its n-th network, counted from 1; what that stage needs
            beside the ingredients may be stages of the teacher's own.
        predict: Asks a network for ``(n, classes)`` probabilities.
        file: Name of the file that keeps a network.
        estimate_memory: Bytes that a training takes beside the training images, for images of a
            shape, numbers of classes and of training images, and the settings of the run.
        remedy: Flags to lower where memory is short.
        examine: Returns a stage that holds labels out in turn, and says how often the teacher then
            errs about them, in [0, 1]. It is told how often a classifier errs that has no teacher:
            below :data:`gan_aug.teachers.trust.FULL` of that the answer may be rough. None for a
            teacher whose labels count in full.
    """

    name: str
    kind: str
    description: str
    settings: type[StageConfig] | None
    depends_on: tuple[str, ...]
    arm: str | None
    plan: Callable[[Ingredients, int], Stage[Any]]
    predict: Predict
    file: str
    estimate_memory: Callable[[Shape, int, int, Any], float]
    remedy: str
    examine: Callable[[Ingredients, Inputs], Stage[float]] | None = None
