"""From predictions to numbers with intervals, and to one sentence.

Paired tests of two classifiers on the same images: McNemar (1947), in its exact binomial form;
percentile bootstrap of the accuracy difference (Efron and Tibshirani, 1993, ch. 13).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

from gan_aug.evaluation.calibration import Calibration, measure_calibration
from gan_aug.images import CLASSES, Float32, UInt8
from gan_aug.settings.run import Classifier, ComparisonConfig

__all__ = [
    "CLASSIFIER_NAMES",
    "CLASSIFIER_TITLES",
    "SPLITS",
    "Comparison",
    "PairedDifference",
    "Predictions",
    "Score",
    "Split",
    "compare_arms",
]

Split = Literal["validation", "test"]
SPLITS: tuple[Split, ...] = ("validation", "test")
CLASSIFIER_NAMES: dict[Classifier, str] = {"cnn": "the CNN", "lightgbm": "LightGBM"}
"""What a classifier is called within a sentence."""
CLASSIFIER_TITLES: dict[Classifier, str] = {"cnn": "CNN", "lightgbm": "LightGBM"}
"""What it is called by itself."""
BASELINE = "original"
PAIRED_COLUMNS = {
    "difference": "difference",
    "low": "difference_low",
    "high": "difference_high",
    "mcnemar_p": "mcnemar_p",
    "gained": "gained",
    "lost": "lost",
}
BOOTSTRAP_BATCH = 100


@dataclass(frozen=True)
class Predictions:
    """What one classifier, trained on one arm, says of the held-out images.

    Attributes:
        classifier: Kind of classifier.
        arm: Training set: ``original``, ``gan``, ...
        n_train: Images in that training set.
        probabilities: Split → ``(n, 10)`` float32.
    """

    classifier: Classifier
    arm: str
    n_train: int
    probabilities: Mapping[Split, Float32]


class PairedDifference(BaseModel):
    """Accuracy of an arm minus accuracy of ``original``, on the same images.

    Attributes:
        difference: In [-1, 1]; positive where the arm is better.
        low: Lower end of the bootstrap interval.
        high: Upper end of the bootstrap interval.
        mcnemar_p: Exact two-sided p-value of "no difference".
        gained: Images that only the arm gets right.
        lost: Images that only ``original`` gets right.
    """

    model_config = ConfigDict(frozen=True)

    difference: float
    low: float
    high: float
    mcnemar_p: float
    gained: int
    lost: int


class Score(BaseModel):
    """One classifier trained on one arm, on one split.

    Attributes:
        classifier: Kind of classifier.
        arm: Training set.
        split: Held-out images.
        labels: Label budget: true labels the whole pipeline saw.
        seed: Seed of the run.
        n_train: Images in the training set.
        accuracy: In [0, 1].
        log_loss: Mean negative log-likelihood, in nats.
        confusion: ``confusion[i][j]``: images of digit i that the classifier calls j.
        calibration: How far its confidence can be trusted.
        versus_original: Paired difference; None for ``original`` itself.
    """

    model_config = ConfigDict(frozen=True)

    classifier: Classifier
    arm: str
    split: Split
    labels: int
    seed: int
    n_train: int
    accuracy: float
    log_loss: float
    confusion: list[list[int]]
    calibration: Calibration
    versus_original: PairedDifference | None

    @property
    def class_accuracy(self) -> list[float | None]:
        """Share of each digit's images that are right; None for a digit the split has not."""
        return [
            row[digit] / sum(row) if any(row) else None for digit, row in enumerate(self.confusion)
        ]

    def to_row(self) -> dict[str, Any]:
        """Return the score as one flat row; differences are empty for ``original``."""
        row = self.model_dump(exclude={"confusion", "calibration", "versus_original"})
        row["calibration_error"] = self.calibration.error
        paired = self.versus_original.model_dump() if self.versus_original else {}
        row |= {column: paired.get(name) for name, column in PAIRED_COLUMNS.items()}
        return row | {f"accuracy_{digit}": a for digit, a in enumerate(self.class_accuracy)}


class Comparison(BaseModel):
    """All scores of a run and what they say.

    Attributes:
        verdict: One sentence, bad news first.
        confidence_level: Coverage of the intervals.
        scores: One per classifier, arm and split.
    """

    model_config = ConfigDict(frozen=True)

    verdict: str
    confidence_level: float
    scores: list[Score]


