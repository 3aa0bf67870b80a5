"""From predictions to numbers with intervals, and to one sentence.

Paired tests of two classifiers on the same images: McNemar (1947), in its exact binomial form;
percentile bootstrap of the accuracy difference (Efron and Tibshirani, 1993, ch. 13).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, computed_field, model_validator

from gan_aug.arms import ARMS, BASELINE, CONTRASTS, Contrast
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.data.dataset import Dataset
from gan_aug.evaluation.balance import measure_balanced_accuracy, measure_macro_f1
from gan_aug.evaluation.calibration import Calibration, measure_calibration
from gan_aug.evaluation.verdict import (
    TRIAL,
    Difference,
    Wording,
    check_agreement,
    choose_wording,
    find_doubt,
)
from gan_aug.images import Float32, Indices, Labels, Marks
from gan_aug.settings.base import Budget
from gan_aug.settings.evaluation import ComparisonConfig

__all__ = [
    "SPLITS",
    "ClassDifference",
    "Comparison",
    "PairedDifference",
    "Predictions",
    "Score",
    "Split",
    "compare_arms",
    "compare_cells",
]

Split = Literal["validation", "test"]
SPLITS: tuple[Split, ...] = ("validation", "test")
PAIRED_COLUMNS = {
    "difference": "difference",
    "low": "difference_low",
    "high": "difference_high",
    "mcnemar_p": "mcnemar_p",
    "gained": "gained",
    "lost": "lost",
}
"""Field of a paired difference → column of the difference from ``original``."""
DIFFERENCE_COLUMNS = {BASELINE: PAIRED_COLUMNS} | {
    baseline: {
        name: f"minus_{baseline}" + ("" if name == "difference" else f"_{name}")
        for name in PAIRED_COLUMNS
    }
    for _, baseline in CONTRASTS
}
"""Baseline → the same for the differences from it."""
BOOTSTRAP_BATCH = 100
ANY_DIFFERENCE = (-1.0, 1.0)
MOST_CLASSES_TOLD = 12
IMBALANCE = 2


@dataclass(frozen=True)
class Predictions:
    """What one classifier, trained on one arm, says of the held-out images.

    Attributes:
        classifier: Name of the classifier.
        arm: Training set: ``original``, ``gan``, ...
        n_train: Images in that training set.
        probabilities: Split → ``(n, classes)`` float32.
    """

    classifier: str
    arm: str
    n_train: int
    probabilities: Mapping[Split, Float32]


class PairedDifference(Difference):
    """Accuracy of an arm minus accuracy of a baseline, on the same images.

    The interval is the bootstrap's over these images, and -1 to 1 for a single one.

    Attributes:
        mcnemar_p: Exact two-sided p-value of "no difference".
        gained: Images that only the arm gets right.
        lost: Images that only the baseline gets right.
        constants: Arms, of the two, whose classifier predicts one class for every image.
    """

    mcnemar_p: float
    gained: int
    lost: int
    constants: tuple[str, ...] = ()


class ClassDifference(BaseModel):
    """Recall of one class by an arm, beside that by ``original`` on the same images.

    Attributes:
        name: Of the class.
        labeled: Its labeled training images.
        images: Its held-out images.
        recall: Share of them that are right, in [0, 1].
        difference: Minus that of ``original``, in [-1, 1].
        low: Lower end of the bootstrap interval over these images; -1 for a single one.
        high: Upper end; 1 for a single image.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    labeled: int
    images: int
    recall: float
    difference: float
    low: float
    high: float


