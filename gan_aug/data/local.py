"""Where this machine has the data sets that have a name."""

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["LocalSets", "find_local_sets"]

LocalSets = Mapping[str, Path]
"""Name of a data set → where it is; one that is missing is Keras's to find or download."""

VARIABLES = {"mnist": "GAN_AUG_MNIST", "fashion-mnist": "GAN_AUG_FASHION_MNIST"}
# Debian's package dataset-fashion-mnist.
PACKAGES = {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist")}


def find_local_sets() -> LocalSets:
    """Return where environment variables, or else Debian's packages, say that data sets are."""
    installed = {name: path for name, path in PACKAGES.items() if path.is_dir()}
    named = {
        name: Path(os.environ[variable]).expanduser()
        for name, variable in VARIABLES.items()
        if os.environ.get(variable)
    }
    return installed | named
