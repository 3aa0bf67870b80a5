"""Which runs use a store now: each holds a lock, which ends with its process at the latest."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import filelock

__all__ = ["LEASES", "read_leases", "take_lease"]

LEASES = "leases"
NANOSECONDS = 1_000_000_000


def take_lease(root: Path) -> Callable[[], None]:
    """Tell others that a store is used from now on.

    Returns:
        What ends that.

    Raises:
        OSError: The store can't be written.
    """
    folder = root.absolute() / LEASES
    folder.mkdir(parents=True, exist_ok=True)
    # Opening a lock changes the times of its file, so the name has the time.
    path = folder / f"{time.time_ns()}-{os.getpid()}.lock"
    lock = filelock.FileLock(path, thread_local=False)
    lock.acquire()

    def end() -> None:
        lock.release()
        path.unlink(missing_ok=True)

    return end


def read_leases(root: Path) -> list[float]:
    """Return when the runs began that use a store now, in seconds since 1970.

    What ended processes left is removed.
    """
    began = []
    for path in (root / LEASES).glob("*.lock"):
        try:
            with filelock.FileLock(path, timeout=0):
                path.unlink(missing_ok=True)
        except filelock.Timeout:
            began.append(int(path.name.partition("-")[0]) / NANOSECONDS)
    return began
