"""Whether labels tell beforehand that augmentation pays: ``python -m benchmarks.forecast``.

A student can learn from a teacher that errs less than it does by itself. Both errors are estimated
from the labeled images alone, and set beside what the students gain on test images. Test images
choose nothing.
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
from gan_aug.arms import build_training_set
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.classifiers.classifier import Classifier
from gan_aug.classifiers.cnn import CNN
from gan_aug.execution import Executor
from gan_aug.images import LabeledImages
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.stages import RunStages
from gan_aug.teachers import TEACHERS
from gan_aug.teachers.consistency import CONSISTENCY, describe_propagation, train_encoder
from gan_aug.teachers.ensemble import split_folds

__all__ = ["ARMS", "LEDGER", "Cell", "Forecast", "Rule", "judge_rule", "render_page", "summarize"]

ARMS = ("gan", "real_pool")
FOLDS = 5
PAGE = "forecast.md.j2"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

app = App(name="python -m benchmarks.forecast", help="Measure what labels tell beforehand.")


class Forecast(MeasuredDraw):
    """What one draw of labels foretells for one classifier, and what came of it.

    Attributes:
        classifier: Its name.
        teacher: Name of the teacher.
        student_error: Of the classifier, trained on four fifths of the labels at a time and asked
            about the others; in [0, 1].
        teacher_error: Of the teacher's labels for images whose own labels were held out.
        gains: Arm → test accuracy, minus that of the labeled images alone.
    """

    classifier: str
    teacher: str
    student_error: float
    teacher_error: float
    gains: dict[str, float]

    @property
    def kind(self) -> str:
        """Whose."""
        return self.classifier

    @property
    def foreseen(self) -> float:
        """By how much the student errs more often than the teacher, in [-1, 1]."""
        return self.student_error - self.teacher_error


LEDGER = Ledger(Forecast, key="forecasts", name="forecast")


class Cell(NamedTuple):
    """One classifier at one budget, over the draws.

    Attributes:
        draws: How many there are.
        student_error: Cross-fitted.
        teacher_error: Held out.
        foreseen: The difference of both.
        gains: Arm → what came of it.
    """

    draws: int
    student_error: Row
    teacher_error: Row
    foreseen: Row
    gains: Mapping[str, Row]


class Rule(NamedTuple):
    """What comes of adding images only where the student errs more often than the teacher.

    Attributes:
        always: Mean gain of adding them in any case, over all classifiers, budgets and draws.
        chosen: Mean gain where the rule decides; nothing is gained where it leaves them out.
        wrong: How often it left out images that helped, or added some that did harm.
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
            changes = {"labels": labels, "seed": seed, "arms": ("original", *ARMS)}
            measure_once(resolve_config(preset, changes), bench)


def measure_once(config: RunConfig, bench: Workbench) -> None:
    """Measure a draw for all classifiers and write what is found, unless that was done before."""
    stages, labels = bench.plan(config), bench.count_labels(config)
    pending = [
        Forecast(
            classifier=name,
            teacher=stages.teacher.name,
            student_error=1,
            teacher_error=1,
            gains={},
            labels=labels,
            seed=config.seed,
            settings=list_settings(stages.config, name),
            **bench.describe_origin(),
        )
        for name in config.classifiers
    ]
    missing = [forecast for forecast in pending if not LEDGER.has(forecast, bench.root)]
    if not missing:
        return
    ERR.print(f"{bench.data.provenance.name}, {labels} labels, draw {config.seed}")
    execute = bench.open_executor()
    drawn = bench.data.train.take(execute(stages.drawn).load())
    teacher_error = estimate_teacher(stages, drawn, execute)
    for forecast in missing:
        classifier = CLASSIFIERS[forecast.classifier]
        found = {
            "student_error": cross_fit_error(classifier, "original", stages, drawn),
            "teacher_error": teacher_error,
            "gains": compare_arms(classifier, stages, labels, execute),
        }
        LEDGER.add(forecast.model_copy(update=found), bench.root, render_page)
    keras.backend.clear_session()


def list_settings(config: RunConfig, classifier: str) -> dict[str, Any]:
    """Return the settings of a classifier's draw, but those of teachers and others not asked."""
    others = {*TEACHERS, *CLASSIFIERS} - {config.pseudo_labels.teacher, classifier}
    return config.model_dump(mode="json", exclude={"labels", "seed", "classifiers", *others})


def estimate_teacher(stages: RunStages, labeled: LabeledImages, execute: Executor) -> float:
    """Return how often the teacher is wrong about labels that are held out, in [0, 1].

    Labels of `consistency` are held out where they spread, which needs no training more.
    """
    if stages.teacher is CONSISTENCY:
        spread = execute(describe_propagation(stages, train_encoder(stages))).load()
        return float(spread.tested_wrong.mean())
    if stages.teacher.arm is None:
        sys.exit(
            f"preset: expected a teacher whose labels can be held out, found {stages.teacher.name}"
        )
    return cross_fit_error(CNN, stages.teacher.arm, stages, labeled)


def cross_fit_error(
    classifier: Classifier, arm: str, stages: RunStages, labeled: LabeledImages
) -> float:
    """Return how often a classifier errs about the labels of folds that it was not trained on.

    Args:
        classifier: What is trained.
        arm: Name of an arm that needs no teacher.
        stages: Of the run.
        labeled: Images whose labels may be seen.
    """
    wrong = np.empty(len(labeled), bool)
    seed = stages.config.seed
    for learned, asked in split_folds(labeled.labels, FOLDS, seed=seed):
        model = classifier.train(
            build_training_set(labeled, learned, **stages.describe_arm(arm)),
            stages.config.of(classifier),
            seed=seed,
            compute=stages.compute,
        )
        named = classifier.predict(model, labeled.images[asked]).argmax(axis=1)
        wrong[asked] = named != labeled.labels[asked]
    return float(wrong.mean())


def compare_arms(
    classifier: Classifier, stages: RunStages, labels: int, execute: Executor
) -> dict[str, float]:
    """Return what each arm adds to the accuracy on test images."""
    cells = [(classifier.name, arm) for arm in stages.config.arms]
    scores = execute(stages.compare(cells, labels)).load().scores
    accuracies = {score.arm: score.accuracy for score in scores if score.split == "test"}
    return {arm: accuracies[arm] - accuracies["original"] for arm in ARMS}


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
        student_error=over_draws(lambda draw: draw.student_error),
        teacher_error=over_draws(lambda draw: draw.teacher_error),
        foreseen=over_draws(lambda draw: draw.foreseen),
        gains={arm: summarize_values([draw.gains[arm] for draw in draws]) for arm in ARMS},
    )


def judge_rule(forecasts: Sequence[Forecast], arm: str) -> Rule:
    """Say what comes of adding an arm's images only where that is foreseen to help."""
    gains = np.array([forecast.gains[arm] for forecast in forecasts])
    added = np.array([forecast.foreseen > 0 for forecast in forecasts])
    return Rule(
        always=float(gains.mean()),
        chosen=float(np.where(added, gains, 0).mean()),
        wrong=int((np.where(added, -gains, gains) > 0).sum()),
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
        teachers={name: {draw.labels: draw.teacher for draw in own} for name, own in shown.items()},
        titles={name: part.title for name, part in CLASSIFIERS.items()},
        folds=FOLDS,
        origins=sorted({forecast.origin for forecast in forecasts}),
    )


if __name__ == "__main__":
    app()
