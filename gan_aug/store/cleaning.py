"""What a store holds, and which of it may go: nothing that a run in progress needs.

An output counts as used whenever a run makes it or finds it in the store. What was used since the
oldest run began that uses the store now (:mod:`gan_aug.store.leases`) stays, whatever is asked.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock

from gan_aug.store.leases import LEASES
from gan_aug.store.store import remove

__all__ = ["Holding", "Rules", "divide_holdings", "list_holdings", "remove_holding"]

LOCK = ".lock"


@dataclass(frozen=True)
class Holding:
    """What a store holds of one output: the output, or what there is of it so far.

    Attributes:
        identity: ``stage/key``.
        size: In bytes.
        used: When a run last made or found it, in seconds since 1970.
        paths: Files and folders that it consists of.
    """

    identity: str
    size: int
    used: float
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Rules:
    """What may go; an output has to be allowed by every rule that is given.

    Attributes:
        unused_for: For at least so many seconds.
        kept: Identities that stay.
    """

    unused_for: float | None = None
    kept: Collection[str] | None = None

    def allow(self, holding: Holding) -> bool:
        """Whether an output may go. Without any rule, none may."""
        told = []
        if self.unused_for is not None:
            told.append(time.time() - holding.used >= self.unused_for)
        if self.kept is not None:
            told.append(holding.identity not in self.kept)
        return bool(told) and all(told)


def list_holdings(root: Path) -> list[Holding]:
    """Return what a store holds, what was not used for longest first."""
    groups: dict[str, list[Path]] = {}
    for path in root.glob("*/*"):
        if path.parent.name != LEASES and path.suffix != LOCK:
            key = path.name.lstrip(".").partition(".")[0]
            groups.setdefault(f"{path.parent.name}/{key}", []).append(path)
    holdings = [describe_holding(identity, paths) for identity, paths in groups.items()]
    return sorted(holdings, key=lambda holding: holding.used)


def describe_holding(identity: str, paths: Sequence[Path]) -> Holding:
    """Measure what there is of one output."""
    files = [file for path in paths for file in list_files(path)]
    stats = [file.stat() for file in files]
    sizes = [stat.st_size for file, stat in zip(files, stats, strict=True) if file.is_file()]
    return Holding(identity, sum(sizes), max(stat.st_mtime for stat in stats), tuple(paths))


def list_files(path: Path) -> Iterator[Path]:
    """Yield a file or a folder, and all that is in it."""
    yield path
    if path.is_dir():
        yield from path.rglob("*")


def divide_holdings(
    holdings: Sequence[Holding], rules: Rules, *, leases: Collection[float], needed: Collection[str]
) -> tuple[list[Holding], list[Holding]]:
    """Divide what the rules allow to go into what goes and what a run in progress may need.

    Args:
        holdings: What the store holds.
        rules: What may go.
        leases: When the runs began that use the store now, in seconds since 1970.
        needed: Identities that the runs in progress used the last time.
    """
    allowed = [holding for holding in holdings if rules.allow(holding)]
    since = min(leases, default=float("inf"))
    going: list[Holding] = []
    staying: list[Holding] = []
    for holding in allowed:
        in_use = leases and (holding.used >= since or holding.identity in needed)
        (staying if in_use else going).append(holding)
    return going, staying


def remove_holding(root: Path, holding: Holding) -> bool:
    """Remove an output, unless somebody makes or uses it at this moment; tell whether it went."""
    stage, key = holding.identity.split("/")
    lock = filelock.FileLock(root / stage / f"{key}{LOCK}", timeout=0)
    try:
        with lock:
            if describe_holding(holding.identity, holding.paths).used > holding.used:
                return False
            for path in holding.paths:
                remove(path)
    except (filelock.Timeout, FileNotFoundError):
        return False
    return True
