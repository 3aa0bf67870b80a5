"""A DCGAN of pictures of any kind."""

from typing import Annotated

from pydantic import Field

from gan_aug.images import LARGEST_SIDE, SIDE_STEP, SMALLEST_SIDE
from gan_aug.settings.base import Device, Precision, Seed, StageConfig
from gan_aug.settings.dcgan import DcganConfig

__all__ = ["PicturesConfig"]

Side = Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE, multiple_of=SIDE_STEP)]


class PicturesConfig(StageConfig):
    """A DCGAN of pictures of any kind, without labels or classifiers."""

    source: str = Field(
        "colored-digits",
        min_length=1,
        description="`colored-digits` (8x8 digits, enlarged and tinted), or a path: a folder of "
        "image files, or an `.npz` with an array `images` or `x_train`.",
    )
    side: Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE, multiple_of=SIDE_STEP)] | None = (
        Field(
            None,
            description="Pixels a side that pictures are resized to; by default 64, and for an "
            "`.npz` as they are.",
        )
    )
    seed: Seed = Field(0, description="Seed of the networks and of every sample.")
    device: Device = Field(
        "auto", description="Where to train: `auto` takes a GPU where there is one."
    )
    precision: Precision = Field("auto", description="As for a run.")
    dcgan: DcganConfig = Field(default=DcganConfig(), description="The DCGAN.")
