"""From the labels that data come with to names of classes, in an order that people expect."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from gan_aug.data.source import UNLABELED, Array, Names
from gan_aug.errors import UserError

__all__ = ["name_labels", "order_classes"]

LONGEST_NAME = 100
UNLABELED_NUMBER = -1


def name_labels(labels: Array, where: str) -> Names:
    """Return the name of each image's class.

    Whole numbers are named by their digits, rows of a one-hot matrix by the place of the one. -1,
    NaN, None and an empty string, or a one-hot row without a one, mean that nobody labeled the
    image.

    Args:
        labels: ``(n,)`` or ``(n, 1)`` whole numbers (floats too), strings, booleans or objects of
            these kinds; or ``(n, classes)`` one-hot.
        where: What to call the labels in an error: the array or the column.

    Returns:
        ``(n,)`` names.

    Raises:
        UserError: They have another form.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        return name_rows(labels, where)
    if labels.ndim != 1:
        raise UserError(
            f"{where}: expected one label an image, (n,), or one-hot rows, (n, classes), found "
            f"shape {labels.shape}; reshape them"
        )
    if labels.dtype.kind in "iu":
        return name_numbers(labels, where)
    if labels.dtype.kind == "f":
        return name_numbers(round_floats(labels, where), where)
    named = [name_object(label) for label in labels.tolist()]
    check_names(set(named), where)
    return np.array(named, str)


def name_rows(rows: Array, where: str) -> Names:
    """Name one-hot rows by the place of their one."""
    ones = rows == 1
    if rows.dtype.kind not in "iufb" or not (ones | (rows == 0)).all() or (ones.sum(1) > 1).any():
        raise UserError(
            f"{where}: expected one-hot rows, a single 1 and else 0, found others in an array of "
            f"shape {rows.shape} {rows.dtype}; an image has one class: pass its number"
        )
    return np.where(ones.any(axis=1), ones.argmax(axis=1).astype(str), UNLABELED)


def name_numbers(numbers: Array, where: str) -> Names:
    """Name whole numbers by their digits, and -1 as unlabeled."""
    if len(numbers) and numbers.min() < UNLABELED_NUMBER:
        raise UserError(
            f"{where}: expected numbers from 0, or -1 for an image without a label, found "
            f"{numbers.min()}; number the classes from 0"
        )
    return np.where(numbers == UNLABELED_NUMBER, UNLABELED, numbers.astype(str))


def round_floats(labels: Array, where: str) -> Array:
    """Return whole floats as integers, and NaN as -1."""
    known = np.where(np.isnan(labels), UNLABELED_NUMBER, labels)
    if not np.isfinite(known).all() or (known != np.rint(known)).any():
        odd = known[~np.isfinite(known) | (known != np.rint(known))][0]
        raise UserError(
            f"{where}: expected whole numbers or names, found {odd:g}; round them, or name the "
            "classes"
        )
    return known.astype(np.int64)


def name_object(label: Any) -> str:
    """Name one label of any kind."""
    if isinstance(label, bytes):
        label = label.decode("utf-8", "replace")
    if isinstance(label, bool | str):
        return str(label).strip()
    missing = label is None or label != label or label == UNLABELED_NUMBER  # noqa: PLR0124 - NaN
    if missing:
        return UNLABELED
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def check_names(names: Iterable[str], where: str) -> None:
    """Refuse names that no table could show; an array has room for the longest in every place."""
    for name in sorted(names):
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise UserError(
                f"{where}: expected names of at most {LONGEST_NAME} printable characters, found "
                f"{name[:LONGEST_NAME]!r}; name the classes shorter"
            )


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Return different names in natural order: ``class 2`` before ``class 10``."""
    from natsort import natsorted  # noqa: PLC0415 - only needed where data are read

    return tuple(natsorted(set(names) - {UNLABELED}))
