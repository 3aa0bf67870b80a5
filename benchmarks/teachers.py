"""Test error of teachers with few labels: ``python -m benchmarks.teachers``.

All are trained on the same draws of labels. Test images are read here and by no one who chooses
settings.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import keras
import numpy as np
from cyclopts import App
from rich.console import Console

from benchmarks.ledger import Ledger
from benchmarks.report import load_template
from benchmarks.spread import Row, summarize_values
from benchmarks.workbench import (
    MNIST,
    NETWORKS,
    Budgets,
    Draws,
    MeasuredDraw,
    Workbench,
    group_draws,
)
from gan_aug.execution import Executor
from gan_aug.images import Float32, Images, LabeledImages
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.stage import Stage
from gan_aug.stages import RunStages
from gan_aug.teachers import TEACHERS

__all__ = ["LEDGER", "VARIANTS", "Cell", "Measurement", "render_page", "summarize"]

BUDGETS = (20, 50, 100, 200, 1000)
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
        {"encoder": {"steps": 2000}, "consistency": {"updates": 1500, "rounds": 3}},
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


class Measurement(MeasuredDraw):
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
    """

    variant: str
    validation_error: float
    test_error: float
    pool_error: float | None = None
    seconds: float
    shared_seconds: float = 0.0

    @property
    def kind(self) -> str:
        """Which of them."""
        return self.variant


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
    draws: Draws = 3,
    budgets: Budgets = BUDGETS,
    variants: tuple[VariantName, ...] = tuple(VARIANTS),
    bench: Workbench = MNIST,
) -> None:
    """Measure what is missing; add it to `artifacts/teachers.json`, and write the page.

    The same command goes on where it was interrupted. Draws take turns with two
    encoders, so that an interval over draws has some of the encoder's spread too.

    Parameters
    ----------
    variants
        What to measure.
    bench
        Data and folders.
    """
    for seed in range(draws):
        for labels in budgets:
            for variant in variants:
                measure_once(variant, configure(variant, labels, seed), bench)


def configure(variant: str, labels: int, seed: int) -> RunConfig:
    """Return the settings of a run with the teacher of a variant."""
    known = VARIANTS[variant]
    encoder = {**known.changes.get("encoder", {}), "seed": seed % NETWORKS}
    own = {"labels": labels, "seed": seed, "pseudo_labels": {"teacher": known.teacher}}
    return resolve_config("quick", {**known.changes, **own, "encoder": encoder})


def measure_once(variant: str, config: RunConfig, bench: Workbench) -> None:
    """Train and test a teacher and write what is found, unless that was done before."""
    stages = bench.plan(config)
    labels = bench.count_labels(config)
    pending = Measurement(
        variant=variant,
        labels=labels,
        seed=config.seed,
        validation_error=1,
        test_error=1,
        seconds=0,
        settings=list_settings(stages.config),
        **bench.describe_origin(),
    )
    if LEDGER.has(pending, bench.root):
        return
    ERR.print(f"{VARIANTS[variant].title}, {labels} labels, seed {config.seed}")
    execute = bench.open_executor()
    (network, *_) = stages.train_networks()
    predict = functools.partial(stages.teacher.predict, execute(network).load())
    pool = np.delete(np.arange(len(bench.data.train)), execute(stages.drawn).load())
    with_labels, without = split_times(network, stages, execute)
    done = pending.model_copy(
        update={
            "seconds": with_labels,
            "shared_seconds": without,
            "validation_error": measure_error(predict, bench.data.validation),
            "test_error": measure_error(predict, bench.data.test),
            "pool_error": measure_error(predict, bench.data.train.take(pool)),
        }
    )
    keras.backend.clear_session()
    LEDGER.add(done, bench.root, render_page)


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


def summarize(measurements: Sequence[Measurement]) -> dict[str, dict[tuple[int, str], Cell]]:
    """Return means and intervals over the draws: data set → labels and variant → cell."""
    return {
        name: {key: summarize_draws(draws) for key, draws in cells.items()}
        for name, cells in group_draws(measurements).items()
    }


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
    return load_template(PAGE).render(
        groups=summarize(measurements),
        variants={name: variant.title for name, variant in VARIANTS.items()},
        settings={found.variant: found.settings for found in measurements},
        published=PUBLISHED,
        origins=sorted({found.origin for found in measurements}),
    )


if __name__ == "__main__":
    app()
