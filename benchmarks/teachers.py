"""Test error of teachers with few labels: ``python -m benchmarks.teachers``.

All are trained on the same draws of labels. Test images are read here and by no one who chooses
settings.
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import keras
import numpy as np
from cyclopts import App, Parameter, validators
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from benchmarks.ledger import Ledger
from benchmarks.machine import describe_machine, read_commit
from benchmarks.report import load_template
from benchmarks.spread import Row, summarize_values
from gan_aug.data.dataset import Dataset, describe_dataset, draw_labeled, resolve_budget
from gan_aug.data.load import load_dataset
from gan_aug.data.local import find_local_sets
from gan_aug.device import Compute, select_compute
from gan_aug.execution import Executor, execute_stage
from gan_aug.images import Float32, Images, LabeledImages
from gan_aug.settings.data import DataConfig
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.stage import Stage
from gan_aug.stages import RunStages, describe_draw
from gan_aug.store.store import Store
from gan_aug.teachers import TEACHERS

__all__ = ["LEDGER", "VARIANTS", "Cell", "Measurement", "render_page", "summarize"]

ROOT = Path(__file__).parent.parent
BUDGETS = (20, 50, 100, 200, 1000)
ENCODERS = 2
PAGE = "teachers.md.j2"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)


class Variant(NamedTuple):
    """A teacher with some of its settings.

    Attributes:
        teacher: Its name.
        title: For people.
        changes: Settings of a run that are not those of the preset `quick`.
    """

    teacher: str
    title: str
    changes: Mapping[str, Any]


VARIANTS: Mapping[str, Variant] = {
    "shift": Variant("shift", "CNN, `shift`", {}),
    "sgan": Variant("sgan", "`sgan`", {}),
    "sgan-long": Variant("sgan", "`sgan`, 16,000 updates", {"sgan": {"updates": 16_000}}),
    "consistency": Variant("consistency", "`consistency`", {}),
    "consistency-long": Variant(
        "consistency",
        "`consistency`, long",
        {"encoder": {"steps": 4500}, "consistency": {"updates": 4500}},
    ),
}
"""Name → what is measured."""

if TYPE_CHECKING:
    VariantName = str
else:
    VariantName = Literal[tuple(VARIANTS)]

PUBLISHED: Mapping[str, Mapping[int, float]] = {
    "Salimans et al. (2016)": {20: 0.1677, 50: 0.0221, 100: 0.0093, 200: 0.0090},
    "Dai et al. (2017)": {100: 0.00795},
}
"""Paper → labels → mean test error."""

app = App(name="python -m benchmarks.teachers", help="Measure teachers with few labels.")


class Measurement(BaseModel):
    """One teacher, trained and tested.

    Attributes:
        variant: Which of :data:`VARIANTS`.
        labels: Label budget.
        seed: Of the draw of labels and of the network.
        validation_error: In [0, 1].
        test_error: In [0, 1].
        pool_error: In [0, 1], of the training images whose labels were not seen; None where that
            was not measured.
        seconds: How long everything took that depends on the labels.
        shared_seconds: How long everything took that does not, and serves all budgets.
        settings: The teacher's, from the run's settings.
        dataset: Name of the data.
        commit: Of the source.
        cpu: What it was measured on.
    """

    model_config = ConfigDict(frozen=True)

    variant: str
    labels: int
    seed: int
    validation_error: float
    test_error: float
    pool_error: float | None = None
    seconds: float
    shared_seconds: float = 0.0
    settings: dict[str, Any]
    dataset: str
    commit: str | None
    cpu: str

    @property
    def cell(self) -> tuple[str, int, int, str]:
        """What it measures: the same for one that would only be measured again."""
        settings = json.dumps([self.dataset, self.settings], sort_keys=True)
        return self.variant, self.labels, self.seed, settings


LEDGER = Ledger(Measurement, key="measurements", name="teachers")


class Cell(NamedTuple):
    """One variant at one budget, over all draws.

    Attributes:
        error: Test errors.
        pool_error: Errors on unlabeled training images; None where one was not measured.
        draws: How many there are.
        seconds: Mean of what depends on the labels.
        shared_seconds: Mean of what does not.
    """

    error: Row
    pool_error: Row | None
    draws: int
    seconds: float
    shared_seconds: float


@app.default
def measure(
    *,
    draws: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 3,
    budgets: tuple[int, ...] = BUDGETS,
    variants: tuple[VariantName, ...] = tuple(VARIANTS),
    dataset: str = "mnist",
    artifacts: Path = ROOT / "artifacts",
    root: Path = ROOT,
) -> None:
    """Measure what is missing; add it to `artifacts/teachers.json`, and write the page.

    The same command goes on where it was interrupted.

    Parameters
    ----------
    draws
        Draws of labels, by seeds from 0. They take turns with two encoders, so that an interval
        over draws has some of the encoder's spread too.
    budgets
        Label budgets.
    variants
        What to measure.
    dataset
        As in `gan-aug run`.
    artifacts
        Folder of the store.
    root
        Folder whose `artifacts` and `docs` are written.
    """
    data = load_dataset(DataConfig(dataset=dataset), find_local_sets())
    compute = select_compute("auto")
    for seed in range(draws):
        for labels in budgets:
            for variant in variants:
                config = configure(variant, labels, seed)
                measure_once(variant, config, data, compute, artifacts=artifacts, root=root)


def configure(variant: str, labels: int, seed: int) -> RunConfig:
    """Return the settings of a run with the teacher of a variant."""
    known = VARIANTS[variant]
    encoder = {**known.changes.get("encoder", {}), "seed": seed % ENCODERS}
    own = {"labels": labels, "seed": seed, "pseudo_labels": {"teacher": known.teacher}}
    return resolve_config("quick", {**known.changes, **own, "encoder": encoder})


def measure_once(
    variant: str,
    config: RunConfig,
    data: Dataset,
    compute: Compute,
    *,
    artifacts: Path,
    root: Path,
) -> None:
    """Train and test a teacher unless that was done with these settings, and write what was found.

    The commit is that of the code when the training began.
    """
    budget = resolve_budget(config.labels, data.provenance)
    drawn = draw_labeled(data.train, budget, seed=config.seed)
    planned = config.plan(len(drawn))
    pending = Measurement(
        variant=variant,
        labels=len(drawn),
        seed=config.seed,
        validation_error=1,
        test_error=1,
        seconds=0,
        settings=list_settings(planned),
        dataset=data.provenance.name,
        commit=read_commit(),
        cpu=describe_machine().cpu_model,
    )
    if LEDGER.has(pending, root):
        return
    ERR.print(f"{VARIANTS[variant].title}, {len(drawn)} labels, seed {config.seed}")
    execute = Executor(Store.open(artifacts, None), execute_stage)
    stages = plan_stages(planned, data, compute)
    (network, *_) = stages.train_networks()
    model = execute(network).load()
    predict = functools.partial(stages.teacher.predict, model)
    pool = np.delete(np.arange(len(data.train)), drawn)
    with_labels, without = split_times(network, stages, execute)
    done = pending.model_copy(
        update={
            "seconds": with_labels,
            "shared_seconds": without,
            "validation_error": measure_error(predict, data.validation),
            "test_error": measure_error(predict, data.test),
            "pool_error": measure_error(predict, data.train.take(pool)),
        }
    )
    keras.backend.clear_session()
    LEDGER.add(done, root, render_page)


def plan_stages(config: RunConfig, data: Dataset, compute: Compute) -> RunStages:
    """Return the stages of a run."""
    source = describe_dataset(data.provenance, data)
    return RunStages(config, source, data.provenance, describe_draw(config, source), compute)


def split_times(network: Stage[Any], stages: RunStages, execute: Executor) -> tuple[float, float]:
    """Return the seconds of all that a network needs: what depends on the labels, and what not."""
    seconds = {True: 0.0, False: 0.0}
    for stage in list_stages(network):
        if stage not in (stages.data, stages.drawn):
            seconds[stages.drawn in list_stages(stage)] += execute(stage).seconds
    return seconds[True], seconds[False]


def list_stages(stage: Stage[Any]) -> list[Stage[Any]]:
    """Return a stage and all that it needs, each once."""
    found = [stage]
    for needed in stage.list_inputs():
        found += [other for other in list_stages(needed) if other not in found]
    return found


def list_settings(config: RunConfig) -> dict[str, Any]:
    """Return the settings that a teacher's training depends on."""
    settings = config.model_dump(mode="json")
    return {name: settings[name] for name in TEACHERS[config.pseudo_labels.teacher].depends_on}


