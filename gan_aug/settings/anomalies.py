"""Which images a discriminator is to find anomalous."""

from typing import Literal

from pydantic import Field

from gan_aug.settings.base import Count, StageConfig

__all__ = ["AnomalyConfig", "Detector", "Part"]

Part = Literal["train", "validation", "test"]
Detector = Literal["logit", "feature-distance", "isolation-forest", "local-outlier-factor"]


class AnomalyConfig(StageConfig):
    """Which images a discriminator is to find anomalous."""

    source: str = Field(
        min_length=1,
        description="Name of a run, or path of the `discriminator.keras` that a run left.",
    )
    dataset: str | None = Field(
        None,
        min_length=1,
        description="Data set to rank, as for `gan-aug run`; by default the run's.",
    )
    part: Part = Field("validation", description="Part of the data set to rank.")
    by: Detector = Field(
        "feature-distance", description="What to rank by; all four are evaluated in any case."
    )
    leave_one_out: bool = Field(
        False,
        description="Also train a DCGAN without each class, as the run's was trained, and tell how "
        "well that class is found.",
    )
    steps: Count | None = Field(
        None, description="Steps of these trainings, where not as many as the run's."
    )
