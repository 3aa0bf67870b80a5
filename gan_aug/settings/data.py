"""Which images a run is of, how they are read, and how they are split."""

from typing import Annotated, Literal

from pydantic import Field

from gan_aug.images import LARGEST_SIDE, SIDE_STEP, SMALLEST_SIDE
from gan_aug.settings.base import Seed, StageConfig

__all__ = ["NAMED_SETS", "Color", "DataConfig", "ReadingConfig", "Side"]

NAMED_SETS = ("auto", "mnist", "fashion-mnist", "digits")

Color = Literal["auto", "grey", "rgb"]
Side = Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE, multiple_of=SIDE_STEP)]
HeldOutShare = Annotated[float, Field(gt=0, lt=0.5)]


class ReadingConfig(StageConfig):
    """How images are read."""

    side: Side | None = Field(
        None,
        description="Pixels a side that images are resized to. By default arrays stay as they are, "
        "and pictures get the largest side that they have, 64 at most.",
    )
    color: Color = Field(
        "auto",
        description="Read images as `grey` or `rgb`. `auto`: grey where no picture has color.",
    )
    skip_unreadable: bool = Field(
        False, description="Leave out files that are not readable pictures, instead of refusing."
    )


class DataConfig(ReadingConfig):
    """Which images a run is of, and how they are split."""

    dataset: str = Field(
        "mnist",
        min_length=1,
        description="The images: `mnist`, `fashion-mnist`, `digits`, `auto`, or a path. `digits` "
        "are 8x8 digits enlarged, and need no network; `auto` is MNIST, or digits where it can't "
        "be had. A path may lead to a folder of pictures by class, a `.csv` or `.parquet` table, "
        "an `.npz`, a folder of IDX files, a saved Hugging Face data set, or `mnist.pkl.gz`.",
    )
    unlabeled: str | None = Field(
        None,
        min_length=1,
        description="More images without labels: a path in any of these forms, or a folder of "
        "pictures.",
    )
    labels_from: str | None = Field(
        None,
        min_length=1,
        description="More labels of the images: a table that `gan-aug suggest` wrote and you "
        "filled in.",
    )
    validation_share: HeldOutShare = Field(
        0.15,
        description="Share of the labeled images to validate with, where the data have no "
        "validation part.",
    )
    test_share: HeldOutShare = Field(
        0.15, description="Share of them to test with, where the data have no test part."
    )
    split_seed: Seed = Field(
        0, description="Seed of this split, which stays the same for all runs of a study."
    )
    drop_duplicates: bool = Field(
        False,
        description="Remove images from the training part that the validation or test part has "
        "too.",
    )
