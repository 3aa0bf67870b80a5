"""How training sets are made."""

from typing import Annotated

from pydantic import Field

from gan_aug.settings.base import StageConfig

__all__ = ["AugmentationConfig"]


class AugmentationConfig(StageConfig):
    """How a training set is made of the labeled images and what is added to them."""

    added_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.95,
        description="Share of the training weight that all added images carry together; less where "
        "one of them would count more than a labeled one. With `--pseudo-labels.balance level` it "
        "is the share before classes get equal weight.",
    )
    shift: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        0.0714,
        description="The `shift` arms, and what the teacher is trained on, move an image by at "
        "most this share of its side either way: 2 of MNIST's 28 pixels.",
    )
    rotation: Annotated[float, Field(ge=0, le=180)] = Field(
        10.0, description="They turn it by at most this many degrees."
    )
    zoom: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="They scale it by at most this share, up or down."
    )
