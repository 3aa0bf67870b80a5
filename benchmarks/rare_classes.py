"""Recall of rare classes, before and after: ``python -m benchmarks.rare_classes``.

Labeled images and pool are imbalanced alike. Training sets that bring the classes to one size by
synthetic or by pool images stand beside the labeled images alone, beside class weights, and beside
oversampling. Every model meets the test images once; nothing is chosen by them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any

import keras
import numpy as np
from cyclopts import App, Parameter, validators
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from scipy import stats

from benchmarks.imbalance import (
    arrange_classes,
    describe_counted_draw,
    size_classes,
    thin_classes,
)
from benchmarks.ledger import Ledger
from benchmarks.report import load_template
from benchmarks.spread import CONFIDENCE_LEVEL, Row, summarize_values
from benchmarks.workbench import MNIST, Draws, Measured, Workbench
from gan_aug.arms import ARMS, Need
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.data.dataset import Dataset, describe_dataset
from gan_aug.device import Compute
from gan_aug.evaluation.balance import measure_balanced_accuracy, measure_macro_f1
from gan_aug.evaluation.comparison import ClassDifference, Comparison
from gan_aug.execution import Executor
from gan_aug.images import Labels, PseudoLabels
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.stages import RunStages

__all__ = ["LEDGER", "Draw", "Result", "render_page", "summarize"]

RARE = 3
PAGE = "rare_classes.md.j2"
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

BASELINE = "original"
WEIGHTED = "class_weight"
LEVELED = "gan, level"
NAMED = ("mnist", "digits")
SETS: Mapping[str, tuple[str, ...]] = {
    "level": (BASELINE, WEIGHTED, "oversample", "shift", "gan", "real_pool"),
    "cap": (BASELINE, "gan"),
}
"""``--pseudo-labels.balance`` → the arms that are compared with it."""

Metric = Callable[["Draw", "Result"], float]

app = App(name="python -m benchmarks.rare_classes", help="Measure the recall of rare classes.")


class Result(BaseModel):
    """One classifier, trained on one training set, on the test images.

    Attributes:
        classifier: Its name.
        training_set: Arm, and balance where it has accepted images: ``gan, level``.
        n_train: Images in the training set.
        confusion: ``confusion[i][j]``: images of the i-th class that are taken for the j-th.
        differences: Recalls minus those by ``original``, of the classes with the fewest labels.
    """

    model_config = ConfigDict(frozen=True)

    classifier: str
    training_set: str
    n_train: int
    confusion: list[list[int]]
    differences: tuple[ClassDifference, ...]

    @property
    def recalls(self) -> list[float]:
        """Share of the test images of each class that are right."""
        return [row[label] / sum(row) for label, row in enumerate(self.confusion)]


class Draw(Measured):
    """One draw of labels, and all that was trained with it.

    Attributes:
        seed: Of the draw and of every network.
        labeled: Class → labeled images, the most common first.
        pool: Class → training images without a label, in the same order.
        accepted: Training set → class → images accepted, by the teacher's top class.
        right: Training set → class → those of them whose true class that is; of real images alone.
        results: Of every classifier and training set.
        settings: Of the run.
    """

    seed: int
    labeled: dict[str, int]
    pool: dict[str, int]
    accepted: dict[str, dict[str, int]]
    right: dict[str, dict[str, int]]
    results: list[Result]
    settings: dict[str, Any]

    @property
    def cell(self) -> tuple[str, int, str]:
        """What it measures: the same for one that would only be measured again."""
        return self.dataset, self.seed, json.dumps([self.labeled, self.settings], sort_keys=True)

    @property
    def plan(self) -> tuple[dict[str, Any], list[int]]:
        """What is the same for draws that have a mean."""
        return self.settings, list(self.labeled.values())

    @property
    def rare(self) -> list[str]:
        """The classes with the fewest labels, the rarest last."""
        return list(self.labeled)[-RARE:]

    def place(self, name: str) -> int:
        """Return the place of a class among the rows of a confusion matrix."""
        classes: list[str] = self.settings["classes"]
        return classes.index(name)

    def find(self, classifier: str, training_set: str) -> Result:
        """Return a result."""
        return next(
            result
            for result in self.results
            if (result.classifier, result.training_set) == (classifier, training_set)
        )


LEDGER = Ledger(Draw, key="draws", name="rare_classes")


@app.default
def measure(
    *,
    draws: Draws = 3,
    most: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 100,
    fewest: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 5,
    steps: int = 2000,
    images: int = 60_000,
    bench: Workbench = MNIST,
) -> None:
    """Measure the draws that are missing; add them to `artifacts/rare_classes.json`.

    The same command goes on where it was interrupted. Each draw has other rare classes.

    Parameters
    ----------
    most
        Labeled images of the most common class.
    fewest
        Labeled images of the rarest class; those of the others lie between, a fixed ratio apart.
    steps
        Of the DCGAN.
    images
        Synthetic images offered to the teacher.
    bench
        Data and folders.
    """
    classes = bench.data.spec.classes
    changes = {
        "dcgan": {"steps": steps},
        "synthesis": {"images": images},
        "pseudo_labels": {"teacher": "shift"},
    }
    for seed in range(draws):
        order = arrange_classes(len(classes), RARE, seed)
        sizes = size_classes(len(classes), most, fewest)
        labeled = {classes[label]: size for label, size in zip(order, sizes, strict=True)}
        config = resolve_config("quick", {**changes, "labels": sum(sizes), "seed": seed})
        measure_once(config, labeled, bench)


def measure_once(config: RunConfig, labeled: Mapping[str, int], bench: Workbench) -> None:
    """Measure a draw and write what is found, unless that was done before."""
    loaded = bench.data
    classes = loaded.spec.classes
    counts = [labeled[name] for name in classes]
    data = thin_classes(loaded, counts, seed=config.seed)
    sizes = data.spec.count_images(data.train.labels)
    pending = Draw(
        seed=config.seed,
        labeled=dict(labeled),
        pool={name: sizes[name] - count for name, count in labeled.items()},
        accepted={},
        right={},
        results=[],
        settings=list_settings(config, classes),
        **bench.describe_origin(),
    )
    if LEDGER.has(pending, bench.root):
        return
    ERR.print(f"{pending.dataset}, draw {config.seed}, rare: {', '.join(pending.rare)}")
    execute = bench.open_executor()
    done = pending
    for stages in plan_balances(config, data, counts, bench.compute):
        done = run_balance(stages, execute, data, done)
    keras.backend.clear_session()
    LEDGER.add(done, bench.root, render_page)


def plan_balances(
    config: RunConfig, data: Dataset, counts: Sequence[int], compute: Compute
) -> Iterator[RunStages]:
    """Yield the stages of a run for each balance; they differ in nothing else."""
    source = describe_dataset(data.provenance, data)
    drawn = describe_counted_draw(source, counts, seed=config.seed)
    images = data.provenance.count_training_images()
    for balance, arms in SETS.items():
        acceptance = config.pseudo_labels.model_copy(update={"balance": balance})
        own = config.model_copy(update={"pseudo_labels": acceptance, "arms": arms})
        yield RunStages(own.plan(sum(counts), images), source, data.provenance, drawn, compute)


def run_balance(stages: RunStages, execute: Executor, data: Dataset, draw: Draw) -> Draw:
    """Train and compare all classifiers on the arms of a balance; add what is new to the draw."""
    config = stages.config
    cells = [(name, arm) for name in config.classifiers for arm in config.arms]
    comparison: Comparison = execute(stages.compare(cells, sum(draw.labeled.values()))).load()
    known = {(found.classifier, found.training_set) for found in draw.results}
    results = [
        Result(
            classifier=score.classifier,
            training_set=title,
            n_train=score.n_train,
            confusion=score.confusion,
            differences=score.rare_classes,
        )
        for score in comparison.scores
        if score.split == "test"
        and (score.classifier, title := name_set(score.arm, config)) not in known
    ]
    truth = np.delete(data.train.labels, execute(stages.drawn).load())
    accepted, right = dict(draw.accepted), dict(draw.right)
    for arm in config.arms:
        for need in ARMS[arm].needs:
            pseudo = execute(stages.label_images(need)).load()
            counted = count_accepted(pseudo, need, truth, draw)
            accepted[name_set(arm, config)] = counted[0]
            right.update({name_set(arm, config): counted[1]} if need == "pool" else {})
    added = {"accepted": accepted, "right": right, "results": [*draw.results, *results]}
    return draw.model_copy(update=added)


def count_accepted(
    pseudo: PseudoLabels, need: Need, truth: Labels, draw: Draw
) -> tuple[dict[str, int], dict[str, int]]:
    """Count the accepted images of each class, and those that are of it, where that is known."""
    own = {name: pseudo.accepted & (pseudo.labels == draw.place(name)) for name in draw.labeled}
    accepted = {name: int(marks.sum()) for name, marks in own.items()}
    if need != "pool":
        return accepted, {}
    return accepted, {name: int((truth[own[name]] == draw.place(name)).sum()) for name in own}


def name_set(arm: str, config: RunConfig) -> str:
    """``gan, level``; the arm alone where it has no accepted images."""
    return f"{arm}, {config.pseudo_labels.balance}" if ARMS[arm].needs else arm


def list_settings(config: RunConfig, classes: Sequence[str]) -> dict[str, Any]:
    """Return the settings that a draw's results depend on."""
    settings = config.model_dump(mode="json")
    names = ["dcgan", "synthesis", "pseudo_labels", "augmentation", *config.classifiers]
    sets = {balance: list(arms) for balance, arms in SETS.items()}
    return {"classes": list(classes), "sets": sets, **{name: settings[name] for name in names}}


