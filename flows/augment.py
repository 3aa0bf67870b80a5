"""The pipeline: from real digits to the answer whether synthetic ones help."""

import hashlib
import logging
import re
from pathlib import Path

from prefect import flow

from flows import tasks
from flows.publish import publish_report
from gan_aug import store
from gan_aug.config import RunConfig
from gan_aug.device import select_compute
from gan_aug.environment import describe_environment
from gan_aug.memory import check_memory
from gan_aug.store import Entry, Run, Store

__all__ = ["augment"]

logger = logging.getLogger(__name__)


@flow(name="augment")
def augment(
    config: RunConfig = RunConfig(), name: str | None = None, artifacts: str = "artifacts"
) -> Run:
    """Train a DCGAN, pseudo-label its images, retrain both classifiers, compare.

    Args:
        config: Settings of every stage.
        name: Name of the run; by default made from data, labels, seed and settings.
        artifacts: Folder of the store and the runs.

    Returns:
        The finished run.

    Raises:
        UserError: Data or settings are not usable.
        OSError: The artifacts can't be written.
    """
    if name is not None:
        store.check_name(name)
    compute = select_compute(config.device, config.precision)
    logger.info("networks train on %s in %s", compute.name, compute.dtype_policy)
    kept = Store(Path(artifacts) / "store")

    data = tasks.load_data(kept, config).result()
    provenance = store.load_provenance(data)
    check_memory(config, provenance.images["train"])
    original = tasks.build_original_set(kept, config, data).result()
    run = Run.open(Path(artifacts), name or name_run(config, provenance.name), config)
    run.write_environment(describe_environment(compute, provenance))

    teacher = tasks.train_cnn(kept, config, "original", original).result()
    dcgan = tasks.train_dcgan(kept, config, data).result()
    synthetic = tasks.synthesize(kept, config, dcgan).result()
    pseudo = tasks.label_synthetic(kept, config, synthetic, teacher).result()
    gan = tasks.build_gan_set(kept, config, original, pseudo).result()

    sets = {"original": original, "gan": gan}
    models: tasks.Outputs = {("cnn", "original"): teacher}
    models["cnn", "gan"] = tasks.train_cnn(kept, config, "gan", gan).result()
    for arm, training_set in sets.items():
        models["lightgbm", arm] = tasks.train_boosting(kept, config, arm, training_set).result()
    predictions = {
        (classifier, arm): tasks.predict(kept, config, classifier, arm, model, data).result()
        for (classifier, arm), model in models.items()
    }
    comparison = tasks.compare(config, data, sets, predictions)

    judging = judge_images(kept, config, data, synthetic) if config.quality.enabled else []

    stages = [data, dcgan, synthetic, pseudo, *sets.values(), *models.values()]
    stages += [*predictions.values(), *judging]
    judged = judging[-1] if judging else None
    tasks.write_report(run, comparison, dcgan, pseudo, judged, models, stages)
    publish_report(run, comparison)
    return run


def judge_images(kept: Store, config: RunConfig, data: Entry, synthetic: Entry) -> list[Entry]:
    """Train the judge and have it look at the synthetic images: both stages' outputs."""
    judge = tasks.train_judge(kept, config, data).result()
    return [judge, tasks.measure_quality(kept, config, data, synthetic, judge).result()]


def name_run(config: RunConfig, dataset: str) -> str:
    """``mnist-1000-labels-seed0-1a2b3c4d``: the same name for the same data and settings."""
    digest = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:8]
    source = re.sub(r"[^\w.-]", "-", dataset).lstrip(".-") or "data"
    return f"{source}-{config.labels}-labels-seed{config.seed}-{digest}"
