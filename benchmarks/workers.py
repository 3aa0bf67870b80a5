"""What it brings to compute runs of a study side by side: ``python -m benchmarks.workers``.

A small study is computed by turns: in one process that has all cores; in as many processes as there
are cores, each of which takes all it can get; and in as many of one thread each. Then what its
stages took tells which plan is best for other machines and larger studies, where nothing was
measured: :func:`simulate`.
"""

import heapq
import itertools
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from cyclopts import App
from pydantic import BaseModel, ConfigDict, PositiveInt
from rich.console import Console

from benchmarks.command import time_command
from benchmarks.ledger import write_outputs
from benchmarks.machine import describe_machine, stamp
from benchmarks.report import load_template
from benchmarks.results import Machine, Stamp
from gan_aug.settings.study import StudyConfig
from gan_aug.store.manifest import find_manifest

__all__ = [
    "Durations",
    "Measured",
    "Plan",
    "Trial",
    "Workers",
    "recommend",
    "render_page",
    "simulate",
    "split_times",
]

ROOT = Path(__file__).parent.parent
COMMAND = Path(sys.executable).with_name("gan-aug")
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

DRAWS, BUDGETS = 2, (100, 1000)
# A run of `quick`, all of its trainings a tenth as long, so that no stage weighs more than it does.
SHORTENED = {
    "--dcgan.steps": 1200,
    "--encoder.steps": 60,
    "--consistency.updates": 80,
    "--cnn.updates": 150,
    "--lightgbm.rounds": 30,
    "--synthesis.images": 3000,
    "--quality.judge.updates": 100,
}
ALL_CORES = "all"
THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Where TensorFlow, LightGBM and NumPy look for how many threads they may have."""
CORES = (2, 4, 8, 16, 32)

app = App(name="python -m benchmarks.workers", help="Measure `gan-aug study --workers`.")


class Plan(BaseModel):
    """How a machine's cores are shared.

    Attributes:
        workers: Processes that compute runs.
        threads: Of each; as many as there are cores where they are not held back.
    """

    model_config = ConfigDict(frozen=True)

    workers: int
    threads: Literal["all"] | int


class Durations(NamedTuple):
    """Seconds of the parts of a study.

    Attributes:
        dcgan: Training the DCGAN of a draw.
        shared: What all runs of a draw share beside it.
        run: What a run has for itself.
    """

    dcgan: float
    shared: float
    run: float


class Trial(BaseModel):
    """A study, computed once.

    Attributes:
        seconds: From the start of the command to its end.
        stages: Kind of stage → seconds of each of its outputs.
    """

    model_config = ConfigDict(frozen=True)

    seconds: float
    stages: dict[str, list[float]]


class Measured(BaseModel):
    """One plan, in every round.

    Attributes:
        plan: Which.
        trials: In the order of the rounds.
    """

    model_config = ConfigDict(frozen=True)

    plan: Plan
    trials: list[Trial]

    @property
    def seconds(self) -> float:
        """Median over the rounds."""
        return statistics.median(trial.seconds for trial in self.trials)

    @property
    def durations(self) -> Durations:
        """Means over the rounds."""
        parts = [split_times(trial.stages) for trial in self.trials]
        return Durations(*(statistics.mean(part) for part in zip(*parts, strict=True)))


class Workers(BaseModel):
    """All that was measured.

    Attributes:
        machine: Where.
        stamp: With which code.
        plans: By turns; the first is one process with all cores.
    """

    model_config = ConfigDict(frozen=True)

    machine: Machine
    stamp: Stamp
    plans: list[Measured]


class Advice(NamedTuple):
    """The best plan for a machine.

    Attributes:
        plan: Which.
        ratio: Its time over that of one process with all cores.
    """

    plan: Plan
    ratio: float


@app.default
def measure(*, rounds: PositiveInt = 3, root: Path = ROOT) -> None:
    """Measure, and write `artifacts/workers.json` and `docs/workers.md`.

    Parameters
    ----------
    rounds
        How often the study is computed by each plan.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    code, machine = stamp(("tensorflow", "keras", "lightgbm", "prefect")), describe_machine()
    cores = machine.cores
    plans = [
        Plan(workers=1, threads=ALL_CORES),
        Plan(workers=cores, threads=ALL_CORES),
        Plan(workers=cores, threads=1),
    ]
    trials: dict[Plan, list[Trial]] = {plan: [] for plan in plans}
    for number, plan in itertools.product(range(rounds), plans):
        ERR.print(f"round {number + 1} of {rounds}: {plan}")
        trials[plan].append(compute_study(plan))
    found = Workers(
        machine=machine,
        stamp=code,
        plans=[Measured(plan=plan, trials=trials[plan]) for plan in plans],
    )
    write_outputs("workers", found.model_dump(mode="json"), render_page(found), root)


