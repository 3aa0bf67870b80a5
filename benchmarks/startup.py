"""How long commands take that compute nothing: ``python -m benchmarks.startup``.

Each is started anew, by turns. Files are in the page cache: every command runs once before.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from cyclopts import App
from pydantic import BaseModel, ConfigDict, PositiveInt
from rich.console import Console

from benchmarks.ledger import write_outputs
from benchmarks.machine import describe_machine, stamp
from benchmarks.report import load_template
from benchmarks.results import Machine, Stamp

__all__ = ["COMMANDS", "IMPORTS", "Command", "Startup", "Times", "render_page", "time_by_turns"]

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(sys.executable).parent
ERR = Console(stderr=True, soft_wrap=True, highlight=False)
RUN = ("run", "--preset", "smoke", "--dataset", "digits")

app = App(name="python -m benchmarks.startup", help="Measure how fast commands begin.")


class Command(BaseModel):
    """A command, and what its time is.

    Attributes:
        words: After the program.
        goal: Seconds; None where the time is only told.
        program: Beside this Python.
        code: That it ends with.
        first_line: Whether its time ends with the first line that it prints, and not with itself.
    """

    model_config = ConfigDict(frozen=True)

    words: tuple[str, ...]
    goal: float | None = None
    program: str = "gan-aug"
    code: int = 0
    first_line: bool = False


class Times(BaseModel):
    """What was measured of a command.

    Attributes:
        command: Which.
        seconds: Wall-clock time of each start, in the order of the rounds.
    """

    model_config = ConfigDict(frozen=True)

    command: Command
    seconds: list[float]

    @property
    def median(self) -> float:
        """Of the rounds, in seconds."""
        return statistics.median(self.seconds)


class Startup(BaseModel):
    """All that was measured.

    Attributes:
        machine: Where.
        stamp: With which code.
        times: What the command does → its times.
    """

    model_config = ConfigDict(frozen=True)

    machine: Machine
    stamp: Stamp
    times: dict[str, Times]


COMMANDS: Mapping[str, Command] = {
    "help": Command(words=("--help",), goal=0.6),
    "version": Command(words=("--version",), goal=0.6),
    "list of runs": Command(words=("runs",), goal=0.6),
    "a run's comparison": Command(words=("show", "digits-100-labels-seed0"), goal=0.6),
    "a run that is not there": Command(words=("show", "gone"), goal=1.0, code=2),
    "data that are not there": Command(words=("run", "--dataset", "gone"), goal=1.0, code=2),
    "images of a data set": Command(words=("view", "digits"), goal=1.5),
    "the machine": Command(words=("doctor",), goal=3.0),
    "first line of a run": Command(words=(*RUN, "--seed", "1"), goal=1.0, first_line=True),
    "a run, all of it cached": Command(words=RUN, goal=8.0),
}
# What others wait for, because libraries import that much.
IMPORTS: Mapping[str, Command] = {
    what: Command(words=("-c", f"import {module}"), program="python")
    for what, module in {
        "scikit-learn": "sklearn.model_selection",
        "TensorFlow": "tensorflow",
        "Prefect": "prefect",
        "Prefect's server": "prefect.server.api.server",
    }.items()
}


@app.default
def measure(*, rounds: PositiveInt = 5, root: Path = ROOT) -> None:
    """Measure, and write `artifacts/startup.json` and `docs/startup.md`.

    Parameters
    ----------
    rounds
        How often each command is started.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    code = stamp(("cyclopts", "prefect", "tensorflow"))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAMS / "gan-aug", *RUN], cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own command
        times = time_by_turns({**COMMANDS, **IMPORTS}, rounds, Path(folder))
    found = Startup(machine=describe_machine(), stamp=code, times=times)
    write_outputs("startup", found.model_dump(mode="json"), render_page(found), root)


def time_by_turns(commands: Mapping[str, Command], rounds: int, folder: Path) -> dict[str, Times]:
    """Time commands in a folder, after a round that is not counted."""
    seconds: dict[str, list[float]] = {what: [] for what in commands}
    for number in range(rounds + 1):
        for what, command in commands.items():
            took = time_command(command, folder)
            if number:
                seconds[what].append(took)
        ERR.print(f"{number} of {rounds} rounds done")
    return {what: Times(command=commands[what], seconds=seconds[what]) for what in commands}


def time_command(command: Command, folder: Path) -> float:
    """Return the seconds that a command takes.

    Raises:
        RuntimeError: It ends in another way than it should.
    """
    started = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own command
        [PROGRAMS / command.program, *command.words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        if command.first_line and process.stdout:
            if not process.stdout.readline():
                raise RuntimeError(f"{command.words}: expected a line, found the end")
            took = time.perf_counter() - started
            # It still has to end its temporary server.
            process.terminate()
            return took
        printed, _ = process.communicate()
    took = time.perf_counter() - started
    if process.returncode != command.code:
        raise RuntimeError(f"{command.words}: expected exit code {command.code}, found {printed!r}")
    return took


def render_page(found: Startup) -> str:
    """Render the page."""
    return load_template("startup.md.j2").render(found=found)


if __name__ == "__main__":
    app()
