"""MNIST, from a local file or through Keras, verified byte for byte."""

import contextlib
import sys
from pathlib import Path

from gan_aug.data.readers.arrays import Arrays
from gan_aug.data.readers.npz import read_npz
from gan_aug.errors import DownloadError

__all__ = ["MNIST_DIGESTS", "read_mnist"]

MNIST_DIGESTS = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}


def read_mnist(file: Path | None) -> Arrays:
    """Read MNIST from a local file in the Keras layout, or have Keras find or download it.

    Raises:
        UserError: The file is not such a one.
        DownloadError: Keras can't get it.
    """
    return download_mnist() if file is None else read_npz(file)


def download_mnist() -> Arrays:
    """Get MNIST through Keras, which verifies its file and keeps it in its own cache."""
    import keras  # noqa: PLC0415 - seconds to import, and only needed where nothing is local

    try:
        with contextlib.redirect_stdout(sys.stderr):
            (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DownloadError(
            "mnist: expected Keras to find or download MNIST, found no way to it; set "
            "GAN_AUG_MNIST to a local mnist.npz, or use --dataset digits "
            f"({reason})"
        ) from error
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
