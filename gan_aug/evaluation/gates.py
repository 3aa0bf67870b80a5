"""What a run that nobody watches has to notice: it is worse than the one before, or its GAN is.

The binomial interval is Clopper and Pearson's (1934).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import scipy
from pydantic import BaseModel, ConfigDict

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.data.dataset import Dataset
from gan_aug.evaluation.comparison import Comparison, Score
from gan_aug.evaluation.quality import Quality
from gan_aug.images import LabeledImages, PseudoLabels
from gan_aug.settings.evaluation import GatesConfig

__all__ = ["Baseline", "GateFailure", "check_gates", "take_baseline"]

GATED_SPLIT = "validation"
SHARE_OF_REAL = 0.5

Gate = Literal["data", "accuracy", "class_share", "frechet_ratio"]


class Baseline(BaseModel):
    """What the next run of the same settings is compared with.

    Attributes:
        sha256: Array of the data set → its digest.
        accuracies: ``cnn gan`` → accuracy on validation images, in [0, 1].
    """

    model_config = ConfigDict(frozen=True)

    sha256: dict[str, str]
    accuracies: dict[str, float]


class GateFailure(BaseModel):
    """Something that a run must not pass over.

    Attributes:
        gate: Which gate.
        message: What was expected and what was found.
        expected: The bound, or the value before; None where it is no number.
        found: The value now; None likewise.
    """

    model_config = ConfigDict(frozen=True)

    gate: Gate
    message: str
    expected: float | None = None
    found: float | None = None


def take_baseline(comparison: Comparison, data: Dataset) -> Baseline:
    """Return what of a run the next one is compared with."""
    gated = [score for score in comparison.scores if score.split == GATED_SPLIT]
    return Baseline(
        sha256=dict(data.provenance.sha256),
        accuracies={f"{score.classifier} {score.arm}": score.accuracy for score in gated},
    )


def check_gates(
    comparison: Comparison,
    data: Dataset,
    pseudo: PseudoLabels,
    quality: Quality | None,
    config: GatesConfig,
    before: Baseline | None,
) -> list[GateFailure]:
    """Return the gates that a run does not pass.

    Args:
        comparison: What the run found.
        data: Its data set.
        pseudo: Its synthetic images.
        quality: How good they are, if that was measured.
        config: The bounds.
        before: Of the run before; None if it is the first.
    """
    gated = [score for score in comparison.scores if score.split == GATED_SPLIT]
    return [
        *(check_data(data.provenance.sha256, before.sha256) if before else ()),
        *(check_accuracies(gated, before, comparison.confidence_level) if before else ()),
        *check_class_shares(pseudo, data.train, config.smallest_class_share),
        *(check_quality(quality, config.largest_frechet_ratio) if quality else ()),
    ]


def check_data(now: Mapping[str, str], before: Mapping[str, str]) -> Iterator[GateFailure]:
    """The data are those of the run before."""
    changed = sorted(name for name in now if now[name] != before.get(name))
    if changed:
        yield GateFailure(
            gate="data",
            message=f"data: expected those of the run before, found others in {', '.join(changed)}",
        )


def check_accuracies(
    scores: Sequence[Score], before: Baseline, confidence_level: float
) -> Iterator[GateFailure]:
    """No accuracy has an interval that lies below what it was before."""
    for score in scores:
        earlier = before.accuracies.get(f"{score.classifier} {score.arm}")
        right = int(np.trace(score.confusion))
        interval = scipy.stats.binomtest(right, score.images).proportion_ci(confidence_level)
        if earlier is not None and interval.high < earlier:
            yield GateFailure(
                gate="accuracy",
                message=f"{CLASSIFIERS[score.classifier].title}, {score.arm}: expected an accuracy "
                f"near the {earlier:.2%} of the run before, found {score.accuracy:.2%} "
                f"({confidence_level:.0%} interval up to {interval.high:.2%})",
                expected=earlier,
                found=score.accuracy,
            )


def check_class_shares(
    pseudo: PseudoLabels, train: LabeledImages, smallest: float
) -> Iterator[GateFailure]:
    """The generator makes every class, in the teacher's eyes.

    Of a rare class no more is expected than half of its share of the training images: among many
    classes, most have less than a bound that suits ten.
    """
    classes = train.spec.classes
    real, shares = (
        np.bincount(labels, minlength=len(classes)) / len(labels)
        for labels in (train.labels, pseudo.labels)
    )
    bounds = np.minimum(smallest, SHARE_OF_REAL * real)
    rarest = int((shares - bounds).argmin())
    if shares[rarest] < bounds[rarest]:
        yield GateFailure(
            gate="class_share",
            message=f"synthetic images: expected at least {bounds[rarest]:.2%} of class "
            f"{classes[rarest]}, found {shares[rarest]:.2%}",
            expected=float(bounds[rarest]),
            found=float(shares[rarest]),
        )


def check_quality(quality: Quality, largest: float) -> Iterator[GateFailure]:
    """Synthetic images are not much farther from real ones than real ones are from each other."""
    if quality.frechet_ratio > largest:
        yield GateFailure(
            gate="frechet_ratio",
            message=f"synthetic images: expected a Fréchet distance of at most {largest:g} times "
            f"the floor, found {quality.frechet_ratio:.1f} times",
            expected=largest,
            found=quality.frechet_ratio,
        )
