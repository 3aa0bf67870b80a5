"""The stages of a run: what each computes, from what, with which settings.

Nothing is computed here. Functions that decide a result are in the modules that stages name, whose
source their keys hold.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan_aug.arms import ARMS, Need, bound_accepted, build_training_set, count_missing
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.classifiers.classifier import Classifier
from gan_aug.classifiers.cnn import CNN
from gan_aug.data.dataset import Dataset, Provenance, describe_dataset, draw_labeled
from gan_aug.device import Compute
from gan_aug.evaluation.anomaly import (
    Ranking,
    RankingFormat,
    Separation,
    count_ranked,
    evaluate_left_out,
    rank_images,
)
from gan_aug.evaluation.calibration import TeacherCalibration, assess_teacher
from gan_aug.evaluation.comparison import Comparison, compare_cells
from gan_aug.evaluation.quality import (
    JUDGE_PRECISION,
    Quality,
    count_judged,
    judge_images,
    train_judge,
)
from gan_aug.gan.adversarial import TrainedDcgan, train_dcgan, train_dcgan_without
from gan_aug.gan.clustering import check_clusters
from gan_aug.gan.formats import DcganFormat
from gan_aug.gan.synthesis import synthesize
from gan_aug.images import Float32, Indices, Labels, PseudoLabels, SyntheticImages, TrainingSet
from gan_aug.prediction import Split, predict_splits
from gan_aug.pseudo_labels import label_images, label_pool, name_training_images
from gan_aug.seeding import derive_seed
from gan_aug.settings.anomalies import Part
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.run import RunConfig
from gan_aug.stage import Inputs, Stage
from gan_aug.store.formats import ArrayFormat, ArraysFormat, JsonFormat
from gan_aug.teachers import TEACHERS
from gan_aug.teachers.ensemble import cross_fit_temperature
from gan_aug.teachers.teacher import Teacher
from gan_aug.teachers.trust import FOLDS, Trust, examine_classifier, judge_teacher

__all__ = [
    "Cell",
    "RunStages",
    "describe_dcgan",
    "describe_draw",
    "describe_left_out",
    "describe_ranking",
]

Cell = tuple[str, str]
"""Names of a classifier and of the arm it is trained on."""

PSEUDO_LABELS = ArraysFormat("pseudo_labels", PseudoLabels)


def describe_draw(config: RunConfig, data: Stage[Dataset]) -> Stage[Indices]:
    """Return the stage that draws the images whose labels may be seen."""
    return Stage(
        "labels",
        "labels",
        draw_labeled,
        ArrayFormat("indices"),
        settings={"budget": config.labels, "seed": config.seed},
        inputs={"train": data.select("train")},
    )


def describe_dcgan(
    images: Mapping[str, Inputs],
    config: DcganConfig,
    *,
    seed: int,
    compute: Compute,
    title: str = "DCGAN",
    run: Any = train_dcgan,
    **settings: Any,
) -> Stage[TrainedDcgan]:
    """Return the training of a DCGAN.

    Args:
        images: What ``run`` is trained on: name of an argument → where it comes from.
        config: Settings of the DCGAN.
        seed: Of the networks and of every sample.
        compute: Device and precision.
        title: What is trained, for people.
        run: What trains it.
        settings: Further arguments of ``run``.
    """
    return Stage(
        "dcgan",
        title,
        run,
        DcganFormat(),
        settings={"config": config, "seed": seed, **settings},
        inputs=images,
        compute=compute,
        steps=config.steps,
        trains=True,
        resumable=True,
    )


def describe_ranking(
    discriminator: Inputs, part: Part, seed: int, provenance: Provenance, compute: Compute
) -> Stage[Ranking]:
    """Return the stage that scores images by every detector, and measures the detectors.

    Args:
        discriminator: The network to ask.
        part: Of the data set.
        seed: Of the detectors.
        provenance: Of the data set.
        compute: Device and precision.
    """
    return Stage(
        "anomalies",
        f"anomalies among {part} images",
        rank_images,
        RankingFormat(),
        settings={"part": part, "seed": seed},
        inputs={"discriminator": discriminator, "data": describe_dataset(provenance)},
        compute=compute,
        steps=count_ranked(provenance, part),
    )


def describe_left_out(
    config: RunConfig, provenance: Provenance, label: int, compute: Compute
) -> tuple[Stage[TrainedDcgan], Stage[list[Separation]]]:
    """Return the training of a DCGAN without a class, and how well it finds that class.

    Args:
        config: Settings of the run whose DCGAN it is like, but that no teacher names its images.
        provenance: Of the data set.
        label: Of the class.
        compute: Device and precision.
    """
    data, name = describe_dataset(provenance), provenance.classes[label]
    dcgan = describe_dcgan(
        {"train": data.select("train")},
        config.dcgan.model_copy(update={"condition": "none"}),
        seed=config.seed,
        compute=compute,
        title=f"DCGAN without {name}",
        run=train_dcgan_without,
        label=label,
    )
    evaluation = Stage(
        "left-out",
        f"evaluation without {name}",
        evaluate_left_out,
        JsonFormat("separations", list[Separation]),
        settings={"label": label, "seed": config.seed},
        inputs={"discriminator": dcgan.select("discriminator"), "data": data},
        compute=compute,
        steps=provenance.images["validation"],
    )
    return dcgan, evaluation


@dataclass(frozen=True)
class RunStages:
    """The stages of a run.

    Attributes:
        config: Settings for the number of labels that there are (:meth:`RunConfig.plan`).
        data: The data set.
        provenance: Of the data set.
        drawn: Which of its training images are labeled.
        compute: Device and precision.

    Raises:
        UserError: The DCGAN is to be conditioned on more classes than it has clusters.
    """

    config: RunConfig
    data: Stage[Dataset]
    provenance: Provenance
    drawn: Stage[Indices]
    compute: Compute

    def __post_init__(self) -> None:
        if self.config.dcgan.conditioned:
            check_clusters(self.config.dcgan.clusters, len(self.provenance.classes))

    @property
    def teacher(self) -> Teacher:
        """Who labels images."""
        return TEACHERS[self.config.pseudo_labels.teacher]

    # ------------------------------------------------------------ the synthetic images

    def train_dcgan(self) -> Stage[TrainedDcgan]:
        """Train the DCGAN on all training images, and on what the teacher says of them if asked."""
        named = {"labels": self.name_images()} if self.config.dcgan.conditioned else {}
        return describe_dcgan(
            {"images": self.data.select("images"), **named},
            self.config.dcgan,
            seed=self.config.seed,
            compute=self.compute,
        )

    def synthesize(self) -> Stage[SyntheticImages]:
        """Generate images."""
        count = self.config.synthesis.images
        return Stage(
            "synthesis",
            "synthesis",
            synthesize,
            ArraysFormat("synthetic", SyntheticImages),
            settings={"count": count, "seed": self.config.seed},
            inputs={"generator": self.train_dcgan().select("generator")},
            compute=self.compute,
            steps=count,
        )

    # -------------------------------------------------------------------- the teacher

    def train_networks(self) -> list[Stage[Any]]:
        """Train the networks of the teacher."""
        numbers = range(1, self.config.pseudo_labels.teachers + 1)
        return [self.teacher.plan(self, number) for number in numbers]

    def fit_temperature(self) -> Stage[float] | None:
        """Fit the teacher's temperature, if that is asked for."""
        folds, arm = self.config.pseudo_labels.calibration_folds, self.teacher.arm
        if not folds or arm is None:
            return None
        config = self.config.of(CNN)
        return Stage(
            "temperature",
            "temperature",
            cross_fit_temperature,
            JsonFormat("temperature", float),
            settings={
                "cnn": config,
                "folds": folds,
                "seed": self.config.seed,
                "arm": self.describe_arm(arm),
            },
            inputs={"train": self.data.select("train"), "drawn": self.drawn},
            compute=self.compute,
            steps=folds * config.steps,
            trains=True,
        )

    def ask_teacher(self) -> tuple[dict[str, Any], dict[str, Inputs]]:
        """Return the settings and the inputs of all that asks the teacher."""
        temperature = self.fit_temperature()
        calibrated = {"temperature": temperature} if temperature else {}
        return {"predict": self.teacher.predict}, {"networks": self.train_networks(), **calibrated}

    def assess_teacher(self) -> Stage[TeacherCalibration]:
        """Tell how far the teacher can be trusted, on validation images; it decides nothing."""
        settings, inputs = self.ask_teacher()
        return Stage(
            "teacher",
            "teacher's calibration",
            assess_teacher,
            JsonFormat("teacher", TeacherCalibration),
            settings=settings,
            inputs={"validation": self.data.select("validation"), **inputs},
            compute=self.compute,
            steps=self.provenance.images["validation"],
        )

    def name_images(self) -> Stage[Labels]:
        """Have the teacher name all training images whose labels may not be seen."""
        settings, inputs = self.ask_teacher()
        return Stage(
            "teacher-labels",
            "teacher's labels",
            name_training_images,
            ArrayFormat("labels"),
            settings=settings,
            inputs={
                "images": self.data.select("images"),
                "train_labels": self.data.select("train.labels"),
                "drawn": self.drawn,
                **inputs,
            },
            compute=self.compute,
            steps=self.provenance.count_training_images(),
        )

    def label_images(self, source: Need) -> Stage[PseudoLabels]:
        """Have the teacher label images, and accept those it is sure of.

        Args:
            source: ``synthetic``, or ``pool``: the training images that nobody labeled.
        """
        settings, inputs = self.ask_teacher()
        images: dict[str, Inputs] = (
            {"images": self.synthesize().select("images")}
            if source == "synthetic"
            else {"train": self.data.select("images"), "drawn": self.drawn}
        )
        if source == "synthetic" and self.config.dcgan.conditioned:
            images["intended"] = self.synthesize().select("intended")
        if self.level:
            images |= {"train_labels": self.data.select("train.labels"), "drawn": self.drawn}
        return Stage(
            "pseudo-labels",
            f"pseudo-labels, {source}",
            label_images if source == "synthetic" else label_pool,
            PSEUDO_LABELS,
            settings={**settings, **self.config.pseudo_labels.acceptance},
            inputs={**images, **inputs},
            compute=self.compute,
            steps=self.count_offered(source),
        )

    def count_offered(self, source: Need) -> int:
        """Return how many images of a source there are at most for the teacher to label."""
        offered = {
            "synthetic": self.config.synthesis.images,
            "pool": self.provenance.count_training_images(),
        }
        return offered[source]

    @property
    def level(self) -> bool:
        """Whether accepted images make up for classes of different sizes."""
        return self.config.pseudo_labels.balance == "level"

    def bound_accepted(self, source: Need, counts: Sequence[int]) -> int:
        """Return how many images of a source can be accepted at most.

        Args:
            source: Of the images.
            counts: Labeled images of each class.
        """
        per_class, offered = self.config.pseudo_labels.per_class, self.count_offered(source)
        if self.level:
            return min(count_missing(counts, per_class), offered)
        return bound_accepted(len(counts), per_class, offered)

    # ----------------------------------------------------------- arms and classifiers

    def judge_teacher(self, classifier: Classifier) -> Stage[Trust] | None:
        """Ask how much of the teacher's labels a classifier can learn; None if that is settled."""
        if self.config.pseudo_labels.trust != "auto" or self.teacher.examine is None:
            return None
        return Stage(
            "trust",
            f"trust of {classifier.phrase} in the teacher",
            judge_teacher,
            JsonFormat("trust", Trust),
            inputs={
                "student_error": self.examine_classifier(classifier),
                "teacher_error": self.teacher.examine(self, self.examine_classifier(CNN)),
            },
        )

    def examine_classifier(self, classifier: Classifier) -> Stage[float]:
        """Ask a classifier about labels that it did not learn from."""
        config = self.config.of(classifier)
        return Stage(
            "examination",
            f"{classifier.title}, labels held out",
            examine_classifier,
            JsonFormat("error", float),
            settings={
                "fit": classifier.train,
                "predict": classifier.predict,
                "config": config,
                "seed": self.config.seed,
            },
            inputs={"train": self.data.select("train"), "drawn": self.drawn},
            compute=self.compute if classifier.uses_device else None,
            steps=FOLDS * config.steps,
            trains=True,
        )

    def describe_arm(self, arm: str) -> dict[str, Any]:
        """Return the settings that an arm's training set depends on."""
        config, entry = self.config, ARMS[arm]
        added = {"config": config.augmentation, "seed": config.seed}
        pseudo = config.pseudo_labels
        trust = {"trust": pseudo.trust} if pseudo.trust != "auto" else {}
        return {
            "arm": arm,
            **(added if entry.additions else {}),
            **({"targets": pseudo.targets, **trust} if entry.needs else {}),
            **({"level": True} if entry.needs and self.level else {}),
            **({"copies": self.copies} if entry.copies else {}),
        }

    @property
    def copies(self) -> int:
        """How many copies of labeled images an arm adds that has any.

        As many as there can be synthetic ones; the same for every ``balance``, so that the teacher
        is the same.
        """
        return bound_accepted(
            len(self.provenance.classes),
            self.config.pseudo_labels.per_class,
            self.count_offered("synthetic"),
        )

    def build_training_set(self, classifier: Classifier, arm: str) -> Stage[TrainingSet]:
        """Build a classifier's training set of an arm from what the arm needs."""
        needed: dict[str, Inputs] = {
            need: self.label_images(need) for need in sorted(ARMS[arm].needs)
        }
        trust = self.judge_teacher(classifier) if needed else None
        if trust:
            needed["trust"] = trust.select("share")
        return Stage(
            "training-set",
            f"training set, {arm}",
            build_training_set,
            ArraysFormat("training_set", TrainingSet),
            settings=self.describe_arm(arm),
            inputs={"train": self.data.select("train"), "drawn": self.drawn, **needed},
        )

    def train_classifier(self, classifier: Classifier, arm: str, member: int = 1) -> Stage[Any]:
        """Train a fresh classifier on an arm.

        Args:
            classifier: What is trained.
            arm: Name of the arm.
            member: Its number among those that differ in their seeds.
        """
        config = self.config.of(classifier)
        return Stage(
            classifier.name,
            f"{classifier.title}, {arm}{f', network {member}' if member > 1 else ''}",
            classifier.train,
            classifier.format,
            settings={"config": config, "seed": derive_seed(self.config.seed, member)},
            inputs={"training_set": self.build_training_set(classifier, arm)},
            compute=self.compute if classifier.uses_device else None,
            steps=config.steps,
            trains=True,
        )

    def predict(self, classifier: Classifier, arm: str) -> Stage[dict[Split, Float32]]:
        """Predict class probabilities of the validation and test images."""
        held_out = self.provenance.images["validation"] + self.provenance.images["test"]
        return Stage(
            "predictions",
            f"predictions of {classifier.phrase}, {arm}",
            predict_splits,
            ArraysFormat("predictions", dict),
            settings={"predict": classifier.predict},
            inputs={"model": self.train_classifier(classifier, arm), "data": self.data},
            compute=self.compute if classifier.uses_device else None,
            steps=held_out,
        )

    # ------------------------------------------------------------------------ answers

    def compare(self, cells: Sequence[Cell], budget: int) -> Stage[Comparison]:
        """Score all predictions, the only place where test labels are read.

        Args:
            cells: Those that can be compared.
            budget: How many labels there are.
        """
        known = [(CLASSIFIERS[name], arm) for name, arm in cells]
        predictions = [self.predict(classifier, arm) for classifier, arm in known]
        sets = [self.build_training_set(classifier, arm) for classifier, arm in known]
        return Stage(
            "comparison",
            "comparison",
            compare_cells,
            JsonFormat("comparison", Comparison),
            settings={
                "cells": [list(cell) for cell in cells],
                "config": self.config.comparison,
                "budget": budget,
                "seed": self.config.seed,
            },
            inputs={
                "data": self.data,
                "probabilities": predictions,
                "weights": [training_set.select("weights") for training_set in sets],
                "drawn": self.drawn,
            },
        )

    def train_judge(self) -> Stage[Any]:
        """Train the network that judges synthetic images, on all training labels.

        Its seed and precision do not depend on the run's, so that all runs on a data set and a kind
        of device have one judge.
        """
        settings = self.config.quality.judge.plan(self.provenance.images["train"])
        return Stage(
            "judge",
            "judge",
            train_judge,
            CNN.format,
            settings={"config": settings},
            inputs={"train": self.data.select("train")},
            compute=self.judging,
            steps=settings.steps,
            trains=True,
        )

    @property
    def judging(self) -> Compute:
        """What the judge computes on."""
        return dataclasses.replace(self.compute, dtype_policy=JUDGE_PRECISION)

    def judge_images(self) -> Stage[Quality]:
        """Compare synthetic images, and as many training images, with the test images."""
        quality = self.config.quality
        return Stage(
            "quality",
            "quality",
            judge_images,
            JsonFormat("quality", Quality),
            settings={"images": quality.images, "neighbors": quality.neighbors},
            inputs={
                "judge": self.train_judge(),
                "synthetic": self.synthesize().select("images"),
                "data": self.data,
            },
            compute=self.judging,
            steps=count_judged(
                self.provenance,
                synthetic=self.config.synthesis.images,
                images=quality.images,
            ),
        )
