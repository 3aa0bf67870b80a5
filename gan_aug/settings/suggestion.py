"""Which images of a pool to label."""

from typing import Annotated, Literal

from pydantic import Field

from gan_aug.settings.base import Device, Precision, Seed
from gan_aug.settings.data import ReadingConfig
from gan_aug.settings.encoder import EncoderConfig

__all__ = ["MethodName", "SuggestionConfig"]

MethodName = Literal["medoids", "k-centre", "random"]


class SuggestionConfig(ReadingConfig):
    """Which images of a pool to label."""

    dataset: str = Field(
        "mnist",
        min_length=1,
        description="The images: a folder of pictures, or any other form that a run's data set may "
        "have. Those without a label are suggested; those that validate or test are left alone.",
    )
    labels: Annotated[int, Field(ge=1, le=1000)] = Field(
        100, description="How many images to suggest."
    )
    labels_from: str | None = Field(
        None,
        min_length=1,
        description="A table that an earlier call wrote and you filled in: its images count as "
        "chosen, and the next ones are chosen to go with them.",
    )
    method: MethodName = Field(
        "medoids",
        description="`medoids`: the middle of each of so many clusters. `k-centre`: images as far "
        "from each other as can be. `random`: a plain draw, as a fair test needs it.",
    )
    seed: Seed = Field(0, description="Seed of the encoder and of the choice.")
    device: Device = Field(
        "auto", description="Where to train: `auto` takes a GPU where there is one."
    )
    precision: Precision = Field("auto", description="As for a run.")
    encoder: EncoderConfig = Field(
        default=EncoderConfig(),
        description="The encoder, whose features say which images are alike.",
    )
