"""The stages of one run, a data set with a label budget and a seed, in their order."""

import contextlib
from collections.abc import Callable

from flows import tasks
from gan_aug.augmentation import ARMS, Need
from gan_aug.comparison import CLASSIFIER_NAMES, Classifier
from gan_aug.config import ArmName, RunConfig
from gan_aug.store import Entry, Store

__all__ = ["Guard", "run_stages"]

Guard = Callable[[Classifier, ArmName], contextlib.AbstractContextManager[None]]
"""What a cell, a classifier on an arm, runs in; it may keep an error to itself."""


def let_pass(_classifier: Classifier, _arm: ArmName) -> contextlib.AbstractContextManager[None]:
    """Let every error end the run."""
    return contextlib.nullcontext()


def run_stages(
    kept: Store, config: RunConfig, data: Entry, labeled: Entry, *, guard: Guard = let_pass
) -> tasks.Outcome:
    """Train the DCGAN, label its images, train both classifiers on every arm, and compare.

    Args:
        kept: Where outputs are kept.
        config: Settings of every stage.
        data: The data set.
        labeled: Which of its training images are labeled.
        guard: Around each cell; one that fails inside is missing in the outcome, and so are the
            other arms of a classifier whose ``original`` is missing.
    """
    original = tasks.build_training_set(kept, config, "original", data, labeled, {}).result()
    teacher = tasks.train_cnn(kept, config, "original", original).result()
    dcgan = tasks.train_dcgan(kept, config, data).result()
    synthetic = tasks.synthesize(kept, config, dcgan).result()
    pseudo = label_needed(kept, config, data, labeled, synthetic, teacher)

    sets: dict[ArmName, Entry] = {"original": original}
    models: tasks.Outputs = {("cnn", "original"): teacher}
    predictions: tasks.Outputs = {}
    for classifier in CLASSIFIER_NAMES:
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
    judging = judge_images(kept, config, data, synthetic) if config.quality.enabled else []
    made = [data, labeled, dcgan, synthetic, *pseudo.values(), *sets.values(), *models.values()]
    return tasks.Outcome(
        comparison=tasks.compare(config, data, sets, drop_incomparable(predictions)),
        dcgan=dcgan,
        pseudo=pseudo["synthetic"],
        models=models,
        judged=judging[-1] if judging else None,
        stages=[*made, *predictions.values(), *judging],
    )


def drop_incomparable(predictions: tasks.Outputs) -> tasks.Outputs:
    """Leave out the classifiers that have no predictions of ``original``."""
    return {
        (classifier, arm): entry
        for (classifier, arm), entry in predictions.items()
        if (classifier, "original") in predictions
    }


def label_needed(
    kept: Store, config: RunConfig, data: Entry, labeled: Entry, synthetic: Entry, teacher: Entry
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
