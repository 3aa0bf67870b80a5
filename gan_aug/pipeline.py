"""A run: what must be known before it begins, the order of its stages, its outcome."""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan_aug.arms import ARMS, BASELINE, Need, count_missing
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.classifiers.cnn import CNN
from gan_aug.data.dataset import Dataset
from gan_aug.device import Compute
from gan_aug.evaluation.calibration import TeacherCalibration
from gan_aug.evaluation.comparison import Comparison
from gan_aug.evaluation.quality import Quality
from gan_aug.execution import Executor, Output
from gan_aug.gan.networks import estimate_dcgan
from gan_aug.images import Float32, PseudoLabels
from gan_aug.memory import FLOAT_BYTES, refuse_excess
from gan_aug.prediction import Split
from gan_aug.settings.run import RunConfig
from gan_aug.stage import Stage
from gan_aug.stages import Cell, RunStages, describe_draw
from gan_aug.teachers.ensemble import check_folds
from gan_aug.teachers.trust import FOLDS, Trust

__all__ = ["Guard", "Outcome", "RunPlan", "plan_run", "run_stages"]

logger = logging.getLogger(__name__)

IMAGE_COPIES = 3
ROWS_PER_SOFT_TARGET = 1.5

Guard = Callable[[str, str], contextlib.AbstractContextManager[None]]
"""What a cell, a classifier on an arm, runs in; it may keep an error to itself."""


@dataclass(frozen=True)
class RunPlan:
    """A run of which is known that it can be done.

    Attributes:
        stages: Its stages.
        labels: How many images are labeled.
        unlabeled: How many training images are not.
    """

    stages: RunStages
    labels: int
    unlabeled: int


@dataclass(frozen=True)
class Outcome:
    """What the stages of a run made.

    Attributes:
        comparison: The scores of every classifier on every arm.
        data: The data set.
        dcgan: The trained DCGAN, a :class:`gan_aug.gan.adversarial.TrainedDcgan`.
        pseudo: Where they come from → the images that the teacher labeled.
        teacher: Name of the teacher.
        networks: The teacher's, in order.
        temperature: What their logits are divided by; None where that was not fitted.
        calibration: How far the teacher can be trusted.
        trust: Classifier → how much it learns from the teacher; empty where that was settled.
        models: The classifiers.
        predictions: What they say of validation and test images.
        quality: How good the synthetic images are, if that was asked for.
        stages: Every output, in the order of the stages.
    """

    comparison: Comparison
    data: Output[Dataset]
    dcgan: Output[Any]
    pseudo: Mapping[Need, Output[PseudoLabels]]
    teacher: str
    networks: list[Output[Any]]
    temperature: Output[float] | None
    calibration: Output[TeacherCalibration]
    trust: Mapping[str, Output[Trust]]
    models: Mapping[Cell, Output[Any]]
    predictions: Mapping[Cell, Output[dict[Split, Float32]]]
    quality: Output[Quality] | None
    stages: list[Output[Any]]


def plan_run(
    execute: Executor,
    config: RunConfig,
    data: Stage[Dataset],
    compute: Compute,
    *,
    processes: int = 1,
) -> RunPlan:
    """Draw a run's labels, and refuse what can't be done before any of it is.

    Args:
        execute: Executes stages.
        config: The run's settings.
        data: The data set.
        compute: Device and precision.
        processes: How many of this machine are to compute such runs side by side.

    Raises:
        UserError: There are too few images for the budget or the folds, or too little memory.
    """
    drawn = describe_draw(config, data)
    places = execute(drawn).load()
    loaded = execute(data).load()
    labeled = loaded.train.take(places)
    check_folds(labeled, config.pseudo_labels.calibration_folds)
    images = loaded.provenance.count_training_images()
    counts = list(loaded.spec.count_images(labeled.labels).values())
    planned = settle_trust(config.plan(len(places), images), counts)
    stages = RunStages(planned, data, loaded.provenance, drawn, compute)
    needs = estimate_memory(stages, counts)
    sizes = (f"{stage} {size / 2**30:.2f} GiB" for stage, (size, _) in needs.items())
    logger.debug("memory at the peak of a stage, about: %s", ", ".join(sizes))
    refuse_excess(needs, processes=processes)
    return RunPlan(stages, len(places), images - len(places))


def settle_trust(config: RunConfig, counts: Sequence[int]) -> RunConfig:
    """Return settings where the teacher's labels count in full if no label can be held out.

    Args:
        config: Settings of a run.
        counts: Labeled images of each class.
    """
    pseudo = config.pseudo_labels
    if pseudo.trust != "auto" or max(counts) >= FOLDS:
        return config
    return config.model_copy(update={"pseudo_labels": pseudo.model_copy(update={"trust": 1.0})})


