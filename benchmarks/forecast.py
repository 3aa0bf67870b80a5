"""Whether labels tell beforehand that augmentation pays: ``python -m benchmarks.forecast``.

What ``--pseudo-labels.trust auto`` foresees from the labeled images alone is set beside what the
students gain on test images, with the teacher's labels counted in full and as the rule says.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from cyclopts import App
from rich.console import Console

from benchmarks.ledger import Ledger
from benchmarks.report import load_template
from benchmarks.spread import Row, summarize_values
from benchmarks.workbench import MNIST, Budgets, Draws, MeasuredDraw, Workbench, group_draws
from gan_aug.arms import BASELINE
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.classifiers.classifier import Classifier
from gan_aug.execution import Executor
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.stages import RunStages
from gan_aug.teachers import TEACHERS
from gan_aug.teachers.trust import Trust

__all__ = ["ARMS", "LEDGER", "Cell", "Forecast", "Rule", "judge_rule", "render_page", "summarize"]

ARMS = ("gan", "real_pool")
PAGE = "forecast.md.j2"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

app = App(name="python -m benchmarks.forecast", help="Measure what labels tell beforehand.")


class Forecast(MeasuredDraw):
    """What one draw of labels foretells for one classifier, and what came of it.

    Attributes:
        classifier: Its name.
        teacher: Name of the teacher.
        trust: How often both are wrong about labels that were held out.
        full: Arm → test accuracy, minus that of the labeled images alone, where the teacher's
            labels count in full.
        ruled: The same where they count as much as they are trusted.
    """

    classifier: str
    teacher: str
    trust: Trust
    full: dict[str, float]
    ruled: dict[str, float]

    @property
    def kind(self) -> str:
        """Whose."""
        return self.classifier


LEDGER = Ledger(Forecast, key="forecasts", name="forecast")


class Cell(NamedTuple):
    """One classifier at one budget, over the draws.

    Attributes:
        draws: How many there are.
        student_error: On labels that were held out.
        teacher_error: Likewise.
        share: How much the teacher's labels count.
        full: Arm → what came of it where they count in full.
        ruled: Arm → what came of it by the rule.
    """

    draws: int
    student_error: Row
    teacher_error: Row
    share: Row
    full: Mapping[str, Row]
    ruled: Mapping[str, Row]


class Rule(NamedTuple):
    """What comes of the rule.

    Attributes:
        always: Mean gain where the teacher's labels count in full, over all classifiers, budgets
            and draws.
        chosen: Mean gain by the rule.
        wrong: How often it left out images that help, or added some that do harm.
        decisions: How often it decided.
    """

    always: float
    chosen: float
    wrong: int
    decisions: int


@app.default
def measure(
    *,
    draws: Draws = 3,
    budgets: Budgets = (100, 1000, 5000),
    preset: Preset = "quick",
    bench: Workbench = MNIST,
) -> None:
    """Measure the draws that are missing; add them to `artifacts/forecast.json`.

    The same command goes on where it was interrupted. What a study trained with the same settings
    is taken from the store.

    Parameters
    ----------
    preset
        Of the other settings.
    bench
        Data and folders.
    """
    for seed in range(draws):
        for labels in budgets:
            changes = {"labels": labels, "seed": seed, "arms": (BASELINE, *ARMS)}
            measure_once(resolve_config(preset, changes), bench)


def measure_once(config: RunConfig, bench: Workbench) -> None:
    """Measure a draw for all classifiers and write what is found, unless that was done before."""
    stages, labels = bench.plan(config), bench.count_labels(config)
    pending = [
        Forecast(
            classifier=name,
            teacher=stages.teacher.name,
            trust=Trust(student_error=1, teacher_error=1),
            full={},
            ruled={},
            labels=labels,
            seed=config.seed,
            settings=list_settings(stages.config, name),
            **bench.describe_origin(),
        )
        for name in config.classifiers
    ]
    missing = [forecast for forecast in pending if not LEDGER.has(forecast, bench.root)]
    execute = bench.open_executor()
    for forecast in missing:
        ERR.print(f"{forecast.dataset}, {forecast.classifier}, {labels} labels, draw {config.seed}")
        found = foretell(CLASSIFIERS[forecast.classifier], config, bench, execute)
        LEDGER.add(forecast.model_copy(update=found), bench.root, render_page)
        keras.backend.clear_session()


def foretell(
    classifier: Classifier, config: RunConfig, bench: Workbench, execute: Executor
) -> dict[str, Any]:
    """Return how much the teacher is trusted, and what its labels are worth."""
    stages, labels = bench.plan(config), bench.count_labels(config)
    judged = stages.judge_teacher(classifier)
    if judged is None:
        sys.exit(
            "budgets: expected a teacher whose labels can be held out, found "
            f"`{stages.teacher.name}` with {labels} labels; lower --budgets"
        )
    trust = execute(judged).load()
    ruled = full = compare_arms(classifier, stages, labels, execute)
    if trust.share < 1:
        changed = config.pseudo_labels.model_copy(update={"trust": 1.0})
        in_full = bench.plan(config.model_copy(update={"pseudo_labels": changed}))
        full = compare_arms(classifier, in_full, labels, execute)
    return {"trust": trust, "full": full, "ruled": ruled}


def list_settings(config: RunConfig, classifier: str) -> dict[str, Any]:
    """Return the settings of a classifier's draw, but those of teachers and others not asked."""
    others = {*TEACHERS, *CLASSIFIERS} - {config.pseudo_labels.teacher, classifier}
    return config.model_dump(mode="json", exclude={"labels", "seed", "classifiers", *others})


