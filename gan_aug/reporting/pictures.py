"""Which pictures a run and a study get, drawn of what their stages made."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gan_aug.arms import ARMS, BASELINE
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.data.dataset import Dataset
from gan_aug.evaluation.anomaly import has_mixing_layer, observe
from gan_aug.evaluation.calibration import Calibration, TeacherCalibration
from gan_aug.evaluation.comparison import SPLITS, Comparison
from gan_aug.evaluation.quality import find_nearest
from gan_aug.evaluation.runs import Guesses
from gan_aug.evaluation.titles import ARM_TITLES
from gan_aug.images import PseudoLabels
from gan_aug.prediction import Split
from gan_aug.reporting import galleries
from gan_aug.reporting.confusion import Confusions, render_confusion
from gan_aug.reporting.figures import (
    Panel,
    render_decisions,
    render_history,
    render_reliability,
    render_trainings,
)
from gan_aug.reporting.galleries import Change, Neighbors
from gan_aug.reporting.names import pick_largest

if TYPE_CHECKING:
    from gan_aug.gan.adversarial import TrainedDcgan
    from gan_aug.pipeline import Outcome
    from gan_aug.store.curve import Curve

__all__ = [
    "LoadedRun",
    "ReportPictures",
    "draw_data",
    "draw_gan",
    "draw_labels",
    "draw_training",
    "draw_trainings",
    "list_steps",
]

# To look at single test images would be the first step of choosing by them.
LOOKED_AT: Split = "validation"
NEIGHBOR_CANDIDATES = 2000
PREFERRED = "gan"
STRIP_IMAGES = 20

ReportPictures = dict[str, list[Panel]]
"""Name → what stands beside each other under that name."""


@dataclass(frozen=True)
class LoadedRun:
    """A run's outcome; what its stages made is read once, when it is first asked for.

    Attributes:
        outcome: What the stages of the run made.
    """

    outcome: "Outcome"

    @property
    def comparison(self) -> Comparison:
        """The scores."""
        return self.outcome.comparison

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""
        return self.data.spec.classes

    @functools.cached_property
    def data(self) -> Dataset:
        """The data set."""
        return self.outcome.data.load()

    @functools.cached_property
    def dcgan(self) -> "TrainedDcgan":
        """The trained DCGAN."""
        dcgan: TrainedDcgan = self.outcome.dcgan.load()
        return dcgan

    @functools.cached_property
    def synthetic(self) -> PseudoLabels:
        """The generated images, labeled by the teacher."""
        return self.outcome.pseudo["synthetic"].load()

    @functools.cached_property
    def guesses(self) -> Guesses:
        """What each classifier takes the held-out images for."""
        labels = {split: getattr(self.data, split).labels for split in SPLITS}
        classes = {
            (*cell, split): probabilities.argmax(axis=1).astype(np.uint16)
            for cell, output in self.outcome.predictions.items()
            for split, probabilities in output.load().items()
        }
        return Guesses(labels, classes)

    @functools.cached_property
    def calibration(self) -> TeacherCalibration:
        """How far the teacher can be trusted."""
        return self.outcome.calibration.load()


def draw_data(data: Dataset) -> list[Panel]:
    """Draw a strip of training images, one class after the other."""
    labels = data.train.labels
    # The first image of every class, then the second of each, and so on.
    turns = np.zeros(len(labels), dtype=int)
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    turns[order] = np.arange(len(labels)) - starts
    chosen = np.lexsort((labels, turns))[:STRIP_IMAGES]
    return [Panel(galleries.render_row(data.train.images[chosen]))]


def draw_gan(run: LoadedRun) -> ReportPictures:
    """Draw the DCGAN's training, and what its images are nearest to."""
    return {**draw_realness(run), **draw_training(run.dcgan), **draw_neighbors(run)}


def draw_training(dcgan: "TrainedDcgan") -> ReportPictures:
    """Draw a DCGAN's samples and losses on the way."""
    return {
        "training": [Panel(galleries.render_strip(dcgan.samples, list_steps(dcgan)))],
        "gan_history": render_history(dcgan.history),
    }


def list_steps(dcgan: "TrainedDcgan") -> list[int]:
    """Return the steps that were taken when each of the samples was drawn."""
    return [int(row["step"]) for row in dcgan.history]


def draw_realness(run: LoadedRun) -> ReportPictures:
    """Draw the images that the discriminator finds least and most real, if it can say of one."""
    discriminator = run.dcgan.discriminator
    if has_mixing_layer(discriminator):
        return {}
    images = getattr(run.data, LOOKED_AT).images
    order = np.argsort(observe(discriminator, images).logits, kind="stable")
    return {"realness": [Panel(galleries.render_ends(images[order], "least real", "most real"))]}


