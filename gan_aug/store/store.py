"""The store: what each stage made of its inputs, so that none runs twice.

``<artifacts>/store/<stage>/<key>/`` holds the output of one stage for one set of inputs. A folder
is written under a temporary name and renamed when it is whole. Where hosts share a remote store,
every output is copied there, and found there by the others.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
from numpy.typing import NDArray
from pydantic import BaseModel
from upath import UPath

from gan_aug.errors import UserError
from gan_aug.stage import External, Input, Inputs, Stage
from gan_aug.store.files import BROKEN, flush, read_arrays, write_arrays
from gan_aug.store.leases import take_lease
from gan_aug.store.manifest import MANIFEST, Manifest, find_manifest
from gan_aug.store.remote import RemoteError, fetch_folder, find_remote, push_folder, reach
from gan_aug.store.source import digest_source

__all__ = ["ArrayCheckpoint", "Entry", "Store"]

logger = logging.getLogger(__name__)

KEY_LENGTH = 16
# Counts up when what a stage writes can no longer be read, or means something else.
FORMAT = 2


@dataclass(frozen=True)
class ArrayCheckpoint:
    """The newest state of a training, in one file.

    Attributes:
        path: An ``.npz``; missing until the first save.
    """

    path: Path

    def load(self) -> dict[str, NDArray[Any]] | None:
        """Return the arrays saved last, or None."""
        if not self.path.exists():
            return None
        try:
            return read_arrays(self.path)
        except BROKEN as error:
            logger.warning("%s is damaged (%s): starting from the beginning", self.path, error)
            remove(self.path)
            return None

    def save(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replace the saved arrays; a kill in the middle leaves the old ones."""
        write_arrays(self.path, arrays)


@dataclass(frozen=True)
class Entry:
    """The place of one stage's output for one set of inputs.

    Attributes:
        path: Folder of the finished output on this host.
        remote: Folder of its copy that other hosts reach, if there is to be one.
    """

    path: Path
    remote: UPath | None = None

    @property
    def identity(self) -> str:
        """``stage/key``: what later stages put into their own keys."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def folder(self) -> Path:
        """Where to read the finished output, which is fetched if another host made it.

        Raises:
            UserError: It isn't where this host looks.
        """
        if not self.path.exists():
            with self.lock():
                found = self.path.exists() or self.fetch()
            if not found:
                raise UserError(
                    f"store: expected {self.identity} at {self.remote or self.path}, found none; "
                    "give all hosts one store with --store"
                )
        return self.path

    @property
    def partial(self) -> Path:
        """Folder of the output while it is being made."""
        return self.path.with_name(f"{self.path.name}.partial")

    @property
    def fetched(self) -> Path:
        """Folder of the output while it is being fetched."""
        return self.path.with_name(f"{self.path.name}.fetched")

    @property
    def checkpoint(self) -> ArrayCheckpoint:
        """Where the stage may keep its state while it runs."""
        return ArrayCheckpoint(self.path.with_name(f"{self.path.name}.checkpoint.npz"))

    @property
    def seconds(self) -> float:
        """How long the output took to make."""
        manifest = find_manifest(self.folder)
        return manifest.seconds if manifest else 0.0

    @property
    def made(self) -> datetime:
        """When the output was made, on whichever host."""
        manifest = find_manifest(self.folder)
        if manifest and manifest.made:
            return manifest.made.astimezone(UTC)
        return datetime.fromtimestamp((self.folder / MANIFEST).stat().st_mtime, UTC)

    def lock(self) -> filelock.FileLock:
        """Keep other processes from making the same output meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(self.path.with_name(f"{self.path.name}.lock"))

    def is_complete(self) -> bool:
        """Whether the output is here with every byte it was written with; if not, fetch it.

        To be called under the lock. What a process left that was killed here goes: a checkpoint
        beside a whole output, and files that it had not written to their end.
        """
        remove(self.fetched)
        for half_written in self.path.parent.glob(f".{self.path.name}.*.partial"):
            half_written.unlink()
        complete = is_whole(self.path) or self.fetch()
        if complete:
            remove(self.checkpoint.path)
            # `gan-aug clean` goes by when an output was used last.
            os.utime(self.path)
        return complete

    def fetch(self) -> bool:
        """Copy the output from its remote folder; tell whether it is whole there."""
        if self.remote is None:
            return False
        try:
            with reach(self.remote):
                manifest = find_manifest(self.remote)
                if manifest is None:
                    return False
                fetch_folder(self.remote, self.fetched, [*manifest.files, MANIFEST])
        except FileNotFoundError:
            return False
        except RemoteError as error:
            logger.warning("%s: going on without it", error)
            return False
        if not is_whole(self.fetched):
            logger.warning("%s is damaged: making it again", self.remote)
            return False
        remove(self.path)
        self.fetched.rename(self.path)
        logger.debug("fetched %s", self.remote)
        return True

    def push(self, *, replace: bool) -> None:
        """Copy the output to its remote folder, if there is to be one.

        Args:
            replace: Even where one is there already.
        """
        manifest = find_manifest(self.path)
        if self.remote is None or manifest is None:
            return
        try:
            with reach(self.remote):
                if replace or not (self.remote / MANIFEST).exists():
                    push_folder(self.path, self.remote, list(manifest.files), last=MANIFEST)
        except (RemoteError, FileNotFoundError) as error:
            logger.warning("%s: the output stays here, and is copied by the next run", error)

    @contextlib.contextmanager
    def build(self) -> Iterator[Path]:
        """Yield a folder to write the output into; it becomes the entry when all went well.

        After a failure it is kept only where there is a checkpoint to go on from. A checkpoint
        counts only with its folder, which holds what the training wrote before.
        """
        if not self.checkpoint.path.exists():
            remove(self.partial)
        elif not self.partial.is_dir():
            remove(self.checkpoint.path)
            remove(self.partial)
        self.partial.mkdir(parents=True, exist_ok=True)
        (self.partial / MANIFEST).unlink(missing_ok=True)
        for half_written in self.partial.rglob(".*.partial"):
            half_written.unlink()
        started = time.perf_counter()
        try:
            yield self.partial
            self.seal(seconds=time.perf_counter() - started)
        finally:
            if not self.checkpoint.path.exists():
                remove(self.partial)

    def seal(self, *, seconds: float) -> None:
        """Write the manifest and move the folder to its place."""
        manifest = Manifest.describe(self.partial, seconds=seconds)
        for name in manifest.files:
            flush(self.partial / name)
        manifest.write(self.partial)
        remove(self.path)
        self.partial.rename(self.path)
        flush(self.path.parent)
        remove(self.checkpoint.path)


