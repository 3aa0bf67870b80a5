"""What a classifier is: how it is trained, asked, kept and named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from gan_aug.device import Compute
from gan_aug.images import Float32, Images, Shape, TrainingSet
from gan_aug.progress import OnProgress
from gan_aug.settings.base import StageConfig
from gan_aug.store.formats import Format

__all__ = ["Classifier", "ClassifierConfig"]


class ClassifierConfig(StageConfig):
    """Settings of a classifier: the same for every arm."""

    def plan(self, budget: int) -> Self:  # noqa: ARG002 - for those that depend on it
        """Return the settings for so many labeled images, whatever is added to them."""
        return self

    @property
    def steps(self) -> int:
        """How many steps of progress a training has."""
        raise NotImplementedError
