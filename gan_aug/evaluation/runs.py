"""Finished runs side by side: the settings that differ, the scores, and how the scores differ.

Two runs can be paired where they judge the same images: what one gets right and the other does not
is then counted image by image, as between the arms of a run (:mod:`gan_aug.evaluation.comparison`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from gan_aug.evaluation.comparison import (
    SPLITS,
    Comparison,
    PairedDifference,
    Split,
    compare_guesses,
)
from gan_aug.images import Labels
from gan_aug.settings.flags import flatten
from gan_aug.settings.run import RunConfig

__all__ = ["FinishedRun", "Guesses", "RunsComparison", "RunsScore", "compare_runs"]

Row = tuple[str, str, Split]
"""Classifier, arm and split."""


@dataclass(frozen=True)
class Guesses:
    """What the classifiers of a run take the held-out images for.

    Attributes:
        truth: Split → ``(n,)`` uint16, what the images are.
        classes: Classifier, arm and split → ``(n,)`` uint16.
    """

    truth: Mapping[Split, Labels]
    classes: Mapping[Row, Labels]


@dataclass(frozen=True)
class FinishedRun:
    """What a run leaves that others can be compared with.

    Attributes:
        name: Of the run.
        config: Its settings.
        comparison: Its scores.
        sha256: Digest of the images, and of the labels, of each part of its data.
        guesses: None where the run did not keep them.
    """

    name: str
    config: RunConfig
    comparison: Comparison
    sha256: Mapping[str, str]
    guesses: Guesses | None


class RunsScore(BaseModel):
    """One classifier, trained on one arm, on one split, in every run.

    Attributes:
        classifier: Name of the classifier.
        arm: Training set.
        split: Held-out images.
        accuracies: In [0, 1], in the order of the runs; None for a run that has no such score.
        differences: Accuracy of each further run minus that of the first, on the same images; None
            where they can't be paired.
    """

    model_config = ConfigDict(frozen=True)

    classifier: str
    arm: str
    split: Split
    accuracies: list[float | None]
    differences: list[PairedDifference | None]


class RunsComparison(BaseModel):
    """Runs side by side.

    Attributes:
        runs: Their names.
        settings: Setting that is not the same in all runs → its value in each.
        confidence_level: Coverage of the intervals.
        scores: One for each classifier, arm and split that any of the runs has.
        notes: Why runs could not be paired.
    """

    model_config = ConfigDict(frozen=True)

    runs: list[str]
    settings: dict[str, list[Any]]
    confidence_level: float
    scores: list[RunsScore]
    notes: list[str]


def compare_runs(runs: Sequence[FinishedRun]) -> RunsComparison:
    """Put runs side by side, and compare the others with the first where they can be paired.

    Args:
        runs: Two at least.
    """
    first, *others = runs
    tables = [
        {
            (score.classifier, score.arm, score.split): score.accuracy
            for score in run.comparison.scores
        }
        for run in runs
    ]
    rows = list(dict.fromkeys(row for table in tables for row in table))
    doubts = {other.name: {s: find_obstacle(first, other, s) for s in SPLITS} for other in others}
    scores = [
        RunsScore(
            classifier=row[0],
            arm=row[1],
            split=row[2],
            accuracies=[table.get(row) for table in tables],
            differences=[
                None if doubts[other.name][row[2]] else pair_runs(first, other, row)
                for other in others
            ],
        )
        for row in rows
    ]
    notes = [doubt for found in doubts.values() for doubt in found.values() if doubt]
    return RunsComparison(
        runs=[run.name for run in runs],
        settings=find_differing_settings([run.config for run in runs]),
        confidence_level=first.config.comparison.confidence_level,
        scores=scores,
        notes=list(dict.fromkeys(notes)),
    )


def find_differing_settings(configs: Sequence[RunConfig]) -> dict[str, list[Any]]:
    """Return the settings that are not the same in all, with the value of each."""
    flat = [flatten(config.model_dump(mode="json")) for config in configs]
    values = {name: [settings[name] for settings in flat] for name in flat[0]}
    return {name: found for name, found in values.items() if any(v != found[0] for v in found)}


def find_obstacle(first: FinishedRun, other: FinishedRun, split: Split) -> str | None:
    """Say why two runs can't be paired on a split; None where they can."""
    for run in (first, other):
        if run.guesses is None:
            return (
                f"{run.name} kept no predictions, so it can't be paired image by image; run it "
                "again with the same arguments, which computes nothing again"
            )
    for what in ("images", "labels"):
        digests = [run.sha256[f"{split} {what}"] for run in (first, other)]
        if digests[0] != digests[1]:
            return (
                f"{first.name} and {other.name} can't be paired: their {split} {what} are not "
                "the same"
            )
    return None


def pair_runs(first: FinishedRun, other: FinishedRun, row: Row) -> PairedDifference | None:
    """Compare what two runs take the same images for; None where one of them has no such row."""
    own, theirs = first.guesses, other.guesses
    if own is None or theirs is None or row not in own.classes or row not in theirs.classes:
        return None
    both = {other.name: theirs.classes[row], first.name: own.classes[row]}
    config = first.config
    return compare_guesses(both, own.truth[row[2]], config.comparison, seed=config.seed)