class Score(BaseModel):
    """One classifier trained on one arm, on one split.

    Attributes:
        classifier: Name of the classifier.
        arm: Training set.
        split: Held-out images.
        budget: Label budget: true labels the whole pipeline saw.
        seed: Seed of the run.
        n_train: Images in the training set.
        accuracy: In [0, 1].
        log_loss: Mean negative log-likelihood, in nats.
        classes: Names of the classes; where they are missing, their numbers from 0.
        confusion: ``confusion[i][j]``: images of the i-th class that the classifier takes for the
            j-th.
        calibration: How far its confidence can be trusted.
        differences: Arm that this one is compared with → paired difference from it; empty for
            ``original``.
        rare_classes: The classes with the fewest labeled images, the rarest first; empty for
            ``original`` and where the labels are balanced.
    """

    model_config = ConfigDict(frozen=True)

    classifier: str
    arm: str
    split: Split
    budget: int
    seed: int
    n_train: int
    accuracy: float
    log_loss: float
    classes: tuple[str, ...]
    confusion: list[list[int]]
    calibration: Calibration
    differences: dict[str, PairedDifference] = {}
    rare_classes: tuple[ClassDifference, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def name_classes(cls, values: Any) -> Any:
        """Name the classes of a score stored without their names."""
        if isinstance(values, dict) and "classes" not in values and "confusion" in values:
            return values | {"classes": [str(i) for i in range(len(values["confusion"]))]}
        return values

    @model_validator(mode="before")
    @classmethod
    def name_baseline(cls, values: Any) -> Any:
        """Name what the one difference of a score is from that was stored without saying so."""
        if isinstance(values, dict) and values.get("versus_original") is not None:
            return values | {"differences": {BASELINE: values["versus_original"]}}
        return values

    @property
    def versus_original(self) -> PairedDifference | None:
        """The difference from ``original``; None for itself."""
        return self.differences.get(BASELINE)

    @property
    def versus_others(self) -> dict[str, PairedDifference]:
        """The differences from other arms than ``original``."""
        return {name: found for name, found in self.differences.items() if name != BASELINE}

    @computed_field  # type: ignore[prop-decorator]  # mypy takes no decorator there
    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that the split has, in [0, 1]."""
        return measure_balanced_accuracy(self.confusion)

    @computed_field  # type: ignore[prop-decorator]  # mypy takes no decorator there
    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that the split has or that are predicted, in [0, 1]."""
        return measure_macro_f1(self.confusion)

    @property
    def images(self) -> int:
        """Number of held-out images."""
        return sum(map(sum, self.confusion))

    @property
    def class_accuracy(self) -> dict[str, float | None]:
        """Class → share of its images that are right; None for a class the split has none of."""
        return {
            name: row[label] / sum(row) if any(row) else None
            for label, (name, row) in enumerate(zip(self.classes, self.confusion, strict=True))
        }

    def to_row(self) -> dict[str, Any]:
        """Return the score as one flat row.

        It has the columns of every baseline; they are empty where there is no difference from it.
        """
        nested = {"classes", "confusion", "calibration", "differences", "rare_classes"}
        row = self.model_dump(exclude=nested)
        row["calibration_error"] = self.calibration.error
        for baseline, columns in DIFFERENCE_COLUMNS.items():
            paired = self.differences.get(baseline)
            fields = paired.model_dump() if paired else {}
            row |= {column: fields.get(name) for name, column in columns.items()}
        return row | {f"accuracy_{name}": share for name, share in self.class_accuracy.items()}


class Comparison(BaseModel):
    """All scores of a run and what they say.

    Attributes:
        verdict: A sentence, bad news first; one more on what synthetic images add to real ones,
            where that was measured.
        confidence_level: Coverage of the intervals.
        scores: One per classifier, arm and split.
    """

    model_config = ConfigDict(frozen=True)

    verdict: str
    confidence_level: float
    scores: list[Score]


def compare_cells(
    data: Dataset,
    probabilities: Sequence[Mapping[Split, Float32]],
    weights: Sequence[Float32],
    drawn: Indices,
    *,
    cells: Sequence[Sequence[str]],
    config: ComparisonConfig,
    budget: Budget,
    seed: int,
) -> Comparison:
    """Compare the classifiers of a run; this is where the labels of test images are read.

    A classifier whose ``original`` is missing has nothing to be compared with and is left out.

    Args:
        data: The data set.
        probabilities: Of each cell: split → ``(n, classes)`` float32.
        weights: Of each cell: ``(n_train,)`` float32, the weights of its training set.
        drawn: Which of the training images are labeled.
        cells: Names of classifier and arm, in the order of the two lists.
        config: Interval coverage and resamples.
        budget: Label budget.
        seed: Seed of the run; also of the bootstrap.
    """
    comparable = {classifier for classifier, arm in cells if arm == BASELINE}
    predictions = [
        Predictions(classifier, arm, len(own_weights), own_probabilities)
        for (classifier, arm), own_probabilities, own_weights in zip(
            cells, probabilities, weights, strict=True
        )
        if classifier in comparable
    ]
    return compare_arms(
        predictions,
        {"validation": data.validation.labels, "test": data.test.labels},
        config,
        labeled=data.spec.count_images(data.train.labels[drawn]),
        budget=len(data.train) if budget == "all" else budget,
        seed=seed,
    )


def compare_arms(
    predictions: Sequence[Predictions],
    true_labels: Mapping[Split, Labels],
    config: ComparisonConfig,
    *,
    labeled: Mapping[str, int],
    budget: int,
    seed: int,
) -> Comparison:
    """Score every classifier and arm, and compare each arm with its baselines image by image.

    Args:
        predictions: Of every classifier on every arm, ``original`` included.
        true_labels: Split → ``(n,)`` uint16.
        config: Interval coverage and resamples, and whether this is a trial.
        labeled: Class → its labeled training images, a class a column of the probabilities.
        budget: Label budget, for the record.
        seed: Seed of the run; also of the bootstrap.
    """
    cells = {(p.classifier, p.arm): p for p in predictions}
    scores = [
        score_split(
            prediction,
            [
                cells[cell]
                for baseline in ARMS[prediction.arm].baselines
                if (cell := (prediction.classifier, baseline)) in cells
            ],
            split,
            true_labels[split],
            config,
            labeled=labeled,
            budget=budget,
            seed=seed,
        )
        for prediction in predictions
        for split in SPLITS
    ]
    return Comparison(
        verdict=phrase_verdict(scores, config, budget=budget),
        confidence_level=config.confidence_level,
        scores=scores,
    )


def score_split(
    prediction: Predictions,
    baselines: Sequence[Predictions],
    split: Split,
    truth: Labels,
    config: ComparisonConfig,
    *,
    labeled: Mapping[str, int],
    budget: int,
    seed: int,
) -> Score:
    """Score one classifier and arm on one split, beside the same classifier on other arms."""
    from sklearn.metrics import accuracy_score, confusion_matrix, log_loss  # noqa: PLC0415 - a second to import

    probabilities = prediction.probabilities[split].astype(np.float64)
    guesses = probabilities.argmax(axis=1)
    differences = {
        baseline.arm: compare_with(baseline, prediction, split, truth, config, seed=seed)
        for baseline in baselines
    }
    original = [baseline for baseline in baselines if baseline.arm == BASELINE]
    rare: tuple[ClassDifference, ...] = ()
    if original:
        before = original[0].probabilities[split].argmax(axis=1)
        rare = compare_rare_classes(guesses, before, truth, labeled, config, seed=seed)
    labels = np.arange(probabilities.shape[1])
    return Score(
        classifier=prediction.classifier,
        arm=prediction.arm,
        split=split,
        budget=budget,
        seed=seed,
        n_train=prediction.n_train,
        accuracy=float(accuracy_score(truth, guesses)),
        log_loss=float(log_loss(truth, normalize(probabilities), labels=labels)),
        classes=tuple(labeled),
        confusion=confusion_matrix(truth, guesses, labels=labels).tolist(),
        calibration=measure_calibration(prediction.probabilities[split], truth),
        differences=differences,
        rare_classes=rare,
    )


def compare_with(
    baseline: Predictions,
    prediction: Predictions,
    split: Split,
    truth: Labels,
    config: ComparisonConfig,
    *,
    seed: int,
) -> PairedDifference:
    """Compare a classifier on an arm with the same classifier on a baseline, on one split."""
    both = {part.arm: part.probabilities[split].argmax(axis=1) for part in (prediction, baseline)}
    paired = compare_guesses(both, truth, config, seed=seed)
    return paired.model_copy(update={"left_out": find_same_classifier(prediction, baseline)})


def find_same_classifier(one: Predictions, other: Predictions) -> bool:
    """Return whether training on either arm gave the same classifier, for want of an addition."""
    return one.n_train == other.n_train and all(
        np.array_equal(one.probabilities[split], other.probabilities[split]) for split in SPLITS
    )


def compare_guesses(
    both: Mapping[str, Indices | Labels], truth: Labels, config: ComparisonConfig, *, seed: int
) -> PairedDifference:
    """Compare what one classifier, trained on two arms, takes the same images for.

    Args:
        both: The arm and its baseline, in this order → ``(n,)`` classes.
        truth: ``(n,)`` uint16.
        config: Interval coverage and resamples, and whether this is a trial.
        seed: Seed of the bootstrap.
    """
    right, baseline_right = (guesses == truth for guesses in both.values())
    constants = [arm for arm, guesses in both.items() if len(np.unique(guesses)) == 1]
    return compare_paired(right, baseline_right, config, seed=seed, constants=constants)


def normalize(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make rows of rounded probabilities sum to 1 again."""
    normalized: NDArray[np.float64] = probabilities / probabilities.sum(axis=1, keepdims=True)
    return normalized


def compare_paired(
    right: Marks,
    baseline_right: Marks,
    config: ComparisonConfig,
    *,
    seed: int,
    constants: Sequence[str] = (),
) -> PairedDifference:
    """Compare two classifiers by which of the same images each gets right.

    Args:
        right: ``(n,)`` bool, for the arm.
        baseline_right: ``(n,)`` bool, for the baseline.
        config: Interval coverage and resamples, and whether this is a trial.
        seed: Seed of the bootstrap.
        constants: Arms, of the two, whose classifier predicts one class for every image.
    """
    gained = int((right & ~baseline_right).sum())
    lost = int((~right & baseline_right).sum())
    differences = right.astype(np.int8) - baseline_right.astype(np.int8)
    low, high = bootstrap_mean(differences, config, seed=seed)
    discordant = gained + lost
    p = float(scipy.stats.binomtest(gained, discordant).pvalue) if discordant else 1.0
    return PairedDifference(
        difference=float(differences.mean()),
        low=low,
        high=high,
        mcnemar_p=p,
        gained=gained,
        lost=lost,
        constants=tuple(constants),
        doubt=find_doubt(
            trial=config.trial,
            images=len(right),
            constants=constants,
            degenerate=check_agreement(low, high, p, config.confidence_level),
        ),
    )


def compare_rare_classes(
    guesses: Indices,
    baseline_guesses: Indices,
    truth: Labels,
    labeled: Mapping[str, int],
    config: ComparisonConfig,
    *,
    seed: int,
) -> tuple[ClassDifference, ...]:
    """Compare the recall of the classes with the fewest labeled images, the rarest first.

    Args:
        guesses: ``(n,)``, of the arm.
        baseline_guesses: ``(n,)``, of ``original``.
        truth: ``(n,)`` uint16. A class that has no image here is left out.
        labeled: Class → its labeled training images.
        config: Interval coverage and resamples.
        seed: Seed of the bootstrap.
    """
    names = list(labeled)
    found = []
    for label in find_rare_classes(list(labeled.values())):
        own = truth == label
        if not own.any():
            continue
        right, before = guesses[own] == label, baseline_guesses[own] == label
        differences = right.astype(np.int8) - before.astype(np.int8)
        low, high = bootstrap_mean(differences, config, seed=seed)
        found.append(
            ClassDifference(
                name=names[label],
                labeled=labeled[names[label]],
                images=len(differences),
                recall=float(right.mean()),
                difference=float(differences.mean()),
                low=low,
                high=high,
            )
        )
    return tuple(found)


def find_rare_classes(counts: Sequence[int]) -> list[int]:
    """Return the places of the 12 smallest counts, ascending; none where counts are balanced.

    They are balanced where the largest is less than twice the smallest, or one more: a budget that
    the classes can't share evenly.
    """
    if max(counts) < IMBALANCE * min(counts) or max(counts) - min(counts) == 1:
        return []
    order: list[int] = np.argsort(counts, kind="stable")[:MOST_CLASSES_TOLD].tolist()
    return order


def bootstrap_mean(
    differences: NDArray[np.int8], config: ComparisonConfig, *, seed: int
) -> tuple[float, float]:
    """Return the interval of the mean of differences in [-1, 1]; all of that for a single one."""
    if len(differences) == 1:
        return ANY_DIFFERENCE
    interval = scipy.stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=config.resamples,
        batch=BOOTSTRAP_BATCH,
        confidence_level=config.confidence_level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def phrase_verdict(scores: Sequence[Score], config: ComparisonConfig, *, budget: int) -> str:
    """Say what the validation images say of every arm, and of synthetic images beside real ones.

    Each arm has a sentence. Within it harm comes first, and last what can't be told.
    """
    budgeted = f"With {budget:,} labels"
    if config.trial:
        return f"{budgeted}, what augmentation does can't be told: {TRIAL}."
    validated = [score for score in scores if score.split == "validation"]
    found = {arm: find_differences(take_arm(validated, arm), BASELINE) for arm in ARMS}
    told = {arm: findings for arm, findings in found.items() if findings}
    if not told:
        return f"{budgeted}, no arm was compared with the original training set."
    order = sorted(told, key=lambda arm: all(paired.doubt for _, paired in told[arm]))
    leads = {order[0]: f"{budgeted}, on validation images: "}
    return " ".join(
        [
            *(phrase_arm(arm, told[arm], config, lead=leads.get(arm, "")) for arm in order),
            *(
                phrase_contrast(contrast, beyond, config.confidence_level)
                for contrast in CONTRASTS
                if (
                    beyond := find_differences(take_arm(validated, contrast.arm), contrast.baseline)
                )
            ),
        ]
    )


def take_arm(scores: Sequence[Score], arm: str) -> list[Score]:
    """Return the scores of an arm."""
    return [score for score in scores if score.arm == arm]


def find_differences(
    scores: Sequence[Score], baseline: str
) -> list[tuple[Score, PairedDifference]]:
    """Return the scores that have a difference from a baseline, the worst first, doubts last."""
    found = [
        (score, score.differences[baseline]) for score in scores if baseline in score.differences
    ]
    return sorted(found, key=lambda finding: (finding[1].doubt is not None, finding[1].high))


def phrase_arm(
    arm: str,
    findings: Sequence[tuple[Score, PairedDifference]],
    config: ComparisonConfig,
    *,
    lead: str,
) -> str:
    """``GAN augmentation hurts the CNN (-0.31 points, 95% interval -0.52 to -0.10).``."""
    wording = dataclasses.replace(choose_wording(arm, BASELINE), lead=lead)
    return wording.join(
        [
            (
                paired.effect,
                f"{wording.tell(paired.effect, CLASSIFIERS[score.classifier].phrase)} "
                f"({phrase_numbers(paired, config.confidence_level)})",
            )
            for score, paired in findings
        ]
    )


def phrase_contrast(
    contrast: Contrast, findings: Sequence[tuple[Score, PairedDifference]], confidence_level: float
) -> str:
    """``Beyond ..., synthetic images cost the CNN 0.31 points (95% interval -0.52 to -0.10).``."""
    wording = choose_wording(*contrast)
    phrases = [
        (
            paired.effect,
            phrase_amount(wording, CLASSIFIERS[score.classifier].phrase, paired, confidence_level),
        )
        for score, paired in findings
    ]
    return wording.join(phrases)


def phrase_amount(
    wording: Wording, classifier: str, paired: PairedDifference, confidence_level: float
) -> str:
    """``cost the CNN 0.31 points (95% interval -0.52 to -0.10)``."""
    if paired.effect not in ("hurts", "helps"):
        numbers = phrase_numbers(paired, confidence_level)
        return f"{wording.tell(paired.effect, classifier)} ({numbers})"
    points = f"{100 * abs(paired.difference):.2f} points"
    phrase = wording.tell(paired.effect, classifier, points)
    return f"{phrase} ({phrase_interval(paired, confidence_level)})"


def phrase_numbers(paired: PairedDifference, confidence_level: float) -> str:
    """``-0.31 points, 95% interval -0.52 to -0.10``, and the doubt if there is one."""
    if paired.left_out:
        return "nothing is added to its training set"
    doubt = f"; {paired.doubt}" if paired.doubt else ""
    interval = phrase_interval(paired, confidence_level)
    return f"{100 * paired.difference:+.2f} points, {interval}{doubt}"


def phrase_interval(paired: PairedDifference, confidence_level: float) -> str:
    """``95% interval -0.52 to -0.10``, in points."""
    low, high = (f"{100 * value:+.2f}" for value in (paired.low, paired.high))
    return f"{confidence_level:.0%} interval {low} to {high}"