def compute_study(plan: Plan) -> Trial:
    """Compute the study in an empty folder.

    Raises:
        RuntimeError: The command failed.
    """
    settings = [*SHORTENED.items(), ("--draws", DRAWS), ("--workers", plan.workers)]
    flags = [str(word) for pair in settings for word in pair]
    budgets = [word for budget in BUDGETS for word in ("--budgets", str(budget))]
    limits = {} if plan.threads == ALL_CORES else dict.fromkeys(THREADS, str(plan.threads))
    words = [str(COMMAND), "study", "--dataset", "mnist", *flags, *budgets]
    with tempfile.TemporaryDirectory() as folder:
        seconds, _ = time_command([*words, "--artifacts", folder], limits)
        return Trial(seconds=seconds, stages=read_stages(Path(folder) / "store"))


def read_stages(store: Path) -> dict[str, list[float]]:
    """Return the seconds of all outputs of a store, by their kind."""
    stages: dict[str, list[float]] = {}
    for folder in sorted(store.glob("*/*/")):
        if manifest := find_manifest(folder):
            stages.setdefault(folder.parent.name, []).append(manifest.seconds)
    return stages


def split_times(stages: Mapping[str, Sequence[float]], draws: int = DRAWS) -> Durations:
    """Tell what the runs of a draw share from what each has for itself.

    A kind of stage with no more outputs than there are draws is shared by their runs.

    Args:
        stages: Kind → seconds of each output, of a study of as many runs a draw as
            :data:`BUDGETS`.
        draws: How many there were.
    """
    own = {kind: times for kind, times in stages.items() if len(times) > draws}
    shared = sum(sum(times) for kind, times in stages.items() if kind not in {*own, "dcgan"})
    runs = draws * len(BUDGETS)
    return Durations(
        sum(stages["dcgan"]) / draws, shared / draws, sum(map(sum, own.values())) / runs
    )


def simulate(draw_of_run: Sequence[int], durations: Durations, workers: int) -> float:
    """Return how long a study takes, in seconds.

    Each worker takes the next that is to be done, as in :mod:`gan_aug.flows.cells`: the DCGANs
    first; then the runs, of which the first of a draw makes what they share, while others of the
    draw wait for it.

    Args:
        draw_of_run: Which draw each run belongs to, in the order of the runs.
        durations: Of the parts, where so many are computed side by side.
        workers: Processes.
    """
    free = [0.0] * workers
    trained: dict[int, float] = {}
    for draw in dict.fromkeys(draw_of_run):
        trained[draw] = heapq.heappop(free) + durations.dcgan
        heapq.heappush(free, trained[draw])
    shared: dict[int, float] = {}
    for draw in draw_of_run:
        begins = max(heapq.heappop(free), trained[draw])
        ready = shared.setdefault(draw, begins + durations.shared)
        heapq.heappush(free, max(begins, ready) + durations.run)
    return max(free)


def recommend(found: Workers, cores: int, config: StudyConfig = StudyConfig()) -> Advice:
    """Return the best plan for a study on a machine of so many cores like this one's.

    Between and beyond the two numbers of threads that were measured, each part is taken to have a
    share that threads divide and one that they do not (Amdahl, 1967).
    """
    draws = [run.seed for run in config.list_runs()]
    times = {
        plan: simulate(draws, interpolate(found, cores // plan.workers), plan.workers)
        for plan in list_plans(cores)
    }
    best = min(times, key=lambda plan: times[plan])
    return Advice(best, times[best] / times[Plan(workers=1, threads=cores)])


def list_plans(cores: int) -> Iterator[Plan]:
    """Yield all ways to share cores evenly."""
    for workers in range(1, cores + 1):
        if cores % workers == 0:
            yield Plan(workers=workers, threads=cores // workers)


def interpolate(found: Workers, threads: int) -> Durations:
    """Return what the parts take with so many threads."""
    together, _, alone = (measured.durations for measured in found.plans)
    share = (1 - 1 / threads) / (1 - 1 / found.machine.cores)
    return Durations(
        *(one + share * (all_ - one) for one, all_ in zip(alone, together, strict=True))
    )


def render_page(found: Workers) -> str:
    """Render the page."""
    together, *_ = found.plans
    return load_template("workers.md.j2").render(
        found=found,
        rows=[(measured, compare_trials(measured, together)) for measured in found.plans],
        advice={cores: recommend(found, cores) for cores in CORES},
        large=StudyConfig(),
        draws=DRAWS,
        budgets=BUDGETS,
        flags=" ".join(f"{flag} {value}" for flag, value in SHORTENED.items()),
    )


def compare_trials(measured: Measured, base: Measured) -> list[float]:
    """Return the ratios of the times of two plans, in ascending order; pairs are of one round."""
    pairs = zip(measured.trials, base.trials, strict=True)
    return sorted(trial.seconds / other.seconds for trial, other in pairs)


if __name__ == "__main__":
    app()
