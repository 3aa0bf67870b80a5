"""The encoder: what a network learns of images without any label."""

from typing import Annotated, Literal

from pydantic import Field

from gan_aug.settings.base import END, Count, Rate, Seed, StageConfig

__all__ = ["EncoderConfig", "ViewsName"]

ViewsName = Literal["marks", "photos"]


class EncoderConfig(StageConfig):
    """The encoder, trained without labels to tell images apart whatever view of them it sees."""

    views: ViewsName | Literal["auto"] = Field(
        "auto",
        description="How an image may change and stay what it is. `marks`: turned, scaled, "
        "slanted, moved, bent, thicker or thinner, partly hidden; never mirrored. `photos`: "
        "cropped, mirrored, of other brightness, contrast and colors. `auto`: `photos` "
        "where mirrored images look like the others, else `marks`.",
    )
    width: Annotated[int, Field(ge=4, lt=END)] = Field(
        32, description="Channels of its first feature map; it makes four times as many features."
    )
    steps: Count = Field(
        600, description="Training steps; one training serves all label budgets of a seed."
    )
    batch_size: Annotated[int, Field(ge=2, lt=END)] = Field(
        256, description="Images a step; it sees two views of each."
    )
    learning_rate: Rate = Field(
        2e-3, description="Adam's first learning rate; it falls to zero along a cosine."
    )
    temperature: Annotated[float, Field(gt=0, le=1)] = Field(
        0.2, description="Of the similarities that the loss compares; lower looks closer."
    )
    pixel_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1,
        description="How much the pixels themselves count where images are compared, to find "
        "neighbours and images to label; the encoder's features count the rest.",
    )
    seed: Seed | None = Field(
        None,
        description="Seed of its training, so that runs of other seeds can share it; by default "
        "the run's.",
    )
