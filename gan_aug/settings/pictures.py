"""A DCGAN of pictures of any kind."""

from pydantic import Field, field_validator

from gan_aug.settings.base import Device, Precision, Seed
from gan_aug.settings.data import ReadingConfig
from gan_aug.settings.dcgan import DcganConfig

__all__ = ["PicturesConfig"]


class PicturesConfig(ReadingConfig):
    """A DCGAN of pictures of any kind, without labels or classifiers."""

    source: str = Field(
        "colored-digits",
        min_length=1,
        description="`colored-digits` (8x8 digits, enlarged and tinted), or a path: a folder of "
        "image files, or any other form that a run's data set may have.",
    )
    seed: Seed = Field(0, description="Seed of the networks and of every sample.")
    device: Device = Field(
        "auto", description="Where to train: `auto` takes a GPU where there is one."
    )
    precision: Precision = Field("auto", description="As for a run.")
    dcgan: DcganConfig = Field(default=DcganConfig(), description="The DCGAN.")

    @field_validator("dcgan")
    @classmethod
    def refuse_condition(cls, dcgan: DcganConfig) -> DcganConfig:
        """Nobody names pictures."""
        if dcgan.conditioned:
            raise ValueError(
                "expected the condition none for pictures, which no teacher names, found "
                f"{dcgan.condition}; leave --dcgan.condition away"
            )
        return dcgan
