"""An ``.npz`` of arrays, in the layout of Keras, of MedMNIST, or with ``X`` and ``y``."""

import functools
import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np

from gan_aug.data.parts import find_part
from gan_aug.data.readers.arrays import ArrayHeader, open_arrays
from gan_aug.data.source import Array, Part, Source
from gan_aug.errors import UserError
from gan_aug.memory import refuse_size
from gan_aug.store.formats import refuse_broken

__all__ = ["open_npz"]

Role = Literal["images", "labels"]
ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("x", "images", "image", "data"), "images"),
    **dict.fromkeys(("y", "labels", "label", "targets", "target"), "labels"),
}
UNLABELED_ALONE = "an array images or X"
LABELED = "x_train and y_train, train_images and train_labels, or X and y"
WHOLE_FILE = "a whole .npz of plain arrays"
MEMBER_SUFFIX = ".npy"
MOST_MEMBERS = 1000
LONGEST_HEADER = 10_000
LARGEST_ITEM = 4096  # bytes: a name of a thousand letters


@dataclass(frozen=True)
class Member:
    """An array in the file.

    Attributes:
        name: Of the array.
        shape: Of the array.
        dtype: Of its items.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


def open_npz(path: Path, *, labeled: bool = True) -> Source:
    """Open an ``.npz``; nothing in it is executed.

    Args:
        path: Of the file.
        labeled: Whether the training images must have labels.

    Raises:
        UserError: There is no such file, it is broken or too large, or an array is missing or has
            a wrong form.
    """
    with refuse_broken(path, WHOLE_FILE):
        members = list_members(path)
    roles = find_roles(members)
    if not roles["images"] or (labeled and "train" not in roles["images"]):
        found = ", ".join(member.name for member in members) or "none"
        expected = f"arrays {LABELED}" if labeled else UNLABELED_ALONE
        raise UserError(f"expected {expected}, found {found}; rename them")
    check_labeled(roles, required=labeled)
    images = {part: describe_member(path, member) for part, member in roles["images"].items()}
    labels: dict[Part, ArrayHeader] = {
        part: describe_member(path, member)
        for part, member in roles["labels"].items()
        if part in images and part != "unlabeled"
    }
    used = {header.where for header in images.values()} | {known.where for known in labels.values()}
    unused = [member.name for member in members if member.name not in used]
    notes = [f"array {name} is not used" for name in unused]
    return open_arrays(path.resolve().name, images, labels, notes=tuple(notes))


def list_members(path: Path) -> list[Member]:
    """Read the headers of all arrays.

    Raises:
        ValueError: One of them is a pickle, or no array.
    """
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(MEMBER_SUFFIX)]
        if len(names) > MOST_MEMBERS:
            raise ValueError(f"{len(names):,} arrays, and {MOST_MEMBERS:,} are the most")
        return [read_header(archive, name) for name in names]


def read_header(archive: zipfile.ZipFile, name: str) -> Member:
    """Read the header of one array."""
    with archive.open(name) as file:
        # NumPy reads a header of any length before it finds it too long.
        start = io.BytesIO(file.read(LONGEST_HEADER))
    version = np.lib.format.read_magic(start)
    reads = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = reads(start)
    if dtype.hasobject:
        raise ValueError(f"{name.removesuffix(MEMBER_SUFFIX)} holds Python objects")
    if dtype.itemsize > LARGEST_ITEM or any(size < 0 for size in shape):
        raise ValueError(f"{name.removesuffix(MEMBER_SUFFIX)} has {shape} items of {dtype}")
    return Member(name.removesuffix(MEMBER_SUFFIX), shape, dtype)


def find_roles(members: Iterable[Member]) -> dict[Role, dict[Part, Member]]:
    """Tell by their names what arrays are.

    Raises:
        UserError: Two of them say that they are the same.
    """
    roles: dict[Role, dict[Part, Member]] = defaultdict(dict)
    for member in members:
        found = parse_name(member.name)
        if found is None:
            continue
        role, part = found
        if part in roles[role]:
            raise UserError(
                f"expected one array of {part} {role}, found {roles[role][part].name} and "
                f"{member.name}; take one away"
            )
        roles[role][part] = member
    return roles


def parse_name(name: str) -> tuple[Role, Part] | None:
    """Return role and part of ``x_train``, ``val_labels`` or ``X``; None for other names."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    roles = [ROLES[word] for word in words if word in ROLES]
    parts = [part for part in map(find_part, words) if part]
    if len(roles) != 1 or len(parts) > 1 or len(roles) + len(parts) < len(words):
        return None
    return roles[0], parts[0] if parts else "train"


def check_labeled(roles: Mapping[Role, Mapping[Part, Member]], *, required: bool) -> None:
    """Refuse images without the labels that they need, and labels without images."""
    images, labels = roles["images"], roles["labels"]
    for part, member in images.items():
        if required and part != "unlabeled" and part not in labels:
            raise UserError(
                f"{member.name}: expected an array of its labels, such as "
                f"{guess_labels(member.name)}, found none; add it, or call the images x_unlabeled"
            )
    for part, member in labels.items():
        if part not in images and part != "unlabeled":
            raise UserError(
                f"{member.name}: expected an array of the images that it labels, found none; add it"
            )


def guess_labels(name: str) -> str:
    """Return how the labels of ``x_val`` or ``val_images`` would be called."""
    lower = name.lower()
    return re.sub("images?", "labels", lower) if "image" in lower else lower.replace("x", "y", 1)


def describe_member(path: Path, member: Member) -> ArrayHeader:
    """Return an array that is read when it is needed.

    Raises:
        UserError: It would not fit in memory.
    """
    refuse_size(member.name, prod(member.shape) * member.dtype.itemsize)
    return ArrayHeader(member.name, member.shape, functools.partial(load_member, path, member.name))


def load_member(path: Path, name: str) -> Array:
    """Read one array."""
    with refuse_broken(path, WHOLE_FILE), np.load(path, allow_pickle=False) as file:
        array = file[f"{name}{MEMBER_SUFFIX}"]
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{name} is no array")
        return array
