"""Results of several draws: their mean, and how far they are apart."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from gan_aug.evaluation.study import student_margin

__all__ = ["CONFIDENCE_LEVEL", "Row", "summarize_values"]

CONFIDENCE_LEVEL = 0.95


class Row(BaseModel):
    """Values, or differences of pairs of values.

    Attributes:
        mean: Over all of them.
        margin: Half the width of Student's t interval; None for a single value.
        lowest: The smallest value.
        highest: The largest.
    """

    model_config = ConfigDict(frozen=True)

    mean: float
    margin: float | None
    lowest: float
    highest: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.margin is not None and self.margin < abs(self.mean)


def summarize_values(values: Sequence[float]) -> Row:
    """Return the mean, Student's interval and the range of values."""
    margin = student_margin(np.array(values), CONFIDENCE_LEVEL) if len(values) > 1 else None
    return Row(mean=float(np.mean(values)), margin=margin, lowest=min(values), highest=max(values))
