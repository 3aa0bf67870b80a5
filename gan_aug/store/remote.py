"""A store's copy in a bucket or on any other file system that fsspec knows.

A folder is copied with its manifest last, so that a reader who finds one finds everything.
"""

import contextlib
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from upath import UPath

from gan_aug.errors import UserError

__all__ = ["RemoteError", "fetch_folder", "find_remote", "push_folder", "reach"]

logger = logging.getLogger(__name__)

PROBE = ".gan-aug"
# A bucket that does not answer is to cost a stage seconds, and not the minutes of the defaults.
PATIENCE: Mapping[str, Mapping[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 20,
            "retries": {"max_attempts": 1, "mode": "standard"},
        }
    }
}


class RemoteError(OSError):
    """A remote store does not answer as it should."""


@contextlib.contextmanager
def reach(remote: UPath) -> Iterator[None]:
    """Turn what a library says of a remote store that fails into one error.

    Raises:
        RemoteError: It does not answer, or not as it should.
        FileNotFoundError: It has no such file.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise RemoteError(f"{remote} does not answer ({said})") from error


def find_remote(location: str) -> UPath:
    """Return the folder that a URL names, once it can be written.

    Args:
        location: What fsspec takes: ``s3://bucket/folder``, ``/mnt/shared/store``.

    Raises:
        UserError: It can't be written, or fsspec lacks what it needs for it.
    """
    try:
        protocol, _, _ = location.partition("://")
        folder: UPath = UPath(location, **PATIENCE.get(protocol, {}))
        if hasattr(folder.fs, "retries"):  # s3fs tries again what botocore has tried again
            folder.fs.retries = 2
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