def draw_neighbors(run: LoadedRun) -> ReportPictures:
    """Draw the accepted image of each class that is nearest to a training image.

    Of more than 20 classes, those of the smallest distances; nothing if no image was accepted.
    """
    pseudo, train = run.synthetic, run.data.train.images
    candidates = np.flatnonzero(pseudo.accepted)[:NEIGHBOR_CANDIDATES]
    if not len(candidates):
        return {}
    images, labels = pseudo.images[candidates], pseudo.labels[candidates]
    places, distances = find_nearest(images, train)
    order = np.argsort(distances, kind="stable")
    closest = order[np.unique(labels[order], return_index=True)[1]]
    closest = closest[pick_largest(-distances[closest])]
    neighbors = Neighbors(
        images[closest],
        train[places[closest]],
        distances[closest],
        [run.classes[place] for place in labels[closest]],
    )
    return {"neighbors": [Panel(galleries.render_neighbors(neighbors))]}


def draw_trainings(run: LoadedRun) -> ReportPictures:
    """Draw how the classifiers learned, of those that tell of it while they are trained."""
    trainings: dict[str, dict[str, Curve]] = {}
    for (name, arm), model in run.outcome.models.items():
        curve = model.read_curve() if (name, arm) in run.outcome.predictions else None
        if curve:
            trainings.setdefault(CLASSIFIERS[name].title, {})[arm] = curve
    return {"trainings": render_trainings(trainings)} if trainings else {}


def draw_labels(runs: Sequence[LoadedRun], split: Split) -> ReportPictures:
    """Draw what depends on the label budget.

    Args:
        runs: Of one budget; counts are of all, images of the first.
        split: Whose predictions are counted.
    """
    first = runs[0]
    pictures = {
        "decisions": render_decisions(first.synthetic, first.classes),
        "extremes": [Panel(galleries.render_extremes(first.synthetic, first.classes))],
        "reliability": render_reliability(collect_calibrations(first, split)),
    }
    comparisons = [run.comparison for run in runs]
    arm = choose_arm(comparisons)
    if arm:
        confusions = add_confusions(comparisons, arm, split)
        pictures["confusion"] = render_confusion(confusions, arm, first.classes)
        changes = find_changes(first, arm)
        if changes:
            pictures["changes"] = [Panel(galleries.render_changes(changes))]
    return pictures


def choose_arm(comparisons: Sequence[Comparison]) -> str | None:
    """Return the arm to show beside ``original``: ``gan``, or the first there is."""
    scored = {score.arm for comparison in comparisons for score in comparison.scores}
    others = [arm for arm in ARMS if arm in scored and arm != BASELINE]
    return PREFERRED if PREFERRED in others else next(iter(others), None)


def collect_calibrations(run: LoadedRun, split: Split) -> dict[str, dict[str, Calibration]]:
    """Return, by panel and curve, the calibration of the teacher and of every classifier."""
    teacher = run.calibration
    panels = {f"teacher, {LOOKED_AT}": {"as trained": teacher.before}}
    if teacher.temperature != 1:
        panels[f"teacher, {LOOKED_AT}"]["at its temperature"] = teacher.after
    for score in run.comparison.scores:
        if score.split == split:
            title = f"{CLASSIFIERS[score.classifier].title}, {split}"
            panels.setdefault(title, {})[ARM_TITLES[score.arm]] = score.calibration
    return panels


def add_confusions(
    comparisons: Sequence[Comparison], arm: str, split: Split
) -> dict[str, Confusions]:
    """Add up, by classifier, the confusion matrices of ``original`` and of an arm.

    Args:
        comparisons: Of all draws; only those that have both count.
        arm: Beside ``original``.
        split: Whose predictions are counted.

    Returns:
        Title of a classifier → its counts.
    """
    totals: dict[str, Confusions] = {}
    for comparison in comparisons:
        found = {(s.classifier, s.arm): s.confusion for s in comparison.scores if s.split == split}
        for name, classifier in CLASSIFIERS.items():
            if (name, arm) in found and (name, BASELINE) in found:
                before, after = np.array(found[name, BASELINE]), np.array(found[name, arm])
                sums = totals.get(classifier.title, Confusions(before * 0, after * 0))
                totals[classifier.title] = Confusions(sums.before + before, sums.after + after)
    return totals


def find_changes(run: LoadedRun, arm: str) -> Mapping[str, list[Change]]:
    """Return, by heading, the images that an arm gets right where ``original`` does not, and back.

    Headings are of the classifiers that were compared on the arm.
    """
    held_out = getattr(run.data, LOOKED_AT)
    rows: dict[str, list[Change]] = {}
    for name, classifier in CLASSIFIERS.items():
        if (name, arm) not in run.outcome.predictions:
            continue
        before, after = (
            run.guesses.classes[name, trained_on, LOOKED_AT] for trained_on in (BASELINE, arm)
        )
        right_before, right_after = before == held_out.labels, after == held_out.labels
        for verb, marked in (
            ("fixed", right_after & ~right_before),
            ("broken", right_before & ~right_after),
        ):
            heading = f"{classifier.title}: {marked.sum():,} {verb} by {ARM_TITLES[arm]}"
            shown = np.flatnonzero(marked)[: galleries.MOST_CHANGES]
            rows[heading] = [
                Change(held_out.images[i], run.classes[before[i]], run.classes[after[i]])
                for i in shown
            ]
    return rows
