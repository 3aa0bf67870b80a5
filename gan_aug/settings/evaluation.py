"""How results are compared, judged and watched."""

from typing import Annotated

from pydantic import Field

from gan_aug.classifiers.cnn import CnnConfig
from gan_aug.settings.base import END, Count, Rate, Share, StageConfig

__all__ = ["ComparisonConfig", "GatesConfig", "JudgeConfig", "QualityConfig"]


class ComparisonConfig(StageConfig):
    """How sure the comparison has to be."""

    confidence_level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.95, description="Coverage of the intervals."
    )
    resamples: Annotated[int, Field(ge=100, lt=END)] = Field(
        2000, description="Bootstrap resamples of the paired predictions."
    )
    trial: bool = Field(
        False,
        description="Say first that the numbers mean nothing, as those of the preset `smoke` do.",
    )


class JudgeConfig(CnnConfig):
    """The CNN that judges the synthetic images; it labels and selects nothing."""

    updates: Count = Field(
        4687, description="Optimizer updates; the default is 12 epochs of 50,000 images."
    )
    epochs: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Take more updates where these passes over the training images need them."
    )
    batch_size: Count = Field(128, description="Images per update.")
    learning_rate: Rate = Field(
        1.5e-3, description="Adam's first learning rate; it falls to zero along a cosine."
    )


class QualityConfig(StageConfig):
    """How the synthetic images are judged."""

    enabled: bool = Field(
        False,
        description="Measure the synthetic images. It costs one training of the judge on all "
        "training labels, about ten minutes on two cores; the store keeps it for later runs.",
    )
    images: Annotated[int, Field(ge=10, lt=END)] = Field(
        10_000, description="Synthetic images to measure, and training images beside them."
    )
    neighbors: Count = Field(
        5, description="Neighbours in precision, recall, density and coverage."
    )
    judge: JudgeConfig = Field(default=JudgeConfig(), description="Training of the judge.")


class GatesConfig(StageConfig):
    """What ends a run as failed, after its report."""

    enabled: bool = Field(
        False,
        description="Fail where the data are not those of the run before of the same settings, "
        "where an accuracy's interval lies below what it was, or where the GAN collapsed.",
    )
    smallest_class_share: Share = Field(
        0.02,
        description="Share of the synthetic images that every class must have, or half of its "
        "share of the training images where that is less.",
    )
    largest_frechet_ratio: Rate = Field(
        5.0,
        description="Highest Fréchet distance, in multiples of the floor; only where quality is "
        "measured.",
    )