def compare_arms(
    predictions: Sequence[Predictions],
    true_labels: Mapping[Split, UInt8],
    config: ComparisonConfig,
    *,
    labels: int,
    seed: int,
) -> Comparison:
    """Score every classifier and arm, and compare each arm with ``original`` image by image.

    Args:
        predictions: Of every classifier on every arm, ``original`` included.
        true_labels: Split → ``(n,)`` uint8.
        config: Interval coverage and resamples.
        labels: Label budget, for the record.
        seed: Seed of the run; also of the bootstrap.
    """
    baselines = {p.classifier: p for p in predictions if p.arm == BASELINE}
    scores = [
        score_split(
            prediction,
            baselines[prediction.classifier],
            split,
            true_labels[split],
            config,
            labels=labels,
            seed=seed,
        )
        for prediction in predictions
        for split in SPLITS
    ]
    return Comparison(
        verdict=phrase_verdict(scores, config.confidence_level, labels=labels),
        confidence_level=config.confidence_level,
        scores=scores,
    )


def score_split(
    prediction: Predictions,
    baseline: Predictions,
    split: Split,
    truth: UInt8,
    config: ComparisonConfig,
    *,
    labels: int,
    seed: int,
) -> Score:
    """Score one classifier and arm on one split."""
    probabilities = prediction.probabilities[split].astype(np.float64)
    guesses = probabilities.argmax(axis=1)
    digits = list(range(CLASSES))
    paired = None
    if prediction is not baseline:
        baseline_right = baseline.probabilities[split].argmax(axis=1) == truth
        paired = compare_paired(guesses == truth, baseline_right, config, seed=seed)
    return Score(
        classifier=prediction.classifier,
        arm=prediction.arm,
        split=split,
        labels=labels,
        seed=seed,
        n_train=prediction.n_train,
        accuracy=float(accuracy_score(truth, guesses)),
        log_loss=float(log_loss(truth, normalize(probabilities), labels=digits)),
        confusion=confusion_matrix(truth, guesses, labels=digits).tolist(),
        calibration=measure_calibration(prediction.probabilities[split], truth),
        versus_original=paired,
    )


def normalize(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make rows of rounded probabilities sum to 1 again."""
    normalized: NDArray[np.float64] = probabilities / probabilities.sum(axis=1, keepdims=True)
    return normalized


def compare_paired(
    right: NDArray[np.bool_],
    baseline_right: NDArray[np.bool_],
    config: ComparisonConfig,
    *,
    seed: int,
) -> PairedDifference:
    """Compare two classifiers by which of the same images each gets right.

    Args:
        right: ``(n,)`` bool, for the arm.
        baseline_right: ``(n,)`` bool, for ``original``.
        config: Interval coverage and resamples.
        seed: Seed of the bootstrap.
    """
    gained = int((right & ~baseline_right).sum())
    lost = int((~right & baseline_right).sum())
    differences = right.astype(np.int8) - baseline_right.astype(np.int8)
    interval = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=config.resamples,
        batch=BOOTSTRAP_BATCH,
        confidence_level=config.confidence_level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    discordant = gained + lost
    return PairedDifference(
        difference=float(differences.mean()),
        low=float(interval.low),
        high=float(interval.high),
        mcnemar_p=float(stats.binomtest(gained, discordant).pvalue) if discordant else 1.0,
        gained=gained,
        lost=lost,
    )


def phrase_verdict(scores: Sequence[Score], confidence_level: float, *, labels: int) -> str:
    """Say in one sentence what the validation images say of every arm, harm first."""
    findings = [
        (score.versus_original, CLASSIFIER_NAMES[score.classifier], score.arm)
        for score in scores
        if score.split == "validation" and score.versus_original is not None
    ]
    findings.sort(key=lambda finding: finding[0].high)
    budget = f"{labels:,} labels"
    if not findings:
        return f"With {budget}, no arm was compared with the original training set."
    parts = [phrase_finding(*finding, confidence_level) for finding in findings]
    return f"With {budget}, on validation images: {'; '.join(parts)}."


def phrase_finding(
    paired: PairedDifference, classifier: str, arm: str, confidence_level: float
) -> str:
    """``gan augmentation hurts the CNN (-0.31 points, 95% interval -0.52 to -0.10)``."""
    if paired.low > 0:
        effect = "helps"
    elif paired.high < 0:
        effect = "hurts"
    else:
        effect = "makes no detectable difference to"
    return (
        f"{arm.upper() if arm == 'gan' else arm} augmentation {effect} {classifier} "
        f"({100 * paired.difference:+.2f} points, {confidence_level:.0%} interval "
        f"{100 * paired.low:+.2f} to {100 * paired.high:+.2f})"
    )
