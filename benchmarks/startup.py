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
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from benchmarks.ledger import write_outputs
from benchmarks.machine import describe_machine, stamp
from benchmarks.report import load_template
from benchmarks.results import Machine, Stamp

__all__ = ["COMMANDS", "Command", "Startup", "Times", "measure", "render_page"]

ROOT = Path(__file__).parent.parent
GAN_AUG = Path(sys.executable).with_name("gan-aug")
ERR = Console(stderr=True, soft_wrap=True, highlight=False)
RUN = ("run", "--preset", "smoke", "--dataset", "digits", "--name", "finished")

app = App(name="python -m benchmarks.startup", help="Measure how fast commands begin.")


class Command(BaseModel):
    """A command, and what its time is.

    Attributes:
        words: After ``gan-aug``.
        goal: Seconds.
        first_line: Whether its time ends with the first line that it prints, and not with itself.
    """

    model_config = ConfigDict(frozen=True)

    words: tuple[str, ...]
    goal: float
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
    "a run's comparison": Command(words=("show", "finished"), goal=0.6),
    "a run that is not there": Command(words=("show", "gone"), goal=1.0),
    "data that are not there": Command(words=("run", "--dataset", "gone"), goal=1.0),
    "images of a data set": Command(words=("view", "digits"), goal=1.5),
    "the machine": Command(words=("doctor",), goal=3.0),
    "first line of a run": Command(words=RUN, goal=1.0, first_line=True),
    "a run, all of it cached": Command(words=RUN, goal=8.0),
}


@app.default
def measure(*, rounds: int = 5, only: tuple[str, ...] = tuple(COMMANDS), root: Path = ROOT) -> None:
    """Measure, and write `artifacts/startup.json` and `docs/startup.md`.

    Parameters
    ----------
    rounds
        How often each command is started.
    only
        What to measure.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    code = stamp(("cyclopts", "prefect", "tensorflow"))
    seconds: dict[str, list[float]] = {what: [] for what in only}
    with tempfile.TemporaryDirectory() as folder:
        if any(RUN[-1] in COMMANDS[what].words for what in only):
            subprocess.run([GAN_AUG, *RUN], cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own command
        for number in range(rounds + 1):
            for what in only:
                took = time_command(COMMANDS[what], folder)
                if number:
                    seconds[what].append(took)
            ERR.print(f"{number} of {rounds} rounds done")
    times = {what: Times(command=COMMANDS[what], seconds=seconds[what]) for what in only}
    found = Startup(machine=describe_machine(), stamp=code, times=times)
    write_outputs("startup", found.model_dump(mode="json"), render_page(found), root)


def time_command(command: Command, folder: str) -> float:
    """Return the seconds that a command takes."""
    started = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own command
        [GAN_AUG, *command.words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        if command.first_line and process.stdout:
            process.stdout.readline()
            took = time.perf_counter() - started
            # It still has to end its temporary server.
            process.terminate()
            return took
        process.communicate()
    return time.perf_counter() - started


def render_page(found: Startup) -> str:
    """Render the page."""
    return load_template("startup.md.j2").render(found=found)


if __name__ == "__main__":
    app()