def estimate_memory(stages: RunStages, counts: Sequence[int]) -> dict[str, tuple[float, str]]:
    """Estimate the bytes that each of the large stages takes at its peak.

    Args:
        stages: Of the run.
        counts: Labeled images of each class.

    Returns:
        Stage → bytes, and the flags that lower them.
    """
    config, provenance = stages.config, stages.provenance
    shape, classes = provenance.shape, len(provenance.classes)
    pixels = shape[0] * shape[1] * shape[2]
    images = provenance.count_training_images()
    labels, most = sum(counts), max(count_added(arm, stages, counts) for arm in config.arms)
    training_set = (labels + most) * (pixels + FLOAT_BYTES * classes)
    rows = labels + round(most * rows_per_target(config))
    needs = estimate_dcgan(config.dcgan, images, shape)
    needs["synthetic images"] = (
        IMAGE_COPIES * pixels * config.synthesis.images,
        "--synthesis.images",
    )
    for name in config.classifiers:
        part = CLASSIFIERS[name]
        needs[part.title] = (
            training_set + part.estimate_memory(shape, classes, config.of(part), rows),
            part.remedy,
        )
    teacher = stages.teacher
    needs[f"teacher, a {teacher.kind}"] = (
        images * pixels + teacher.estimate_memory(shape, classes, images, config),
        teacher.remedy,
    )
    return needs


def count_added(arm: str, stages: RunStages, counts: Sequence[int]) -> int:
    """Return how many images an arm may add to the labeled ones, so many of each class."""
    entry = ARMS[arm]
    accepted = sum(stages.bound_accepted(source, counts) for source in entry.needs)
    repeated = count_missing(counts) if entry.evens == "images" else 0
    return accepted + stages.copies * entry.copies + repeated


def rows_per_target(config: RunConfig) -> float:
    """Return how many rows the target of a pseudo-labeled image makes, on average."""
    return ROWS_PER_SOFT_TARGET if config.pseudo_labels.targets == "soft" else 1.0


def let_pass(_classifier: str, _arm: str) -> contextlib.AbstractContextManager[None]:
    """Let every error end the run."""
    return contextlib.nullcontext()


def run_stages(plan: RunPlan, execute: Executor, *, guard: Guard = let_pass) -> Outcome:
    """Train the DCGAN, label its images, train the classifiers on every arm, and compare.

    Args:
        plan: Of the run.
        execute: Executes stages.
        guard: Around each cell; one that fails inside is missing in the outcome.
    """
    stages = plan.stages
    config = stages.config
    networks = [execute(network) for network in stages.train_networks()]
    temperature = stages.fit_temperature()
    fitted = execute(temperature) if temperature else None
    calibration = execute(stages.assess_teacher())
    dcgan = execute(stages.train_dcgan())
    pseudo = {need: execute(stages.label_images(need)) for need in list_needs(config.arms)}
    trust = judge_teacher(stages, execute)
    models, predictions = compute_cells(stages, execute, guard)
    quality = execute(stages.judge_images()) if config.quality.enabled else None
    comparison = execute(stages.compare(list(predictions), plan.labels))
    if stages.teacher.arm:
        models.setdefault((CNN.name, stages.teacher.arm), networks[0])
    return Outcome(
        comparison=comparison.load(),
        data=execute(stages.data),
        dcgan=dcgan,
        pseudo=pseudo,
        teacher=stages.teacher.name,
        networks=networks,
        temperature=fitted,
        calibration=calibration,
        trust=trust,
        models=models,
        predictions=predictions,
        quality=quality,
        stages=list(execute.outputs.values()),
    )


def judge_teacher(stages: RunStages, execute: Executor) -> dict[str, Output[Trust]]:
    """Ask how much each classifier can learn from the teacher, where an arm needs one."""
    config = stages.config
    if not any(ARMS[arm].needs for arm in config.arms):
        return {}
    judged = {name: stages.judge_teacher(CLASSIFIERS[name]) for name in config.classifiers}
    return {name: execute(stage) for name, stage in judged.items() if stage}


def list_needs(arms: Sequence[str]) -> list[Need]:
    """Return which images the teacher has to label: the synthetic ones in any case."""
    needed = [need for arm in arms for need in sorted(ARMS[arm].needs)]
    return list(dict.fromkeys(["synthetic", *needed]))


def compute_cells(
    stages: RunStages, execute: Executor, guard: Guard
) -> tuple[dict[Cell, Output[Any]], dict[Cell, Output[Any]]]:
    """Train every classifier on every arm, and ask it.

    Returns:
        Cell → model, and cell → predictions, of the classifiers that have ``original`` to be
        compared with.
    """
    models: dict[Cell, Output[Any]] = {}
    predictions: dict[Cell, Output[Any]] = {}
    for name in stages.config.classifiers:
        for arm in stages.config.arms:
            with guard(name, arm):
                models[name, arm] = execute(stages.train_classifier(CLASSIFIERS[name], arm))
                predictions[name, arm] = execute(stages.predict(CLASSIFIERS[name], arm))
    comparable = {
        (name, arm): output
        for (name, arm), output in predictions.items()
        if (name, BASELINE) in predictions
    }
    return models, comparable
