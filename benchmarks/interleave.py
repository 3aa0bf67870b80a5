"""The parent: starts workloads as processes, and has them take turns.

A machine's speed drifts with its temperature and its neighbours. Contenders therefore run one unit
each in turn, A B C A B C ..., and are compared within each round.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from benchmarks.results import Contender
from benchmarks.worker import Facts

__all__ = ["Entrant", "OnUnit", "Worker", "clean_environment", "interleave", "race"]

ROOT = Path(__file__).parent.parent
OWN = "gan_aug"
# gan-aug sets it when it is imported, here too, and a peer must not inherit it.
UNWANTED_VARIABLES = ("TF_ENABLE_ONEDNN_OPTS",)
# Every contender computes on the CPU.
WORKER_VARIABLES = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
LAST_LINES = 20

OnUnit = Callable[[str, int, int], None]
"""Called with what is done next, the number of units done and their total."""


@dataclass(frozen=True)
class Entrant:
    """A workload that takes part.

    Attributes:
        title: For people.
        module: As :mod:`benchmarks.worker` describes it.
        options: Arguments of the module's ``run``.
        environment: Variables set for it beside the defaults.
        python: Its interpreter.
        required: A module it can't do without; it is left out where that is not installed.
    """

    title: str
    module: str
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    python: Path = Path(sys.executable)
    required: str | None = None

    def is_installed(self) -> bool:
        """Say whether the interpreter is there and finds the required module."""
        if self.required is None:
            return True
        search = (
            f"import importlib.util as u, sys; sys.exit(u.find_spec({self.required!r}) is None)"
        )
        try:
            return subprocess.run([self.python, "-c", search], check=False).returncode == 0  # noqa: S603 - fixed arguments
        except OSError:
            return False


class Timed(Protocol):
    """Something that does a unit of work when told, and says how long it took."""

    def run_unit(self, request: str = "unit") -> float:
        """Do one unit and return its seconds."""


class Worker:
    """A running workload."""

    def __init__(self, entrant: Entrant) -> None:
        self.entrant = entrant
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in stop
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [
                str(entrant.python),
                "-m",
                "benchmarks.worker",
                entrant.module,
                json.dumps(dict(entrant.options)),
            ],
            cwd=ROOT,
            env=clean_environment() | WORKER_VARIABLES | dict(entrant.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    @classmethod
    @contextmanager
    def start(cls, entrant: Entrant) -> Iterator[Self]:
        """Run the workload as long as the context lasts, warmed up before it begins."""
        worker = cls(entrant)
        try:
            worker.read_reply()
            yield worker
        finally:
            worker.stop()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        with self.process, self.errors:
            self.process.kill()

    def run_unit(self, request: str = "unit") -> float:
        """Have one unit done and return its seconds."""
        assert self.process.stdin  # noqa: S101 - a pipe, as asked for
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return float(self.read_reply()["seconds"])

    def finish(self) -> Facts:
        """Ask for no more units, and return what the workload says of itself."""
        assert self.process.stdin  # noqa: S101 - a pipe, as asked for
        self.process.stdin.close()
        while "facts" not in (reply := self.read_reply()):
            pass
        facts: Facts = reply["facts"]
        return facts

    def read_reply(self) -> Mapping[str, Any]:
        """Return the next reply.

        Raises:
            RuntimeError: The process ended instead.
        """
        assert self.process.stdout  # noqa: S101 - a pipe, as asked for
        line = self.process.stdout.readline()
        if line:
            reply: Mapping[str, Any] = json.loads(line)
            return reply
        self.errors.seek(0)
        last = "\n".join(self.errors.read().splitlines()[-LAST_LINES:])
        raise RuntimeError(f"{self.entrant.module}: expected a reply, found that it ended:\n{last}")


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what changes a library's defaults."""
    return {name: value for name, value in os.environ.items() if name not in UNWANTED_VARIABLES}


def race(entrants: Mapping[str, Entrant], rounds: int, on_unit: OnUnit) -> dict[str, Contender]:
    """Time all entrants side by side, and put each beside ``gan_aug``.

    Args:
        entrants: By name; one of them is ``gan_aug``.
        rounds: Units of each.
        on_unit: Called before each unit, and before each start.
    """
    installed = {name: entrant for name, entrant in entrants.items() if entrant.is_installed()}
    with ExitStack() as running:
        workers = {}
        for name, entrant in installed.items():
            on_unit(f"starting: {entrant.title}", 0, rounds * len(installed))
            workers[name] = running.enter_context(Worker.start(entrant))
        seconds = interleave(workers, rounds, on_unit)
        facts = {name: worker.finish() for name, worker in workers.items()}
    return {
        name: summarize(entrant.title, seconds[name], seconds[OWN], facts[name])
        if name in installed
        else Contender(title=entrant.title)
        for name, entrant in entrants.items()
    }


def interleave(
    workers: Mapping[str, Timed], rounds: int, on_unit: OnUnit
) -> dict[str, list[float]]:
    """Run ``rounds`` units of each worker, in turns, and return their seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for turn in range(rounds):
        for place, (name, worker) in enumerate(workers.items()):
            on_unit(name, turn * len(workers) + place, rounds * len(workers))
            seconds[name].append(worker.run_unit())
    return seconds


def summarize(
    title: str, seconds: Sequence[float], own_seconds: Sequence[float], facts: Facts
) -> Contender:
    """Compare gan-aug's seconds with a contender's, round by round."""
    ratios = [own / other for own, other in zip(own_seconds, seconds, strict=True)]
    return Contender(
        title=title,
        unit_seconds=list(seconds),
        median_seconds=statistics.median(seconds),
        ratio=statistics.median(ratios),
        lowest_ratio=min(ratios),
        highest_ratio=max(ratios),
        facts=dict(facts),
    )
