"""A DCGAN that is told of classes, beside one that is not: ``python -m benchmarks.conditioning``.

Both are trained with the same labels, teacher and seed. An oracle, trained on all training labels,
says how many labels of accepted images are right; it decides nothing. Every student meets the test
images once.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import keras
from cyclopts import App
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from benchmarks.ledger import Ledger
from benchmarks.report import load_template
from benchmarks.spread import Row, summarize_values
from benchmarks.workbench import MNIST, Budgets, Draws, MeasuredDraw, Workbench, group_alike
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.data.dataset import Dataset
from gan_aug.evaluation.comparison import Comparison
from gan_aug.evaluation.quality import extract_features
from gan_aug.execution import Executor
from gan_aug.images import Decision, Images, Labels, PseudoLabels
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.pseudo_labels import TeacherName
from gan_aug.settings.run import RunConfig
from gan_aug.stages import RunStages
from gan_aug.teachers import TEACHERS
from gan_aug.teachers.consistency import CONSISTENCY

__all__ = ["LEDGER", "Draw", "Way", "render_page", "summarize"]

PAGE = "conditioning.md.j2"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

PLAIN, CONDITIONED = "none", "teacher"
CONDITIONS = (PLAIN, CONDITIONED)
"""Values of ``--dcgan.condition``."""
BASELINE, ARM = "original", "gan"

Oracle = Callable[[Images], Labels]
Metric = Callable[["Way"], float]

app = App(
    name="python -m benchmarks.conditioning", help="Measure what it is worth to tell the DCGAN."
)


class Way(BaseModel):
    """What became of the images of one DCGAN.

    Attributes:
        decisions: Name of a decision, ``accepted`` → images.
        right: Accepted images that the oracle takes for the class that they are labeled as.
        agreement: Share in [0, 1] of all images that the teacher takes for the class that they were
            meant to have; None where none was meant.
        accuracies: Classifier → accuracy on the test images, trained with the accepted images.
    """

    model_config = ConfigDict(frozen=True)

    decisions: dict[str, int]
    right: int
    agreement: float | None
    accuracies: dict[str, float]

    @property
    def accepted(self) -> int:
        """Images that entered the training sets."""
        return self.decisions[name_decision(Decision.ACCEPTED)]

    @property
    def usable(self) -> float:
        """Share of the images in [0, 1] that were accepted, or would be if there were room."""
        surplus = self.decisions[name_decision(Decision.SURPLUS)]
        return (self.accepted + surplus) / sum(self.decisions.values())

    @property
    def purity(self) -> float:
        """Share of the accepted images in [0, 1] whose label the oracle shares."""
        return self.right / self.accepted


class Draw(MeasuredDraw):
    """One draw of labels, and all that was trained with it.

    Attributes:
        oracle: Accuracy of the oracle on the validation images.
        teacher: Accuracy of the teacher on them.
        original: Classifier → accuracy on the test images, trained on the labeled images alone.
        ways: Condition → what became of its images.
    """

    oracle: float
    teacher: float
    original: dict[str, float]
    ways: dict[str, Way]


LEDGER = Ledger(Draw, key="draws", name="conditioning")


@app.default
def measure(
    *,
    draws: Draws = 3,
    budgets: Budgets = (100, 1000),
    teacher: TeacherName = CONSISTENCY.name,
    preset: Preset = "quick",
    steps: int | None = None,
    bench: Workbench = MNIST,
) -> None:
    """Measure the draws that are missing; add them to `artifacts/conditioning.json`.

    The same command goes on where it was interrupted.

    Parameters
    ----------
    teacher
        Who names the images.
    preset
        Of the other settings.
    steps
        Of the DCGANs; by default the preset's.
    bench
        Data and folders.
    """
    changes: dict[str, Any] = {"pseudo_labels": {"teacher": teacher}, "arms": (BASELINE, ARM)}
    if steps:
        changes["dcgan"] = {"steps": steps}
    for seed in range(draws):
        for labels in budgets:
            config = resolve_config(preset, {**changes, "labels": labels, "seed": seed})
            measure_once(config, labels, bench)


def measure_once(config: RunConfig, labels: int, bench: Workbench) -> None:
    """Measure a draw and write what is found, unless that was done before."""
    pending = Draw(
        labels=labels,
        seed=config.seed,
        oracle=0,
        teacher=0,
        original={},
        ways={},
        settings=list_settings(config),
        **bench.describe_origin(),
    )
    if LEDGER.has(pending, bench.root):
        return
    ERR.print(f"{pending.dataset}, {labels} labels, draw {config.seed}")
    plans = {condition: bench.plan(choose(config, condition)) for condition in CONDITIONS}
    done = run_draw(pending, plans, bench.open_executor(), bench.data)
    keras.backend.clear_session()
    LEDGER.add(done, bench.root, render_page)


def choose(config: RunConfig, condition: str) -> RunConfig:
    """Return the settings of a run whose DCGAN is told that much, and nothing else is changed."""
    dcgan = config.dcgan.model_copy(update={"condition": condition})
    return config.model_copy(update={"dcgan": dcgan})


def run_draw(
    pending: Draw, plans: Mapping[str, RunStages], execute: Executor, data: Dataset
) -> Draw:
    """Train all that a draw needs, and return it with what was found."""
    plain = plans[PLAIN]
    judge = execute(plain.train_judge()).load()

    def ask_oracle(images: Images) -> Labels:
        return extract_features(judge, images).labels

    right = ask_oracle(data.validation.images) == data.validation.labels
    return pending.model_copy(
        update={
            "oracle": float(right.mean()),
            "teacher": execute(plain.assess_teacher()).load().accuracy,
            "original": read_accuracies(compare(plain, execute, pending.labels), BASELINE),
            "ways": {
                condition: run_way(stages, execute, pending.labels, ask_oracle)
                for condition, stages in plans.items()
            },
        }
    )


def run_way(stages: RunStages, execute: Executor, labels: int, ask_oracle: Oracle) -> Way:
    """Train a DCGAN and the students on what is accepted of its images."""
    pseudo: PseudoLabels = execute(stages.label_images("synthetic")).load()
    accepted = pseudo.accepted
    right = ask_oracle(pseudo.images[accepted]) == pseudo.labels[accepted]
    return Way(
        decisions={
            name_decision(decision): int((pseudo.decisions == decision).sum())
            for decision in Decision
        },
        right=int(right.sum()),
        agreement=None if pseudo.agreement is None else float(pseudo.agreement.mean()),
        accuracies=read_accuracies(compare(stages, execute, labels), ARM),
    )


def compare(stages: RunStages, execute: Executor, labels: int) -> Comparison:
    """Train the students of a run and score them, or find the scores in the store."""
    cells = [(name, arm) for name in stages.config.classifiers for arm in stages.config.arms]
    comparison: Comparison = execute(stages.compare(cells, labels)).load()
    return comparison


def read_accuracies(comparison: Comparison, arm: str) -> dict[str, float]:
    """Return each classifier's accuracy on the test images."""
    return {
        score.classifier: score.accuracy
        for score in comparison.scores
        if (score.arm, score.split) == (arm, "test")
    }


