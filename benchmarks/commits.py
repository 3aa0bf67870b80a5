"""A run at this commit beside the same at an earlier one: ``python -m benchmarks.commits 0a7f96c``.

Both are installed from their own lock files and run by turns, with nothing cached. So the ratios of
their times hold, whatever the machine does meanwhile. Accuracies are compared on validation images,
seed by seed, for what both train.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cyclopts import App
from pydantic import BaseModel, ConfigDict, PositiveInt
from rich.console import Console

from benchmarks.command import time_command
from benchmarks.ledger import Ledger
from benchmarks.machine import describe_machine
from benchmarks.report import load_template
from benchmarks.spread import Row, summarize_values
from benchmarks.workbench import Budgets
from gan_aug.classifiers import CLASSIFIERS

__all__ = ["LEDGER", "Pair", "Side", "compare", "render_page"]

ROOT = Path(__file__).parent.parent
PAGE = "commits.md.j2"
RUN = ("run", "--preset", "quick", "--dataset", "mnist", "--json")
FIRST_SEED = 1003
SECONDS_GOAL = 0.6
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

app = App(name="python -m benchmarks.commits", help="Compare a run with that of another commit.")

Cell = tuple[str, str]
"""Names of a classifier and of the arm it was trained on."""


class Side(BaseModel):
    """A run at one commit.

    Attributes:
        commit: Which.
        seconds: From the start of the command to its end.
        accuracies: Classifier → arm → share of the validation images that are right.
    """

    model_config = ConfigDict(frozen=True)

    commit: str
    seconds: float
    accuracies: dict[str, dict[str, float]]


class Pair(BaseModel):
    """Both runs with one seed and one number of labels.

    Attributes:
        labels: Label budget.
        seed: Of both.
        cpu: What they were measured on.
        sides: The earlier commit, and this one.
    """

    model_config = ConfigDict(frozen=True)

    labels: int
    seed: int
    cpu: str
    sides: list[Side]

    @property
    def cell(self) -> tuple[Any, ...]:
        """What it measures: the same for one that would only be measured again."""
        return *(side.commit for side in self.sides), self.labels, self.seed


LEDGER = Ledger(Pair, key="pairs", name="commits")


class Comparison(NamedTuple):
    """Both commits at one number of labels.

    Attributes:
        ratios: This commit's time over the earlier one's, seed by seed.
        cells: Classifier and arm → the earlier accuracy, in [0, 1], and what this commit adds to
            it, seed by seed.
    """

    ratios: Row
    cells: dict[Cell, tuple[Row, Row]]


@app.default
def measure(
    before: str, *, labels: Budgets = (1000,), rounds: PositiveInt = 3, root: Path = ROOT
) -> None:
    """Measure what is missing; add it to `artifacts/commits.json`, and write `docs/commits.md`.

    The same command goes on where it was interrupted.

    Parameters
    ----------
    before
        The earlier commit.
    rounds
        Seeds of each budget.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    commits = name_commit(before), name_commit("HEAD")
    pairs = [
        Pair(
            labels=budget,
            seed=seed,
            cpu=describe_machine().cpu_model,
            sides=[Side(commit=commit, seconds=0, accuracies={}) for commit in commits],
        )
        for seed in range(FIRST_SEED, FIRST_SEED + rounds)
        for budget in labels
    ]
    missing = [pair for pair in pairs if not LEDGER.has(pair, root)]
    with tempfile.TemporaryDirectory() as folder:
        for commit in commits if missing else ():
            install(commit, Path(folder) / commit)
        for pair in missing:
            LEDGER.add(run_pair(pair, Path(folder)), root, render_page)


def name_commit(commit: str) -> str:
    """Return a commit's full name."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--verify", f"{commit}^{{commit}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    if done.returncode:
        sys.exit(f"before: expected a commit of this repository, found {commit!r}")
    return done.stdout.strip()


def install(commit: str, folder: Path) -> None:
    """Install a commit, with the libraries of its own lock file, into a folder."""
    ERR.print(f"installing {commit[:7]}")
    for command in (
        ["git", "clone", "--quiet", str(ROOT), str(folder)],
        ["git", "-C", str(folder), "checkout", "--quiet", commit],
        ["make", "--silent", "-C", str(folder), ".venv/.installed"],
    ):
        subprocess.run(command, check=True)  # noqa: S603 - fixed arguments


def run_pair(pair: Pair, folder: Path) -> Pair:
    """Run both commits; which goes first changes from seed to seed."""
    turns = pair.sides if pair.seed % 2 else pair.sides[::-1]
    done = {side.commit: run_side(side.commit, pair, folder) for side in turns}
    return pair.model_copy(update={"sides": [done[side.commit] for side in pair.sides]})


def run_side(commit: str, pair: Pair, folder: Path) -> Side:
    """Run one commit in an empty folder.

    Raises:
        RuntimeError: The command failed.
    """
    ERR.print(f"{commit[:7]}, {pair.labels:,} labels, seed {pair.seed}")
    program = folder / commit / ".venv" / "bin" / "gan-aug"
    settings = ("--labels", str(pair.labels), "--seed", str(pair.seed))
    with tempfile.TemporaryDirectory() as artifacts:
        seconds, printed = time_command([str(program), *RUN, *settings, "--artifacts", artifacts])
    return Side(commit=commit, seconds=seconds, accuracies=read_accuracies(printed))


def read_accuracies(comparison: str) -> dict[str, dict[str, float]]:
    """Return classifier → arm → accuracy on validation images, from what a run prints."""
    accuracies: dict[str, dict[str, float]] = {}
    for score in json.loads(comparison)["scores"]:
        if score["split"] == "validation":
            accuracies.setdefault(score["classifier"], {})[score["arm"]] = score["accuracy"]
    return accuracies


def compare(pairs: Sequence[Pair]) -> Comparison:
    """Compare both commits over pairs with one number of labels."""
    before, now = zip(*(pair.sides for pair in pairs), strict=True)
    cells = [
        (classifier, arm)
        for classifier, arms in now[0].accuracies.items()
        for arm in arms
        if all(arm in side.accuracies.get(classifier, {}) for side in before)
    ]
    return Comparison(
        ratios=summarize_values([b.seconds / a.seconds for a, b in zip(before, now, strict=True)]),
        cells={cell: compare_cell(cell, before, now) for cell in cells},
    )


def compare_cell(cell: Cell, before: Sequence[Side], now: Sequence[Side]) -> tuple[Row, Row]:
    """Return the earlier accuracies, and what this commit adds to them."""
    classifier, arm = cell
    old, new = ([side.accuracies[classifier][arm] for side in sides] for sides in (before, now))
    return summarize_values(old), summarize_values([b - a for a, b in zip(old, new, strict=True)])


def render_page(pairs: Sequence[Pair]) -> str:
    """Render the page: a table for each two commits and each number of labels."""
    groups: dict[tuple[str, ...], list[Pair]] = {}
    for pair in pairs:
        commits = tuple(side.commit for side in pair.sides)
        groups.setdefault((*commits, f"{pair.labels:,}"), []).append(pair)
    return load_template(PAGE).render(
        groups={key: (group, compare(group)) for key, group in groups.items()},
        goal=SECONDS_GOAL,
        command=" ".join(RUN[:-1]),
        classifiers=CLASSIFIERS,
        cpus=sorted({pair.cpu for pair in pairs}),
    )


if __name__ == "__main__":
    app()
