"""Load a data set from wherever it is, verify it, split it."""

import logging
from pathlib import Path

from gan_aug.data.dataset import Dataset, split_arrays
from gan_aug.data.readers.arrays import NAMES, Arrays
from gan_aug.data.readers.chapter_pickle import read_chapter_pickle
from gan_aug.data.readers.digits import read_digits
from gan_aug.data.readers.idx import read_idx_folder
from gan_aug.data.readers.mnist import MNIST_DIGESTS, read_mnist
from gan_aug.data.readers.npz import read_npz
from gan_aug.errors import UserError

__all__ = ["load_dataset"]

logger = logging.getLogger(__name__)


def load_dataset(source: str, mnist_file: Path | None = None) -> Dataset:
    """Load, verify and split a data set.

    Args:
        source: ``mnist``; ``digits``; ``auto``, which is MNIST or else digits with a notice; or
            the path of a Keras ``.npz``, of a folder with the four IDX files (plain or ``.gz``),
            or of the chapter's ``mnist.pkl.gz``.
        mnist_file: A local MNIST in the Keras layout, used instead of Keras's download.

    Raises:
        UserError: The source can't be had or isn't what it should be.
    """
    if source == "mnist":
        return load_mnist(mnist_file)
    if source == "digits":
        return split_arrays("digits", read_digits())
    if source == "auto":
        return load_mnist_or_digits(mnist_file)
    path = Path(source)
    return split_arrays(path.resolve().name, read_path(path))


def load_mnist(mnist_file: Path | None) -> Dataset:
    """Load MNIST from a local file or Keras's download, and insist that it is MNIST."""
    dataset = split_arrays("mnist", read_mnist(mnist_file))
    if not dataset.provenance.verified_mnist:
        digests = dataset.provenance.sha256
        wrong = [name for name in NAMES if digests[name] != MNIST_DIGESTS[name]]
        raise UserError(
            f"{mnist_file or 'mnist'}: expected the arrays of MNIST, found other content in "
            f"{', '.join(wrong)}; to use data of your own, pass its path as --dataset"
        )
    return dataset


def load_mnist_or_digits(mnist_file: Path | None) -> Dataset:
    """Load MNIST; only where it was to be downloaded and couldn't be, load the digits instead."""
    if mnist_file is not None:
        return load_mnist(mnist_file)
    try:
        return load_mnist(None)
    except UserError as error:
        notice = (
            "MNIST could not be had, so this run used scikit-learn's 8x8 digits, enlarged: "
            f"its numbers say nothing about MNIST ({error})"
        )
        logger.warning(notice)
        return split_arrays("digits", read_digits(), notice=notice)


def read_path(path: Path) -> Arrays:
    """Read a folder, ``.npz`` or ``.pkl.gz`` by what it is called."""
    if not path.exists():
        raise UserError(
            f"{path}: expected `auto`, `mnist`, `digits` or a path that exists, found nothing there"
        )
    if path.is_dir():
        return read_idx_folder(path)
    if path.suffix == ".npz":
        return read_npz(path)
    if path.name.endswith((".pkl.gz", ".pkl")):
        return read_chapter_pickle(path)
    raise UserError(
        f"{path}: expected a Keras .npz, a folder of IDX files or the chapter's mnist.pkl.gz, "
        f"found a file ending in {path.suffix or 'nothing'}"
    )
