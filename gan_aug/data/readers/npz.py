"""An ``.npz`` in the layout of Keras's data sets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gan_aug.data.readers.arrays import NAMES, Arrays
from gan_aug.errors import UserError
from gan_aug.store.formats import refuse_broken

__all__ = ["read_npz"]


def read_npz(path: Path) -> Arrays:
    """Read ``x_train``, ``y_train``, ``x_test``, ``y_test``, without pickles.

    Raises:
        UserError: There is no such file, it is broken, or an array is missing.
    """
    with (
        refuse_broken(path, "a whole .npz of plain arrays"),
        np.load(path, allow_pickle=False) as file,
    ):
        check_names(path, file.files)
        return {name: file[name] for name in NAMES}


def check_names(path: Path, found: Sequence[str]) -> None:
    if not set(NAMES) <= set(found):
        raise UserError(
            f"{path}: expected arrays {', '.join(NAMES)}, found {', '.join(found) or 'none'}"
        )
