"""From the scores of many label budgets and draws to means with intervals, and to one sentence.

Draws are what a study repeats: each has its own labeled images, networks and samples. So an
interval over draws says what another draw may bring, which the interval of a single run does not.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats

from gan_aug.evaluation.comparison import CLASSIFIER_NAMES, Score, Split
from gan_aug.settings.run import ArmName, Classifier

__all__ = ["CellSummary", "Failure", "StudyResult", "student_margin", "summarize_study"]

VERDICT_ARM: ArmName = "gan"
VERDICT_SPLIT: Split = "test"

Effect = Literal["hurts", "helps", "makes no detectable difference to"]


class Failure(BaseModel):
    """A cell that could not be computed.

    Attributes:
        labels: Label budget.
        seed: Of the draw.
        classifier: Kind of classifier; None if all of them are missing.
        arm: Training set; None if all of them are missing.
        message: What went wrong.
    """

    model_config = ConfigDict(frozen=True)

    labels: int | Literal["all"]
    seed: int
    classifier: Classifier | None
    arm: ArmName | None
    message: str


class CellSummary(BaseModel):
    """One classifier on one arm at one label budget, over all draws.

    Attributes:
        classifier: Kind of classifier.
        arm: Training set.
        labels: Label budget.
        split: Held-out images.
        draws: Number of draws.
        accuracy: Mean over the draws, in [0, 1].
        accuracy_sd: Standard deviation over the draws; None for a single one.
        difference: Mean of the paired differences from ``original``; None for itself.
        low: Lower end of that mean's interval: Student's t over the draws, or the bootstrap over
            the images where there is one draw.
        high: Upper end.
    """

    model_config = ConfigDict(frozen=True)

    classifier: Classifier
    arm: str
    labels: int
    split: Split
    draws: int
    accuracy: float
    accuracy_sd: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def effect(self) -> Effect | None:
        """What the interval says of the arm; None for ``original``."""
        if self.low is None or self.high is None:
            return None
        if self.high < 0:
            return "hurts"
        return "helps" if self.low > 0 else "makes no detectable difference to"


class StudyResult(BaseModel):
    """All scores of a study and what they say together.

    Attributes:
        verdict: One sentence on the ``gan`` arm, bad news first.
        confidence_level: Coverage of the intervals.
        scores: One per classifier, arm, budget, draw and split.
        summaries: One per classifier, arm, budget and split.
        failures: What is missing.
    """

    model_config = ConfigDict(frozen=True)

    verdict: str
    confidence_level: float
    scores: list[Score]
    summaries: list[CellSummary]
    failures: list[Failure]


def summarize_study(
    scores: Sequence[Score], failures: Sequence[Failure], *, confidence_level: float
) -> StudyResult:
    """Average the scores over draws.

    Args:
        scores: Of all runs of the study.
        failures: Cells that have no score.
        confidence_level: Coverage of the intervals, in (0, 1).
    """
    groups: dict[tuple[str, str, int, str], list[Score]] = {}
    for score in scores:
        key = (score.classifier, score.arm, score.labels, score.split)
        groups.setdefault(key, []).append(score)
    summaries = [summarize_cell(group, confidence_level) for group in groups.values()]
    return StudyResult(
        verdict=phrase_verdict(summaries, confidence_level),
        confidence_level=confidence_level,
        scores=list(scores),
        summaries=summaries,
        failures=list(failures),
    )


def summarize_cell(scores: Sequence[Score], confidence_level: float) -> CellSummary:
    """Average one classifier, arm, budget and split over its draws."""
    accuracies = np.array([score.accuracy for score in scores])
    first = scores[0]
    difference, low, high = summarize_differences(scores, confidence_level)
    return CellSummary(
        classifier=first.classifier,
        arm=first.arm,
        labels=first.labels,
        split=first.split,
        draws=len(scores),
        accuracy=float(accuracies.mean()),
        accuracy_sd=float(accuracies.std(ddof=1)) if len(scores) > 1 else None,
        difference=difference,
        low=low,
        high=high,
    )


def summarize_differences(
    scores: Sequence[Score], confidence_level: float
) -> tuple[float | None, float | None, float | None]:
    """Return the mean paired difference with its interval; nothing for ``original``."""
    paired = [score.versus_original for score in scores if score.versus_original]
    if not paired:
        return None, None, None
    if len(paired) == 1:
        return paired[0].difference, paired[0].low, paired[0].high
    differences = np.array([difference.difference for difference in paired])
    mean = float(differences.mean())
    margin = student_margin(differences, confidence_level)
    return mean, mean - margin, mean + margin


def student_margin(values: NDArray[np.float64], confidence_level: float) -> float:
    """Return half the width of Student's t interval for the mean of at least two values."""
    quantile = stats.t.ppf((1 + confidence_level) / 2, len(values) - 1)
    return float(quantile * values.std(ddof=1) / np.sqrt(len(values)))


def phrase_verdict(summaries: Sequence[CellSummary], confidence_level: float) -> str:
    """Say in one sentence at which budgets GAN augmentation hurts, helps or does nothing."""
    judged = [
        summary
        for summary in summaries
        if (summary.arm, summary.split) == (VERDICT_ARM, VERDICT_SPLIT)
    ]
    if not judged:
        return "No GAN arm could be compared with the original training set."
    effects: tuple[Effect, ...] = ("hurts", "helps", "makes no detectable difference to")
    parts = [
        phrase_effect(effect, classifier, group)
        for effect in effects
        for classifier in CLASSIFIER_NAMES
        if (group := [s for s in judged if (s.effect, s.classifier) == (effect, classifier)])
    ]
    return (
        f"GAN augmentation {'; '.join(parts)} (points of accuracy on test images, means over label "
        f"draws, {confidence_level:.0%} intervals)."
    )


def phrase_effect(effect: Effect, classifier: Classifier, group: Sequence[CellSummary]) -> str:
    """``helps LightGBM with 100 labels (+15.1, +14.2 to +16.0)``."""
    budgets = ", ".join(
        f"{summary.labels:,} labels ({format_interval(summary)})"
        for summary in sorted(group, key=lambda summary: summary.labels)
    )
    return f"{effect} {CLASSIFIER_NAMES[classifier]} with {budgets}"


def format_interval(summary: CellSummary) -> str:
    """``+1.67, +1.28 to +2.11``, in percentage points."""
    difference, low, high = (
        100 * (value or 0) for value in (summary.difference, summary.low, summary.high)
    )
    return f"{difference:+.2f}, {low:+.2f} to {high:+.2f}"