def list_rare_recalls(draw: Draw, result: Result) -> list[float]:
    """Return the recall of each rare class."""
    return [result.recalls[draw.place(name)] for name in draw.rare]


def measure_rare_recall(draw: Draw, result: Result) -> float:
    """Return the mean recall of the rare classes."""
    return float(np.mean(list_rare_recalls(draw, result)))


METRICS: Mapping[str, Metric] = {
    "recall of the rare classes": measure_rare_recall,
    "balanced accuracy": lambda _, result: measure_balanced_accuracy(result.confusion),
    "macro F1": lambda _, result: measure_macro_f1(result.confusion),
}
"""Title → how it is measured."""


def summarize(
    draws: Sequence[Draw],
    classifier: str,
    training_set: str,
    metric: str,
    beside: str | None = None,
) -> Row:
    """Return a metric's mean and interval over the draws of a data set.

    Args:
        draws: Of one data set.
        classifier: Its name.
        training_set: What it was trained on.
        metric: One of :data:`METRICS`.
        beside: Another training set; what is summarized are then the differences from it, draw by
            draw.
    """
    measure_one = METRICS[metric]
    values = []
    for draw in draws:
        value = measure_one(draw, draw.find(classifier, training_set))
        base = measure_one(draw, draw.find(classifier, beside)) if beside else 0.0
        values.append(value - base)
    return summarize_values(values)


