"""The four arrays that every reader returns, as Keras names them."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

__all__ = ["NAMES", "Array", "Arrays"]

NAMES = ("x_train", "y_train", "x_test", "y_test")

Array = NDArray[Any]
Arrays = Mapping[str, Array]
