"""A store's copy in a bucket or on any other file system that fsspec knows.

A folder is copied with its manifest last, so that a reader who finds one finds everything.
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from upath import UPath

from gan_aug.errors import UserError

__all__ = ["fetch_folder", "find_remote", "push_folder"]

logger = logging.getLogger(__name__)

PROBE = ".gan-aug"


def find_remote(location: str) -> UPath:
    """Return the folder that a URL names, once it can be written.

    Args:
        location: What fsspec takes: ``s3://bucket/folder``, ``/mnt/shared/store``.

    Raises:
        UserError: It can't be written, or fsspec lacks what it needs for it.
    """
    try:
        folder = UPath(location)
        (folder / PROBE).write_text("")
    except Exception as error:
        raise UserError(
            f"store: expected a folder that can be written at {location}, found: "
            f"{error or type(error).__name__}; check its name and your credentials, and for s3:// "
            "install gan-aug[s3]"
        ) from error
    return folder


def push_folder(folder: Path, remote: UPath, files: Sequence[str], *, last: str) -> None:
    """Copy files of a folder, and ``last`` after all others."""
    remote.mkdir(parents=True, exist_ok=True)
    (remote / last).unlink(missing_ok=True)
    for name in (*files, last):
        target = remote / name
        target.parent.mkdir(parents=True, exist_ok=True)
        remote.fs.put_file(str(folder / name), target.path)


def fetch_folder(remote: UPath, folder: Path, files: Sequence[str]) -> None:
    """Copy files into a folder, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in files:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        remote.fs.get_file((remote / name).path, str(target))
