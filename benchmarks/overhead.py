"""What Prefect adds to a run: ``python -m benchmarks.overhead``.

The same run, with nothing to reuse, as a flow that reports to a server, and by calling the
functions of its stages, in turns. The server is started before the first time is taken.
"""

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from cyclopts import App
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from benchmarks.interleave import Entrant, Worker, interleave
from benchmarks.machine import describe_machine, stamp
from benchmarks.results import Machine, Stamp
from gan_aug.store.files import write_json

__all__ = ["Overhead", "compare_rounds"]

ROOT = Path(__file__).parent.parent
WORKLOAD = "benchmarks.ours.overhead"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

app = App(name="python -m benchmarks.overhead", help="Measure what Prefect adds to a run.")


class Overhead(BaseModel):
    """What was measured.

    Attributes:
        machine: Where.
        stamp: With which code.
        command: That measures it again.
        steps: Of the DCGAN, in a run with the other settings of ``quick``.
        flow_seconds: Of each run as a flow.
        direct_seconds: Of each run by calling functions, in the same order.
        added_seconds: Median over the rounds of the differences.
        added_share: The same of the differences over the times of calling functions.
    """

    model_config = ConfigDict(frozen=True)

    machine: Machine
    stamp: Stamp
    command: str
    steps: int
    flow_seconds: list[float]
    direct_seconds: list[float]
    added_seconds: float
    added_share: float


@app.default
def measure(*, steps: int = 12_000, rounds: int = 3, root: Path = ROOT) -> None:
    """Measure, and write `artifacts/overhead.json`.

    Parameters
    ----------
    steps
        Steps of the DCGAN; the other settings are those of `quick`.
    rounds
        Runs of each kind.
    root
        Folder whose `artifacts` are written.
    """
    code = stamp(("prefect", "tensorflow"))
    entrants = {
        name: Entrant(name, WORKLOAD, {"orchestrated": name == "flow", "steps": steps})
        for name in ("flow", "direct")
    }
    with ExitStack() as running:
        workers = {
            name: running.enter_context(Worker.start(entrant)) for name, entrant in entrants.items()
        }
        seconds = interleave(
            workers, rounds, lambda name, done, total: ERR.print(f"{done} of {total} done: {name}")
        )
    added, share = compare_rounds(seconds["flow"], seconds["direct"])
    overhead = Overhead(
        machine=describe_machine(),
        stamp=code,
        command=f"python -m benchmarks.overhead --steps {steps} --rounds {rounds}",
        steps=steps,
        flow_seconds=seconds["flow"],
        direct_seconds=seconds["direct"],
        added_seconds=added,
        added_share=share,
    )
    write_json(root / "artifacts" / "overhead.json", overhead.model_dump(mode="json"))


def compare_rounds(flow: Sequence[float], direct: Sequence[float]) -> tuple[float, float]:
    """Return the median of what a flow takes longer, in seconds and as a share."""
    differences = [ours - theirs for ours, theirs in zip(flow, direct, strict=True)]
    shares = [more / theirs for more, theirs in zip(differences, direct, strict=True)]
    return statistics.median(differences), statistics.median(shares)


if __name__ == "__main__":
    app()
