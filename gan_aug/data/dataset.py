"""Load handwritten digits from wherever they are, verify them, split them.

Every source is read into the same four arrays as MNIST in Keras: ``x_train``, ``y_train``,
``x_test``, ``y_test``. The last sixth of ``x_train`` becomes the validation set: for MNIST that is
the chapter's split of 50,000/10,000/10,000.
"""

import contextlib
import gzip
import logging
import math
import pickle
import struct
import sys
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from gan_aug.errors import DownloadError, UserError
from gan_aug.images import CLASSES, SIDE, LabeledImages, digest_array
from gan_aug.settings.run import Labels

__all__ = ["Dataset", "Provenance", "draw_labeled", "load_dataset"]

logger = logging.getLogger(__name__)

NAMES = ("x_train", "y_train", "x_test", "y_test")
MNIST_DIGESTS = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
IDX_UNSIGNED_BYTE = 0x08
VALIDATION_SHARE = 6
SMALLEST_TRAIN = 2 * VALIDATION_SHARE
DIGITS_TEST_IMAGES = 297

Array = NDArray[Any]
Arrays = Mapping[str, Array]


class Provenance(BaseModel):
    """Where a data set comes from.

    Attributes:
        name: ``mnist``, ``digits``, or the name of a file or folder.
        sha256: Digest of each of the source's four arrays.
        verified_mnist: Whether these are the arrays of MNIST, byte for byte.
        images: Number of images in each part after the split.
        notice: What the user must know about the choice of data, or None.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: dict[str, str]
    verified_mnist: bool
    images: dict[str, int]
    notice: str | None = None


@dataclass(frozen=True)
class Dataset:
    """Real images, split; every image of the source is in one part.

    Attributes:
        train: Labels are known for all, but a run may look at few of them.
        validation: For the comparison of the arms.
        test: Scored once, in the comparison.
        provenance: Where they come from.
    """

    train: LabeledImages
    validation: LabeledImages
    test: LabeledImages
    provenance: Provenance


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
    arrays = download_mnist() if mnist_file is None else read_npz(mnist_file)
    dataset = split_arrays("mnist", arrays)
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


def split_arrays(name: str, arrays: Arrays, notice: str | None = None) -> Dataset:
    """Check the four arrays and cut the validation set off the end of the training set.

    Raises:
        UserError: A shape, dtype or label range is wrong, or there are too few images.
    """
    train = check_part(name, arrays["x_train"], arrays["y_train"])
    test = check_part(name, arrays["x_test"], arrays["y_test"])
    if len(train) < SMALLEST_TRAIN:
        raise UserError(
            f"{name}: expected at least {SMALLEST_TRAIN} training images, found {len(train)}"
        )
    digests = {part: digest_array(arrays[part]) for part in NAMES}
    cut = len(train) - len(train) // VALIDATION_SHARE
    provenance = Provenance(
        name=name,
        sha256=digests,
        verified_mnist=digests == MNIST_DIGESTS,
        images={"train": cut, "validation": len(train) - cut, "test": len(test)},
        notice=notice,
    )
    return Dataset(
        train=train.take(np.arange(cut)),
        validation=train.take(np.arange(cut, len(train))),
        test=test,
        provenance=provenance,
    )


def check_part(name: str, images: Array, labels: Array) -> LabeledImages:
    try:
        checked = LabeledImages(images, labels)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    return LabeledImages(checked.images, checked.labels.astype(np.uint8))


def draw_labeled(train: LabeledImages, labels: Labels, *, seed: int) -> NDArray[np.intp]:
    """Draw the images whose labels may be seen: as many of every class, give or take one.

    With the same seed, a larger subset contains the smaller ones.

    Args:
        train: The training images with all their labels.
        labels: How many labels may be seen, or ``all``.
        seed: Determines the draw.

    Returns:
        ``(labels,)`` their places in ``train``, ascending; the rest is the unlabeled pool.

    Raises:
        UserError: A digit is missing, or there are fewer labels than classes, or more labels than
            there are images of a class.
    """
    counts = np.bincount(train.labels, minlength=CLASSES)
    if counts.min() == 0:
        raise UserError(
            f"labels: expected every digit among the {len(train)} training images, found no "
            f"{counts.argmin()}; the last sixth was cut off for validation: shuffle the data"
        )
    if labels == "all":
        return np.arange(len(train))
    if not CLASSES <= labels <= len(train):
        raise UserError(
            f"labels: expected {CLASSES} (one per class) to {len(train)} (the training images), "
            f"found {labels}"
        )
    rng = np.random.default_rng(seed)
    quotas = np.full(CLASSES, labels // CLASSES)
    quotas[rng.permutation(CLASSES)[: labels % CLASSES]] += 1
    chosen = []
    for digit, quota in enumerate(quotas):
        candidates = rng.permutation(np.flatnonzero(train.labels == digit))
        if len(candidates) < quota:
            raise UserError(
                f"labels: expected {quota} images of digit {digit} for a balanced subset of "
                f"{labels}, found {len(candidates)}; ask for fewer labels, or for `all`"
            )
        chosen.append(candidates[:quota])
    return np.sort(np.concatenate(chosen))


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


def read_digits() -> Arrays:
    """Enlarge scikit-learn's 1,797 8×8 digits to 20×20 inside a 28×28 frame, as MNIST's are."""
    from scipy import ndimage  # noqa: PLC0415 - only this source needs it
    from sklearn.datasets import load_digits  # noqa: PLC0415 - only this source needs it

    small, labels = load_digits(return_X_y=True)
    small = small.reshape(-1, 8, 8) * (255 / 16)
    enlarged = ndimage.zoom(small, (1, 20 / 8, 20 / 8), order=1, grid_mode=True, mode="nearest")
    margin = (SIDE - 20) // 2
    framed = np.pad(enlarged, ((0, 0), (margin, margin), (margin, margin)))
    images = np.rint(framed).clip(0, 255).astype(np.uint8)
    cut = len(images) - DIGITS_TEST_IMAGES
    return {
        "x_train": images[:cut],
        "y_train": labels[:cut],
        "x_test": images[cut:],
        "y_test": labels[cut:],
    }


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


def read_npz(path: Path) -> Arrays:
    """Read ``x_train``, ``y_train``, ``x_test``, ``y_test`` from an ``.npz``, without pickles."""
    if not path.is_file():
        raise UserError(f"{path}: expected an MNIST .npz there, found no such file")
    try:
        with np.load(path, allow_pickle=False) as file:
            check_names(path, file.files)
            return {name: file[name] for name in NAMES}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        MemoryError,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        raise UserError(
            f"{path}: expected a whole .npz of plain arrays, found a file that is truncated or "
            f"something else ({error})"
        ) from error


def check_names(path: Path, found: Sequence[str]) -> None:
    if not set(NAMES) <= set(found):
        raise UserError(
            f"{path}: expected arrays {', '.join(NAMES)}, found {', '.join(found) or 'none'}"
        )


def read_idx_folder(folder: Path) -> Arrays:
    """Read the four IDX files of MNIST's own distribution, plain or gzipped."""
    return {name: read_idx(find_idx(folder, stem)) for name, stem in IDX_FILES.items()}