def compare_classes(draws: Sequence[Draw], classifier: str, training_set: str, beside: str) -> Row:
    """Return the mean and the interval of differences in recall over the rare classes of all draws.

    Args:
        draws: Of one data set.
        classifier: Its name.
        training_set: What it was trained on.
        beside: The training set to compare with.
    """
    recalls = [
        [list_rare_recalls(draw, draw.find(classifier, name)) for draw in draws]
        for name in (training_set, beside)
    ]
    after, before = np.array(recalls).reshape(2, -1)
    return summarize_values((after - before).tolist())


def bound_recall(draw: Draw, result: Result, name: str) -> tuple[float, float, float]:
    """Return a class's recall and Wilson's interval for it, over the test images."""
    row = result.confusion[draw.place(name)]
    right = stats.binomtest(row[draw.place(name)], sum(row))
    interval = right.proportion_ci(CONFIDENCE_LEVEL, method="wilson")
    return float(right.statistic), float(interval.low), float(interval.high)


def find_difference(result: Result, name: str) -> ClassDifference:
    """Return how the recall of a class differs from that by ``original``."""
    return next(found for found in result.differences if found.name == name)


def group_draws(draws: Sequence[Draw]) -> dict[str, list[Draw]]:
    """Return the draws of each data set that have the settings of its last one, by their seeds."""
    last = {draw.dataset: draw.plan for draw in draws}
    return {
        name: sorted(
            (draw for draw in draws if (draw.dataset, draw.plan) == (name, newest)),
            key=attrgetter("seed"),
        )
        for name, newest in last.items()
    }


def list_sets(draw: Draw) -> list[str]:
    """Return the training sets in the order of the page."""
    found = dict.fromkeys(result.training_set for result in draw.results)
    return sorted(found, key=lambda name: (SETS["level"].index(name.partition(",")[0]), name))


def render_page(draws: Sequence[Draw]) -> str:
    """Render the page: for every data set and classifier a row a training set."""
    groups = group_draws(draws)
    shown = [draw for group in groups.values() for draw in group]
    return load_template(PAGE).render(
        groups=groups,
        sets=list_sets,
        metrics=METRICS,
        summarize=summarize,
        compare_classes=compare_classes,
        bound_recall=bound_recall,
        find_difference=find_difference,
        titles={name: part.title for name, part in CLASSIFIERS.items()},
        descriptions={name: arm.description for name, arm in ARMS.items()},
        rare=RARE,
        baseline=BASELINE,
        weighted=WEIGHTED,
        named=NAMED,
        leveled=LEVELED,
        origins=sorted({draw.origin for draw in shown}),
    )


if __name__ == "__main__":
    app()