def is_whole(folder: Path) -> bool:
    """Whether a folder has every byte that its manifest speaks of."""
    manifest = find_manifest(folder)
    return manifest is not None and manifest.matches(folder)


def remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Store:
    """Outputs of stages, found by what they were made from.

    Attributes:
        root: Folder of the store.
        remote: Folder that other hosts reach, where every output is copied to.
    """

    root: Path
    remote: UPath | None = None

    @classmethod
    def open(cls, artifacts: Path, location: str | None) -> "Store":
        """Open the store of an artifacts folder; it counts as used as long as this object lives.

        Args:
            artifacts: Its ``store`` is the store, or the cache of a remote one.
            location: Another folder to be the store, or the URL of a remote one.

        Raises:
            UserError: The remote store can't be written.
            OSError: The folder can't be written.
        """
        remote = find_remote(location) if location and "://" in location else None
        root = Path(location) if location and not remote else artifacts / "store"
        store = cls(root, remote)
        weakref.finalize(store, take_lease(root))
        copied = f", copied to {store.remote}" if store.remote else ""
        logger.debug("store: %s%s", store.root.absolute(), copied)
        return store

    def locate(self, stage: Stage[Any]) -> Entry:
        """Return the place of a stage's output, for what it is made from and by which code."""
        described = [
            stage.name,
            FORMAT,
            digest_source(stage.run.__module__),
            {name: describe_setting(value) for name, value in stage.settings.items()},
            {name: self.describe_input(inputs) for name, inputs in stage.inputs.items()},
            stage.compute and stage.compute.numerics,
        ]
        text = json.dumps(described, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
        return Entry(self.root / stage.name / key, self.remote and self.remote / stage.name / key)

    def describe_input(self, inputs: Inputs) -> Any:
        """Return what identifies a value that comes from elsewhere."""
        if isinstance(inputs, Stage):
            return self.locate(inputs).identity
        if isinstance(inputs, Input):
            return [self.locate(inputs.stage).identity, inputs.attribute]
        if isinstance(inputs, External):
            return inputs.identity
        return [self.describe_input(part) for part in inputs]


def describe_setting(value: Any) -> Any:
    """Return a setting as JSON: a function by its name and the source of its module."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {name: describe_setting(part) for name, part in value.items()}
    if callable(value):
        return [value.__module__, value.__qualname__, digest_source(value.__module__)]
    return value