def find_idx(folder: Path, stem: str) -> Path:
    dotted = stem.replace("-idx", ".idx")
    for candidate in (stem, f"{stem}.gz", dotted, f"{dotted}.gz"):
        if (folder / candidate).is_file():
            return folder / candidate
    raise UserError(f"{folder}: expected the IDX file {stem} or {stem}.gz in it, found neither")


def read_idx(path: Path) -> Array:
    """Read an IDX file of unsigned bytes: two zeros, type, rank, big-endian sizes, the bytes."""
    try:
        content = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: expected a readable IDX file, found {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != IDX_UNSIGNED_BYTE:
        raise UserError(
            f"{path}: expected the IDX header 00 00 08, found {content[:4].hex(' ') or 'nothing'}"
        )
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise UserError(f"{path}: expected a header of {header} bytes, found {len(content)}")
    shape = struct.unpack(f">{content[3]}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise UserError(
            f"{path}: expected {math.prod(shape)} bytes after the header, found "
            f"{len(content) - header}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def read_chapter_pickle(path: Path) -> Arrays:
    """Read the chapter's ``mnist.pkl.gz``: (train, validation, test), each (images, labels).

    Images are ``(n, 784)`` floats, 1/256 per grey level; nothing in the file is executed.

    Raises:
        UserError: The pickle wants anything but arrays, or holds other ones.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            parts = ArrayUnpickler(file, encoding="latin1").load()
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:
        raise UserError(
            f"{path}: expected a pickle of arrays, found a file that is truncated or something "
            f"else ({type(error).__name__}: {error})"
        ) from error
    try:
        (x_train, y_train), (x_validation, y_validation), (x_test, y_test) = parts
        return {
            "x_train": np.concatenate([grey_levels(x_train), grey_levels(x_validation)]),
            "y_train": np.concatenate([y_train, y_validation]),
            "x_test": grey_levels(x_test),
            "y_test": y_test,
        }
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: expected (train, validation, test), each a pair of {SIDE * SIDE}-pixel "
            f"images in [0, 1) and labels; found something else ({error})"
        ) from error


def grey_levels(pixels: Array) -> Array:
    """Turn ``(n, 784)`` multiples of 1/256 (or 1/255) into ``(n, 28, 28)`` uint8."""
    for scale in (256, 255):
        levels = np.rint(pixels * scale)
        if (
            np.allclose(pixels * scale, levels, atol=1e-2)
            and 0 <= levels.min() <= levels.max() < 256
        ):
            images: Array = levels.astype(np.uint8).reshape(-1, SIDE, SIDE)
            return images
    raise ValueError("pixels are not multiples of 1/256 or 1/255")


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that can build NumPy arrays and nothing else."""

    ALLOWED = frozenset(
        {
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy.core.numeric", "_frombuffer"),
            ("numpy._core.numeric", "_frombuffer"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        """Refuse every name that building an array does not need."""
        if (module, name) not in self.ALLOWED:
            raise UserError(
                f"expected a pickle of arrays only, found one that wants to run {module}.{name}; "
                "refused, nothing was run"
            )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
