"""The semi-supervised GAN."""

from typing import Annotated

from pydantic import Field

from gan_aug.settings.base import Count, Rate, Share, StageConfig

__all__ = ["SganConfig"]


class SganConfig(StageConfig):
    """The semi-supervised GAN, a teacher that learns from unlabeled images too."""

    updates: Count = Field(6000, description="Updates of each of its two networks.")
    batch_size: Count = Field(
        100, description="Unlabeled images, and as many generated ones, per update."
    )
    labeled_batch_size: Count = Field(100, description="Labeled images per update.")
    learning_rate: Rate = Field(3e-3, description="Adam's learning rate, of both networks.")
    falling_share: Share = Field(
        0.33, description="The rate falls to 0 along a line over this last share of the updates."
    )
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.999,
        description="Memory of the running average of the discriminator's weights, per update.",
    )