def name_decision(decision: Decision) -> str:
    """``low confidence``."""
    return decision.name.lower().replace("_", " ")


def list_settings(config: RunConfig) -> dict[str, Any]:
    """Return the settings of a draw beside labels and seed, but those of teachers not asked."""
    others = set(TEACHERS) - {config.pseudo_labels.teacher}
    return config.model_dump(mode="json", exclude={"labels", "seed", *others})


def read_accuracy(classifier: str) -> Metric:
    """Return the metric that is a classifier's accuracy on the test images."""
    return lambda way: way.accuracies[classifier]


METRICS: Mapping[str, Metric] = {
    "yield": attrgetter("usable"),
    "purity": attrgetter("purity"),
    **{name: read_accuracy(name) for name in CLASSIFIERS},
}
"""Name → how it is measured; a classifier's is its test accuracy."""


def summarize(draws: Sequence[Draw], metric: str, condition: str | None = None) -> Row:
    """Return a metric's mean and interval over draws.

    Args:
        draws: Of one data set and budget.
        metric: One of :data:`METRICS`.
        condition: Whose; by default what the conditioned DCGAN's is above the plain one's, draw by
            draw.
    """
    measure_one = METRICS[metric]
    if condition:
        return summarize_values([measure_one(draw.ways[condition]) for draw in draws])
    return summarize_values(
        [measure_one(draw.ways[CONDITIONED]) - measure_one(draw.ways[PLAIN]) for draw in draws]
    )


def render_page(draws: Sequence[Draw]) -> str:
    """Render the page: for every data set and budget what became of images and students."""
    groups = group_alike(draws)
    shown = [draw for budgets in groups.values() for own in budgets.values() for draw in own]
    return load_template(PAGE).render(
        groups=groups,
        summarize=summarize,
        summarize_values=summarize_values,
        titles={name: part.title for name, part in CLASSIFIERS.items()},
        plain=PLAIN,
        conditioned=CONDITIONED,
        origins=sorted({draw.origin for draw in shown}),
    )


if __name__ == "__main__":
    app()
