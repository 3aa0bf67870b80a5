"""Data sets that have a name: MNIST and Fashion-MNIST, from local files or through Keras."""

import contextlib
import dataclasses
import errno
import functools
import socket
import sys
from pathlib import Path

import numpy as np

from gan_aug.data.labels import order_classes
from gan_aug.data.mnist import find_differences
from gan_aug.data.readers.arrays import ArrayHeader, open_arrays
from gan_aug.data.readers.idx import open_idx
from gan_aug.data.readers.npz import open_npz
from gan_aug.data.source import Array, Part, Reading, Source
from gan_aug.errors import DownloadError, UserError
from gan_aug.settings.data import ReadingConfig

__all__ = ["open_fashion_mnist", "open_mnist"]

NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
FASHION_CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def open_mnist(local: Path | None) -> Source:
    """Open MNIST: a local file in the Keras layout, or what Keras finds or downloads.

    Raises:
        UserError: The file is not such a one.
        DownloadError: Keras can't get it.
    """
    source = download("mnist", "GAN_AUG_MNIST") if local is None else open_npz(local)
    return dataclasses.replace(source, name="mnist", read=functools.partial(read_mnist, source))


def read_mnist(source: Source, config: ReadingConfig) -> Reading:
    """Read MNIST, and insist that it is MNIST.

    Raises:
        UserError: It is something else.
    """
    reading = source.read(ReadingConfig())
    wrong = find_differences(reading, source.labels)
    if wrong:
        raise UserError(
            f"expected the arrays of MNIST, found other content in {', '.join(wrong)}; to use data "
            "of your own, pass its path as --dataset"
        )
    as_it_is = config.side is None and config.color == "auto"
    return reading if as_it_is else source.read(config)


def open_fashion_mnist(local: Path | None) -> Source:
    """Open Fashion-MNIST: local IDX files or an ``.npz``, or what Keras finds or downloads.

    Raises:
        UserError: The local files are not Fashion-MNIST's.
        DownloadError: Keras can't get it.
    """
    name = "fashion-mnist"
    if local is None:
        source = download("fashion_mnist", "GAN_AUG_FASHION_MNIST")
    else:
        source = open_idx(local) if local.is_dir() else open_npz(local)
    numbers = [str(number) for number in range(len(FASHION_CLASSES))]
    found = order_classes(np.concatenate(list(source.labels.values())))
    if list(found) != numbers:
        raise UserError(
            f"{name}: expected labels 0 to 9, found {', '.join(found)}; to use data of your own, "
            "pass its path as --dataset"
        )
    return rename_classes(dataclasses.replace(source, name=name), FASHION_CLASSES)


def rename_classes(source: Source, classes: tuple[str, ...]) -> Source:
    """Give classes that are numbered from 0 their names."""
    names = np.array(classes)
    labels = {part: names[numbers.astype(int)] for part, numbers in source.labels.items()}
    return dataclasses.replace(source, labels=labels, classes=classes)


def download(name: str, variable: str) -> Source:
    """Get a data set through Keras, which verifies its files and keeps them in its own cache."""
    import keras  # noqa: PLC0415 - seconds to import, and only needed where nothing is local

    title = name.replace("_", "-")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DownloadError(
            f"{title}: expected Keras to find or download it, found no way to it; set {variable} "
            f"to a local copy, or use --dataset digits ({reason})",
            temporary=not has_no_network(error),
        ) from error
    parts: dict[Part, tuple[Array, Array]] = {"train": train, "test": test}
    return open_arrays(
        title,
        {part: ArrayHeader.of(f"x_{part}", images) for part, (images, _) in parts.items()},
        {part: ArrayHeader.of(f"y_{part}", labels) for part, (_, labels) in parts.items()},
    )


def has_no_network(error: BaseException | None) -> bool:
    """Whether a download failed for lack of a name or of a way to it, which no patience mends."""
    while error is not None:
        reason = getattr(error, "reason", error)
        if isinstance(reason, socket.gaierror) or getattr(reason, "errno", None) in NO_WAY:
            return True
        error = error.__cause__ or error.__context__
    return False
