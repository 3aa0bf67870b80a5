"""What benchmarks of whole stages work with: data, device, store, and where results go."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter, validators
from pydantic import BaseModel, ConfigDict

from benchmarks.machine import describe_machine, read_commit
from gan_aug.data.dataset import Dataset, describe_dataset, draw_labeled, resolve_budget
from gan_aug.data.load import load_dataset
from gan_aug.data.local import find_local_sets
from gan_aug.device import Compute, select_compute
from gan_aug.execution import Executor, execute_stage
from gan_aug.settings.data import DataConfig
from gan_aug.settings.run import RunConfig
from gan_aug.stage import Stage
from gan_aug.stages import RunStages, describe_draw
from gan_aug.store.store import Store

__all__ = [
    "MNIST",
    "NETWORKS",
    "Budgets",
    "Draws",
    "Measured",
    "MeasuredDraw",
    "Workbench",
    "group_alike",
    "group_draws",
]

ROOT = Path(__file__).parent.parent

Draws = Annotated[
    int,
    Parameter(help="Draws of labels, by seeds from 0.", validator=validators.Number(gte=1)),
]
Budgets = Annotated[tuple[int, ...], Parameter(help="Label budgets.")]
NETWORKS = 2
"""Encoders and DCGANs that draws of labels take turns with, so that an interval over draws has some
of their spread too."""


class Measured(BaseModel):
    """Where a result is from.

    Attributes:
        dataset: Name of the data.
        commit: Of the source when the measurement began.
        cpu: What it was measured on.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    commit: str | None
    cpu: str

    @property
    def origin(self) -> tuple[str, str, str]:
        """Commit, CPU and data, for people."""
        return self.commit or "unknown", self.cpu, self.dataset


class MeasuredDraw(Measured):
    """What was found with one draw of labels.

    Attributes:
        labels: Label budget.
        seed: Of the draw.
        settings: What the result depends on.
    """

    labels: int
    seed: int
    settings: dict[str, Any]

    @property
    def kind(self) -> str:
        """What is measured: a key of the benchmark's table of them; empty where there is none."""
        return ""

    @property
    def cell(self) -> tuple[str, int, int, str]:
        """What it measures: the same for one that would only be measured again."""
        settings = json.dumps([self.dataset, self.settings], sort_keys=True)
        return self.kind, self.labels, self.seed, settings


Found = TypeVar("Found", bound=MeasuredDraw)


def group_draws(found: Sequence[Found]) -> dict[str, dict[tuple[int, str], list[Found]]]:
    """Group what was found: data set → labels and kind → one of each draw.

    Where a draw was measured with several settings, the last of them count.
    """
    newest = {(draw.dataset, draw.labels, draw.kind, draw.seed): draw for draw in found}
    groups: dict[str, dict[tuple[int, str], list[Found]]] = {}
    for draw in newest.values():
        cells = groups.setdefault(draw.dataset, {})
        cells.setdefault((draw.labels, draw.kind), []).append(draw)
    return groups


def group_alike(found: Sequence[Found]) -> dict[str, dict[int, list[Found]]]:
    """Group what was found: data set → labels → one of each draw.

    Those alone count that have the settings of the data set's last: the rest of a run is not like
    theirs.
    """
    last = {draw.dataset: draw.settings for draw in found}
    groups: dict[str, dict[int, list[Found]]] = {name: {} for name in last}
    for draw in sorted(found, key=lambda draw: draw.labels):
        if draw.settings == last[draw.dataset]:
            groups[draw.dataset].setdefault(draw.labels, []).append(draw)
    return groups


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Workbench:
    """Data, device, store, and where results go.

    Attributes:
        dataset: As in `gan-aug run`.
        artifacts: Folder of the store.
        root: Folder whose `artifacts` and `docs` are written.
    """

    dataset: str = "mnist"
    artifacts: Path = ROOT / "artifacts"
    root: Path = ROOT

    @functools.cached_property
    def data(self) -> Dataset:
        """The data set."""
        return load_dataset(DataConfig(dataset=self.dataset), find_local_sets())

    @functools.cached_property
    def source(self) -> Stage[Dataset]:
        """The stage that the data come from."""
        return describe_dataset(self.data.provenance, self.data)

    @functools.cached_property
    def compute(self) -> Compute:
        """Device and precision."""
        return select_compute("auto")

    def open_executor(self) -> Executor:
        """Return what executes stages, or finds them in the store."""
        return Executor(Store.open(self.artifacts, None), execute_stage)

    def count_labels(self, config: RunConfig) -> int:
        """Return how many labels a run draws."""
        budget = resolve_budget(config.labels, self.data.provenance)
        return len(draw_labeled(self.data.train, budget, seed=config.seed))

    def plan(self, config: RunConfig) -> RunStages:
        """Return the stages of a run, with the settings for as many labels as it draws."""
        images = self.data.provenance.count_training_images()
        planned = config.plan(self.count_labels(config), images)
        drawn = describe_draw(planned, self.source)
        return RunStages(planned, self.source, self.data.provenance, drawn, self.compute)

    def describe_origin(self) -> dict[str, str | None]:
        """Return the fields of :class:`Measured` for a measurement that begins now."""
        return {
            "dataset": self.data.provenance.name,
            "commit": read_commit(),
            "cpu": describe_machine().cpu_model,
        }


MNIST = Workbench()
"""MNIST, and the folders of this checkout."""
