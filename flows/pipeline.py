"""The stages of one run, a data set with a label budget and a seed, in their order."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gan_aug.store.store.store import Entry, Store, load_indices, load_labeled

from flows import tasks
from gan_aug.arms import ARMS, Need
from gan_aug.evaluation.calibration import check_folds
from gan_aug.evaluation.comparison import Comparison
from gan_aug.memory import check_memory
from gan_aug.settings.run import ArmName, Classifier, RunConfig

__all__ = ["Guard", "Outcome", "plan_run", "run_stages"]

Guard = Callable[[Classifier, ArmName], contextlib.AbstractContextManager[None]]
"""What a cell, a classifier on an arm, runs in; it may keep an error to itself."""


@dataclass(frozen=True)
class Outcome:
    """What the stages of a run made.

    Attributes:
        comparison: The scores of every classifier on every arm.
        data: The data set.
        dcgan: The trained DCGAN.
        pseudo: Where they come from → the images that the teacher labeled.
        teacher: Who labeled them.
        teacher_calibration: How far the teacher can be trusted.
        models: The classifiers.
        predictions: What they say of validation and test images.
        judged: How good the synthetic images are, if that was asked for.
        stages: Every output, in the order of the stages.
    """

    comparison: Comparison
    data: Entry
    dcgan: Entry
    pseudo: Mapping[Need, Entry]
    teacher: tasks.Teacher
    teacher_calibration: Entry
    models: tasks.Outputs
    predictions: tasks.Outputs
    judged: Entry | None
    stages: list[Entry]


def plan_run(
    kept: Store, config: RunConfig, data: Entry, *, processes: int = 1
) -> tuple[Entry, int]:
    """Draw a run's labels, and refuse what can't be done before any of it is.

    Args:
        kept: Where outputs are kept.
        config: The run's settings.
        data: The data set.
        processes: How many of this machine are to compute such runs side by side.

    Returns:
        Which training images are labeled, and how many are not.

    Raises:
        UserError: There are too few images for the budget or the folds, or too little memory.
    """
    labeled = tasks.draw_labels(kept, config, data).result()
    labels = load_labeled(data, "train").labels
    drawn = load_indices(labeled)
    check_folds(labels[drawn], config.pseudo_labels.calibration_folds)
    check_memory(config, len(labels), processes=processes)
    return labeled, len(labels) - len(drawn)


def let_pass(_classifier: Classifier, _arm: ArmName) -> contextlib.AbstractContextManager[None]:
    """Let every error end the run."""
    return contextlib.nullcontext()


def run_stages(
    kept: Store, config: RunConfig, data: Entry, labeled: Entry, *, guard: Guard = let_pass
) -> Outcome:
    """Train the DCGAN, label its images, train the classifiers on every arm, and compare.

    Args:
        kept: Where outputs are kept.
        config: Settings of every stage.
        data: The data set.
        labeled: Which of its training images are labeled.
        guard: Around each cell; one that fails inside is missing in the outcome, and so are the
            other arms of a classifier whose ``original`` is missing.
    """
    planned = config.cnn.plan_updates(len(load_indices(labeled)))
    config = config.model_copy(update={"cnn": planned})
    sets: dict[ArmName, Entry] = {
        arm: tasks.build_training_set(kept, config, arm, data, labeled, {}).result()
        for arm in list_teaching_arms(config)
    }
    teacher = train_teachers(kept, config, data, labeled, sets)
    trusted = tasks.assess_teacher(kept, config, data, teacher).result()
    dcgan = tasks.train_dcgan(kept, config, data).result()
    synthetic = tasks.synthesize(kept, config, dcgan).result()
    pseudo = label_needed(kept, config, data, labeled, synthetic, teacher)

    models: tasks.Outputs = {("cnn", teacher.arm): teacher.networks[0]} if teacher.arm else {}
    predictions: tasks.Outputs = {}
    for classifier in config.classifiers:
        for arm in config.arms:
            with guard(classifier, arm):
                if arm not in sets:
                    sets[arm] = tasks.build_training_set(
                        kept, config, arm, data, labeled, pseudo
                    ).result()
                cell = (classifier, arm)
                if cell not in models:
                    models[cell] = tasks.TRAIN[classifier](kept, config, arm, sets[arm]).result()
                predictions[cell] = tasks.predict(
                    kept, config, classifier, arm, models[cell], data
                ).result()
    comparable = drop_incomparable(predictions)
    judging = judge_images(kept, config, data, synthetic) if config.quality.enabled else []
    taught = [*teacher.own.values(), *([teacher.temperature] if teacher.temperature else [])]
    made = [data, labeled, *taught, trusted, dcgan, synthetic, *pseudo.values(), *sets.values()]
    return Outcome(
        comparison=tasks.compare(config, data, sets, comparable),
        data=data,
        dcgan=dcgan,
        pseudo=pseudo,
        teacher=teacher,
        teacher_calibration=trusted,
        models=models,
        predictions=comparable,
        judged=judging[-1] if judging else None,
        stages=[*made, *models.values(), *predictions.values(), *judging],
    )


def list_teaching_arms(config: RunConfig) -> list[ArmName]:
    """Return ``original``, and the arm whose CNN is the teacher if that is another."""
    teacher = config.pseudo_labels.teacher
    return ["original"] if teacher == "sgan" else [*dict.fromkeys(("original", teacher))]


def train_teachers(
    kept: Store, config: RunConfig, data: Entry, labeled: Entry, sets: Mapping[ArmName, Entry]
) -> tasks.Teacher:
    """Train the networks of the teacher, and fit its temperature if that is asked for."""
    settings = config.pseudo_labels
    numbers = range(1, settings.teachers + 1)
    if settings.teacher == "sgan":
        networks = [
            tasks.train_sgan(kept, config, number, data, labeled).result() for number in numbers
        ]
        return tasks.Teacher(networks, temperature=None, arm=None)
    training_set = sets[settings.teacher]
    return tasks.Teacher(
        networks=[
            tasks.train_cnn(kept, config, settings.teacher, training_set).result(),
            *(
                tasks.train_teacher(kept, config, number, training_set).result()
                for number in numbers[1:]
            ),
        ],
        temperature=tasks.fit_temperature(kept, config, settings.teacher, data, labeled).result()
        if settings.calibration_folds
        else None,
        arm=settings.teacher,
    )


def drop_incomparable(predictions: tasks.Outputs) -> tasks.Outputs:
    """Leave out the classifiers that have no predictions of ``original``."""
    return {
        (classifier, arm): entry
        for (classifier, arm), entry in predictions.items()
        if (classifier, "original") in predictions
    }


def label_needed(
    kept: Store,
    config: RunConfig,
    data: Entry,
    labeled: Entry,
    synthetic: Entry,
    teacher: tasks.Teacher,
) -> dict[Need, Entry]:
    """Have the teacher label the synthetic images, and the unlabeled ones if an arm needs them."""
    pseudo: dict[Need, Entry] = {
        "synthetic": tasks.label_synthetic(kept, config, synthetic, teacher).result()
    }
    if any("pool" in ARMS[arm].needs for arm in config.arms):
        pseudo["pool"] = tasks.label_pool(kept, config, data, labeled, teacher).result()
    return pseudo


def judge_images(kept: Store, config: RunConfig, data: Entry, synthetic: Entry) -> list[Entry]:
    """Train the judge and have it look at the synthetic images: both stages' outputs."""
    judge = tasks.train_judge(kept, config, data).result()
    return [judge, tasks.measure_quality(kept, config, data, synthetic, judge).result()]
