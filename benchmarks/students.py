"""What students gain from every training set: ``python -m benchmarks.students``.

A draw of labels is a whole run, with its own labeled images, teacher, DCGAN and samples, as in
``gan-aug study``; what is found of it is kept without the networks, so that draws can be added on
another machine. Every student meets the test images once.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import keras
from cyclopts import App
from pydantic import Field
from rich.console import Console

from benchmarks.ledger import Ledger
from benchmarks.report import load_template
from benchmarks.spread import CONFIDENCE_LEVEL
from benchmarks.workbench import MNIST, Draws, MeasuredDraw, Workbench, group_alike
from gan_aug.arms import ARMS, BASELINE, CONTRASTS, STUDY_ARMS, list_buildable
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.comparison import Score
from gan_aug.evaluation.study import (
    CellSummary,
    StudyResult,
    arrange_arms,
    summarize_study,
)
from gan_aug.pipeline import plan_run, run_stages
from gan_aug.reporting.tables import show_difference
from gan_aug.settings.base import Budget
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.run import RunConfig

__all__ = ["LEDGER", "Draw", "render_page", "summarize"]

PAGE = "students.md.j2"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)
[(BOTH, POOL)] = CONTRASTS

app = App(name="python -m benchmarks.students", help="Measure what students gain.")


class Draw(MeasuredDraw):
    """One draw of labels, and how well each classifier does on each training set.

    Attributes:
        teacher: Name of the teacher.
        teacher_error: On validation images, in [0, 1].
        trust: Classifier → how much the teacher's labels count, in [0, 1]; in full where it is
            missing.
        scores: On test images.
    """

    teacher: str
    teacher_error: float
    trust: dict[str, float] = Field(default_factory=dict)
    scores: list[Score]


LEDGER = Ledger(Draw, key="draws", name="students", indent=None)


class Group(NamedTuple):
    """The draws of one data set.

    Attributes:
        draws: Label budget → those that have the settings of the last.
        result: Their means, and what they say together.
    """

    draws: Mapping[int, Sequence[Draw]]
    result: StudyResult

    @property
    def means(self) -> dict[tuple[Any, ...], dict[str, CellSummary]]:
        """Label budget and classifier → arm → mean."""
        return arrange_arms(self.result.summaries, attrgetter("budget", "classifier"))

    @property
    def rows(self) -> dict[tuple[Any, ...], dict[str, Score]]:
        """Label budget, classifier and seed → arm → score."""
        return arrange_arms(self.result.scores, attrgetter("budget", "classifier", "seed"))


@app.default
def measure(
    *,
    draws: Draws = 5,
    budgets: tuple[Budget, ...] = (100, 1000),
    preset: Preset = "quick",
    bench: Workbench = MNIST,
) -> None:
    """Measure the draws that are missing; add them to `artifacts/students.json`, write the page.

    The same command goes on where it was interrupted.

    Parameters
    ----------
    budgets
        Label budgets, or `all`.
    preset
        Of the other settings.
    bench
        Data and folders.
    """
    for seed in range(draws):
        for labels in budgets:
            changes = {"dataset": bench.dataset, "labels": labels, "seed": seed}
            measure_once(resolve_config(preset, {**changes, "arms": STUDY_ARMS}), bench)


def measure_once(config: RunConfig, bench: Workbench) -> None:
    """Do the run of a draw and write what is found, unless that was done before."""
    stages, labels = bench.plan(config), bench.count_labels(config)
    pending = Draw(
        teacher=stages.teacher.name,
        teacher_error=1,
        scores=[],
        labels=labels,
        seed=config.seed,
        settings=list_settings(config),
        **bench.describe_origin(),
    )
    if LEDGER.has(pending, bench.root):
        return
    ERR.print(f"{pending.dataset}, {labels} labels, draw {config.seed}")
    unlabeled = bench.data.provenance.count_training_images() - labels
    buildable = list_buildable(config.arms, unlabeled)
    execute = bench.open_executor()
    plan = plan_run(
        execute, config.model_copy(update={"arms": buildable}), bench.source, bench.compute
    )
    outcome = run_stages(plan, execute)
    found = {
        "teacher_error": 1 - outcome.calibration.load().accuracy,
        "trust": {name: output.load().share for name, output in outcome.trust.items()},
        "scores": [score for score in outcome.comparison.scores if score.split == "test"],
    }
    LEDGER.add(pending.model_copy(update=found), bench.root, render_page)
    keras.backend.clear_session()


def list_settings(config: RunConfig) -> dict[str, Any]:
    """Return the settings that draws of a mean have in common, before they are planned."""
    return config.model_dump(mode="json", exclude={"labels", "seed", "dataset"})


def summarize(draws: Sequence[Draw]) -> dict[str, Group]:
    """Return means over the draws of each data set that have the settings of its last."""
    return {
        name: Group(budgets, average(chain.from_iterable(budgets.values())))
        for name, budgets in group_alike(draws).items()
    }


def average(draws: Iterable[Draw]) -> StudyResult:
    """Return the means of draws."""
    scores = [score for draw in draws for score in draw.scores]
    return summarize_study(scores, [], confidence_level=CONFIDENCE_LEVEL)


def render_page(draws: Sequence[Draw]) -> str:
    """Render the page: for every data set a row a label budget and classifier."""
    return load_template(PAGE).render(
        groups=summarize(draws),
        arms={arm: ARMS[arm].description for arm in STUDY_ARMS},
        titles={name: part.title for name, part in CLASSIFIERS.items()},
        show=show_difference,
        baseline=BASELINE,
        both=BOTH,
        pool=POOL,
        origins=sorted({draw.origin for draw in draws}),
    )


if __name__ == "__main__":
    app()