def measure_error(predict: Callable[[Images], Float32], part: LabeledImages) -> float:
    """Return the share of images that a network names wrongly."""
    return float((predict(part.images).argmax(axis=1) != part.labels).mean())


def summarize(measurements: Sequence[Measurement]) -> dict[tuple[int, str], Cell]:
    """Return means and intervals over the draws: labels and variant → cell.

    Where a draw was measured with several settings, the last of them count.
    """
    newest = {(found.labels, found.variant, found.seed): found for found in measurements}
    groups: dict[tuple[int, str], list[Measurement]] = {}
    for (labels, variant, _), found in newest.items():
        groups.setdefault((labels, variant), []).append(found)
    return {key: summarize_draws(group) for key, group in groups.items()}


def summarize_draws(draws: Sequence[Measurement]) -> Cell:
    """Return one variant at one budget."""
    pool = [found.pool_error for found in draws if found.pool_error is not None]
    return Cell(
        error=summarize_values([found.test_error for found in draws]),
        pool_error=summarize_values(pool) if len(pool) == len(draws) else None,
        draws=len(draws),
        seconds=float(np.mean([found.seconds for found in draws])),
        shared_seconds=float(np.mean([found.shared_seconds for found in draws])),
    )


def render_page(measurements: Sequence[Measurement]) -> str:
    """Render the page: for every data set a row a variant, a column a budget."""
    sets = list(dict.fromkeys(found.dataset for found in measurements))
    groups = {name: [found for found in measurements if found.dataset == name] for name in sets}
    return load_template(PAGE).render(
        groups={name: summarize(group) for name, group in groups.items()},
        variants={name: variant.title for name, variant in VARIANTS.items()},
        settings={found.variant: found.settings for found in measurements},
        published=PUBLISHED,
        origins=sorted(
            {(found.commit or "unknown", found.cpu, found.dataset) for found in measurements}
        ),
    )


if __name__ == "__main__":
    app()
