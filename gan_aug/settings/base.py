"""What the settings of every stage share."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "END",
    "AutoBudget",
    "Budget",
    "Count",
    "Device",
    "Number",
    "Precision",
    "Rate",
    "Seed",
    "Share",
    "StageConfig",
]

Device = Literal["auto", "cpu", "gpu"]
Precision = Literal["auto", "float32", "bfloat16"]
END = 2**31
"""What every whole number is below, so that TensorFlow can count to it in 32 bits."""

Budget = Annotated[int, Field(ge=2, lt=END)] | Literal["all"]
"""A number of labels, or all there are."""

AutoBudget = Budget | Literal["auto"]
"""A budget, or what the data suggest."""

Count = Annotated[int, Field(ge=1, lt=END)]
Number = Annotated[int, Field(ge=0, lt=END)]
Seed = Number
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]


class StageConfig(BaseModel):
    """Settings of one stage: immutable, and closed to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
