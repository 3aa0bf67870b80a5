"""Disturb runs at calls of the file system, again and again, and see what the next run makes of it.

A script: TensorFlow must not have computed anything in the process that forks. It writes a line of
JSON for every chain of disturbances.
"""

import errno
import json
import multiprocessing
import os
import signal
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tiny_run import compute_run, read_results

from gan_aug.errors import UserError
from gan_aug.store.store import KEY_LENGTH

FORK = multiprocessing.get_context("fork")
FARTHEST = 60
"""Calls of the file system that a process makes at most before it is disturbed."""
KILL = "kill"
# What Python tells its audit hooks before it changes the file system.
CHANGES = {
    "os.chmod",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "shutil.rmtree",
}
REMOVALS = {"os.remove", "os.rmdir", "shutil.rmtree"}


@dataclass
class Disturbance:
    """An audit hook that kills the process, or fails, at a call that changes a folder.

    Attributes:
        folder: Of which changes count.
        left: Calls until then; None for never.
        how: ``kill``, or the name of an error that all calls end in from then on.
        points: Where to note the call.
    """

    folder: str
    left: int | None
    how: str
    points: Path
    resting: bool = field(default=False, init=False)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Count a call, and disturb it if it is late enough."""
        if self.left is None or self.resting or not self.concerns(event, arguments):
            return
        self.left -= 1
        if self.left > 0:
            return
        if self.left == 0:
            self.note(event, str(arguments[0]))
        if self.how == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.how)
        raise OSError(number, os.strerror(number), str(arguments[0]))

    def note(self, event: str, path: str) -> None:
        """Write down which call it is."""
        self.resting = True
        with self.points.open("a", encoding="utf-8") as file:
            file.write(f"{event} {generalize(path, self.folder)}\n")
        self.resting = False

    def concerns(self, event: str, arguments: tuple[Any, ...]) -> bool:
        """Whether a call changes the folder."""
        if event == "open":
            path, mode, flags = arguments
            writes = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            changes = writes or any(letter in (mode or "") for letter in "wax+")
        else:
            path, changes = (arguments or ("",))[0], event in CHANGES
            # A full disk takes no more, and lets things be removed.
            changes = changes and not (self.how == "ENOSPC" and event in REMOVALS)
        return changes and isinstance(path, str | os.PathLike) and self.folder in str(path)


def generalize(path: str, folder: str) -> str:
    """Return a path without what differs from run to run."""
    parts = [part for part in path.partition(folder)[2].split("/") if part]
    hexadecimal = "0123456789abcdef"
    words = [part.lstrip(hexadecimal) if len(part) >= KEY_LENGTH else part for part in parts]
    return "/".join("".join(letter for letter in word if not letter.isdigit()) for word in words)


@dataclass(frozen=True)
class Place:
    """Where a chain is tried.

    Attributes:
        folder: Of everything.
    """

    folder: Path

    @property
    def artifacts(self) -> Path:
        """What the runs write."""
        return self.folder / "artifacts"

    def fork(self, how: str, at: int | None) -> str:
        """Make the run in a fork of this process; return how it ended: in an error's name or ''."""
        there, here = FORK.Pipe()

        def call() -> None:
            points = self.folder / "points"
            sys.addaudithook(Disturbance(str(self.artifacts), at, how, points))
            with (self.folder / "log").open("a") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            try:
                compute_run(self.artifacts, self.folder / "ledger")
                here.send("")
            except (OSError, UserError) as error:
                here.send(f"{type(error).__name__}: {error}")
            except BaseException as error:
                traceback.print_exc()
                here.send(f"bug: {type(error).__name__}: {error}")
            os._exit(0)

        process = FORK.Process(target=call)
        process.start()
        here.close()
        try:
            return str(there.recv())
        except EOFError:
            return "killed"
        finally:
            process.join()

    def tear(self, rng: np.random.Generator) -> None:
        """Leave temporary files as a kill in the middle of a write does."""
        for path in self.artifacts.rglob(".*.partial"):
            if path.is_file():
                os.truncate(path, int(rng.integers(0, path.stat().st_size + 1)))

    def find_made_again(self) -> list[str]:
        """Return stages that were made although they had been said to be done."""
        done: set[str] = set()
        again = []
        for line in (self.folder / "ledger").read_text(encoding="utf-8").splitlines():
            identity, reused = line.split()
            if identity in done and reused == "False":
                again.append(identity)
            done.add(identity)
        return again

    def find_leftovers(self) -> list[str]:
        """Return files that only an unfinished process may have there."""
        marks = (".partial", ".fetched", ".checkpoint.npz")
        paths = [path for path in self.artifacts.rglob("*") if path.name.endswith(marks)]
        return [str(path.relative_to(self.artifacts)) for path in paths]


def try_chain(
    folder: Path, how: str, length: int, seed: int, expected: dict[str, Any]
) -> dict[str, Any]:
    """Disturb a run, the next one and so on, let the last one finish, and tell what was broken."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    place = Place(folder)
    for name in ("ledger", "points"):
        (folder / name).touch()
    broken = []
    for _ in range(length):
        ended = place.fork(how, int(rng.integers(1, FARTHEST)))
        if ended.startswith("bug") or (ended and how == KILL and ended != "killed"):
            broken.append(ended)
        if how == KILL and rng.random() < 0.5:
            place.tear(rng)
    ended = place.fork(how, None)
    if ended:
        broken.append(f"the next run did not finish: {ended}")
    else:
        found = read_results(place.artifacts)
        broken += [f"another {name}" for name in expected if found[name] != expected[name]]
        broken += [f"left behind: {name}" for name in place.find_leftovers()]
    broken += [f"made again: {name}" for name in place.find_made_again()]
    points = (folder / "points").read_text(encoding="utf-8").splitlines()
    return {"seed": seed, "points": points, "broken": broken}


def main(folder: Path, how: str, chains: int, length: int) -> None:
    """Try chains, and write a line for each."""
    (folder / "whole").mkdir(parents=True)
    whole = Place(folder / "whole")
    ended = whole.fork(how, None)
    if ended:
        sys.exit(f"{ended}\n{(folder / 'whole' / 'log').read_text()}")
    expected = read_results(whole.artifacts)
    for seed in range(chains):
        told = try_chain(folder / str(seed), how, length, seed, expected)
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