def compare_arms(
    classifier: Classifier, stages: RunStages, labels: int, execute: Executor
) -> dict[str, float]:
    """Return what each arm adds to the accuracy on test images."""
    cells = [(classifier.name, arm) for arm in stages.config.arms]
    scores = execute(stages.compare(cells, labels)).load().scores
    accuracies = {score.arm: score.accuracy for score in scores if score.split == "test"}
    return {arm: accuracies[arm] - accuracies[BASELINE] for arm in ARMS}


def summarize(forecasts: Sequence[Forecast]) -> dict[str, dict[tuple[int, str], Cell]]:
    """Return means over the draws: data set → labels and classifier → cell."""
    return {
        name: {key: summarize_draws(draws) for key, draws in sorted(cells.items())}
        for name, cells in group_draws(forecasts).items()
    }


def summarize_draws(draws: Sequence[Forecast]) -> Cell:
    """Return one classifier at one budget."""

    def over_draws(measure_one: Callable[[Forecast], float]) -> Row:
        return summarize_values([measure_one(draw) for draw in draws])

    return Cell(
        draws=len(draws),
        student_error=over_draws(lambda draw: draw.trust.student_error),
        teacher_error=over_draws(lambda draw: draw.trust.teacher_error),
        share=over_draws(lambda draw: draw.trust.share),
        full={arm: summarize_values([draw.full[arm] for draw in draws]) for arm in ARMS},
        ruled={arm: summarize_values([draw.ruled[arm] for draw in draws]) for arm in ARMS},
    )


def judge_rule(forecasts: Sequence[Forecast], arm: str) -> Rule:
    """Say what comes of counting an arm's images as much as the rule says."""
    full, ruled = (
        np.array([getattr(forecast, field)[arm] for forecast in forecasts])
        for field in ("full", "ruled")
    )
    added = np.array([forecast.trust.share > 0 for forecast in forecasts])
    return Rule(
        always=float(full.mean()),
        chosen=float(ruled.mean()),
        wrong=int((np.where(added, -ruled, full) > 0).sum()),
        decisions=len(forecasts),
    )


def render_page(forecasts: Sequence[Forecast]) -> str:
    """Render the page: for every data set what was foreseen and gained, and what the rule does."""
    shown = {
        name: [draw for draws in cells.values() for draw in draws]
        for name, cells in group_draws(forecasts).items()
    }
    return load_template(PAGE).render(
        groups=summarize(forecasts),
        rules={
            name: {arm: judge_rule(draws, arm) for arm in ARMS} for name, draws in shown.items()
        },
        arms=ARMS,
        titles={name: part.title for name, part in CLASSIFIERS.items()},
        origins=sorted({forecast.origin for forecast in forecasts}),
    )


if __name__ == "__main__":
    app()
