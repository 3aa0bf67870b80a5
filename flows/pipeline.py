"""The stages of one cell, a data set with a label budget and a seed, in their order."""

from flows import tasks
from gan_aug.augmentation import ARMS, Need
from gan_aug.config import ArmName, RunConfig
from gan_aug.store import Entry, Store

__all__ = ["run_stages"]


def run_stages(kept: Store, config: RunConfig, data: Entry, labeled: Entry) -> tasks.Outcome:
    """Train the DCGAN, label its images, train both classifiers on every arm, and compare.

    Args:
        kept: Where outputs are kept.
        config: Settings of every stage.
        data: The data set.
        labeled: Which of its training images are labeled.
    """
    original = tasks.build_training_set(kept, config, "original", data, labeled, {}).result()
    teacher = tasks.train_cnn(kept, config, "original", original).result()
    dcgan = tasks.train_dcgan(kept, config, data).result()
    synthetic = tasks.synthesize(kept, config, dcgan).result()
    pseudo = label_needed(kept, config, data, labeled, synthetic, teacher)

    sets: dict[ArmName, Entry] = {"original": original}
    for arm in config.arms[1:]:
        sets[arm] = tasks.build_training_set(kept, config, arm, data, labeled, pseudo).result()
    models: tasks.Outputs = {("cnn", "original"): teacher}
    for arm in config.arms[1:]:
        models["cnn", arm] = tasks.train_cnn(kept, config, arm, sets[arm]).result()
    for arm in config.arms:
        models["lightgbm", arm] = tasks.train_boosting(kept, config, arm, sets[arm]).result()
    predictions = {
        (classifier, arm): tasks.predict(kept, config, classifier, arm, model, data).result()
        for (classifier, arm), model in models.items()
    }
    judging = judge_images(kept, config, data, synthetic) if config.quality.enabled else []
    made = [data, labeled, dcgan, synthetic, *pseudo.values(), *sets.values(), *models.values()]
    return tasks.Outcome(
        comparison=tasks.compare(config, data, sets, predictions),
        dcgan=dcgan,
        pseudo=pseudo["synthetic"],
        models=models,
        judged=judging[-1] if judging else None,
        stages=[*made, *predictions.values(), *judging],
    )


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
