"""One thin Prefect task per stage: look in the store, else compute and keep.

Tasks exchange :class:`~gan_aug.store.Entry` references, never arrays. The store is the only cache;
Prefect's own is off, and a reused stage ends in the state ``Cached``.
"""

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.states import Completed

from flows.terminal import show_progress
from gan_aug import (
    adversarial,
    augmentation,
    boosting,
    cnn,
    figures,
    pseudo_label,
    quality,
    store,
    synthesis,
)
from gan_aug.augmentation import ARMS, Material
from gan_aug.comparison import (
    CLASSIFIER_NAMES,
    SPLITS,
    Classifier,
    Comparison,
    Predictions,
    compare_arms,
)
from gan_aug.config import ArmName, Precision, RunConfig
from gan_aug.dataset import draw_labeled, load_dataset
from gan_aug.device import select_compute
from gan_aug.images import Images
from gan_aug.report import (
    StageTime,
    pick_accepted,
    pick_rejected,
    render_report,
    render_study_report,
)
from gan_aug.runs import Run, Study
from gan_aug.store import Entry, Store
from gan_aug.study import StudyResult

__all__ = [
    "TRAIN",
    "Outcome",
    "Outputs",
    "build_training_set",
    "compare",
    "draw_labels",
    "label_pool",
    "label_synthetic",
    "load_data",
    "measure_quality",
    "predict",
    "synthesize",
    "train_boosting",
    "train_cnn",
    "train_dcgan",
    "train_judge",
    "write_report",
    "write_study",
]

logger = logging.getLogger(__name__)

MNIST_VARIABLE = "GAN_AUG_MNIST"
JUDGE_SEED = 0
JUDGE_PRECISION: Precision = "float32"

Outputs = dict[tuple[Classifier, ArmName], Entry]
"""Classifier and arm → what was made of them."""


@dataclass(frozen=True)
class Outcome:
    """What the stages made.

    Attributes:
        comparison: The scores of every classifier on every arm.
        dcgan: The trained DCGAN.
        pseudo: The synthetic images with the teacher's labels.
        models: The classifiers.
        judged: How good the synthetic images are, if that was asked for.
        stages: Every output, in the order of the stages.
    """

    comparison: Comparison
    dcgan: Entry
    pseudo: Entry
    models: Outputs
    judged: Entry | None
    stages: list[Entry]


def finish(label: str, entry: Entry, compute: Callable[[Path], None]) -> State[Entry]:
    """Make a stage's output unless the store has it; say which.

    Returns:
        The state that the task ends in, with the entry as its result.
    """
    with entry.lock():
        reused = entry.is_complete()
        if not reused:
            logger.info("%s: started", label)
            with entry.build() as folder:
                compute(folder)
    what = "cached" if reused else f"done in {entry.seconds:.1f} s"
    logger.info("%s: %s", label, what)
    return Completed(
        name="Cached" if reused else None,
        message=f"{label}: {what}",
        data=dataclasses.replace(entry, label=label, reused=reused),
    )


@task(cache_policy=NO_CACHE, task_run_name="load")
def load_data(kept: Store, config: RunConfig) -> State[Entry]:
    """Load and verify the data set; ``GAN_AUG_MNIST`` names a local MNIST."""
    local = os.environ.get(MNIST_VARIABLE)
    logger.info("load: reading and verifying %s", config.dataset)
    data = load_dataset(config.dataset, Path(local).expanduser() if local else None)
    provenance = data.provenance
    entry = kept.entry("dataset", name=provenance.name, sha256=provenance.sha256)
    return finish("load", entry, lambda folder: store.save_dataset(folder, data))


@task(cache_policy=NO_CACHE, task_run_name="draw labels")
def draw_labels(kept: Store, config: RunConfig, data: Entry) -> State[Entry]:
    """Draw the training images whose labels may be seen."""

    def compute(folder: Path) -> None:
        train = store.load_labeled(data, "train")
        store.save_indices(folder, draw_labeled(train, config.labels, seed=config.seed))

    entry = kept.entry("labels", data=data, labels=config.labels, seed=config.seed)
    return finish("labels", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="train DCGAN")
def train_dcgan(kept: Store, config: RunConfig, data: Entry) -> State[Entry]:
    """Train the DCGAN on all training images, without their labels."""
    device = select_compute(config.device, config.precision)
    entry = kept.entry(
        "dcgan", data=data, config=config.dcgan, seed=config.seed, compute=device.numerics
    )

    def compute(folder: Path) -> None:
        def save_grid(step: int, samples: Images) -> None:
            store.save_sample_grid(folder, step, figures.render_grid(samples))

        with show_progress("DCGAN", config.dcgan.steps) as on_progress:
            trained = adversarial.train_dcgan(
                store.load_labeled(data, "train").images,
                config.dcgan,
                seed=config.seed,
                compute=device,
                checkpoint=entry.checkpoint,
                on_interval=save_grid,
                on_progress=on_progress,
            )
        store.save_dcgan(folder, trained.generator, trained.discriminator, trained.history)

    return finish("DCGAN", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="synthesize")
def synthesize(kept: Store, config: RunConfig, dcgan: Entry) -> State[Entry]:
    """Generate images."""
    device = select_compute(config.device, config.precision)

    def compute(folder: Path) -> None:
        with show_progress("synthesis", config.synthesis.images) as on_progress:
            images = synthesis.generate_images(
                store.load_generator(dcgan),
                config.synthesis.images,
                seed=config.seed,
                on_progress=on_progress,
            )
        store.save_images(folder, images)

    entry = kept.entry(
        "synthesis", dcgan=dcgan, config=config.synthesis, seed=config.seed, compute=device.numerics
    )
    return finish("synthesis", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="train judge")
def train_judge(kept: Store, config: RunConfig, data: Entry) -> State[Entry]:
    """Train the network that judges synthetic images, on all training labels.

    Its seed and precision do not depend on the run's, so that all runs on a data set and a kind of
    device have one judge.
    """
    device = select_compute(config.device, JUDGE_PRECISION)
    settings = config.quality.judge

    def compute(folder: Path) -> None:
        train = augmentation.build_original_set(store.load_labeled(data, "train"))
        with show_progress("judge", settings.updates) as on_progress:
            model = cnn.train_cnn(
                train, settings, seed=JUDGE_SEED, compute=device, on_progress=on_progress
            )
        store.save_cnn(folder, model)

    entry = kept.entry("judge", data=data, config=settings, compute=device.numerics)
    return finish("judge", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="measure quality")
def measure_quality(
    kept: Store, config: RunConfig, data: Entry, synthetic: Entry, judge: Entry
) -> State[Entry]:
    """Compare synthetic images, and as many training images, with the test images."""
    device = select_compute(config.device, JUDGE_PRECISION)

    def compute(folder: Path) -> None:
        network = store.load_cnn(judge)
        train = store.load_labeled(data, "train").images
        validation, test = (store.load_labeled(data, part) for part in SPLITS)
        images = store.load_images(synthetic)[: min(config.quality.images, len(train))]

        def look(name: str, part: Images) -> quality.Features:
            with show_progress(f"judge, {name} images", len(part)) as on_progress:
                return quality.extract_features(network, part, on_progress)

        measured = quality.measure_quality(
            look("synthetic", images),
            look("training", train[: len(images)]),
            look("test", test.images),
            neighbors=config.quality.neighbors,
            duplicates=quality.find_duplicates(images, train, test.images),
            judge=quality.describe_judge(
                network, look("validation", validation.images), validation.labels
            ),
        )
        logger.info(
            "quality: Fréchet distance %.1f, %.1f times the floor's %.1f",
            measured.synthetic.frechet_distance,
            measured.frechet_ratio,
            measured.floor.frechet_distance,
        )
        store.save_quality(folder, measured)

    entry = kept.entry(
        "quality",
        data=data,
        synthetic=synthetic,
        judge=judge,
        images=config.quality.images,
        neighbors=config.quality.neighbors,
        compute=device.numerics,
    )
    return finish("quality", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="pseudo-label, synthetic")
def label_synthetic(
    kept: Store, config: RunConfig, synthetic: Entry, teacher: Entry
) -> State[Entry]:
    """Have the teacher label the synthetic images, and accept the confident ones."""
    return label_images(
        kept,
        config,
        "synthetic",
        lambda: store.load_images(synthetic),
        teacher,
        synthetic=synthetic,
    )


@task(cache_policy=NO_CACHE, task_run_name="pseudo-label, pool")
def label_pool(
    kept: Store, config: RunConfig, data: Entry, labeled: Entry, teacher: Entry
) -> State[Entry]:
    """Have the teacher label the real images that nobody labeled, and accept the confident ones."""

    def load_pool() -> Images:
        images = store.load_labeled(data, "train").images
        return np.delete(images, store.load_indices(labeled), axis=0)

    return label_images(kept, config, "pool", load_pool, teacher, data=data, labeled=labeled)


def label_images(
    kept: Store,
    config: RunConfig,
    source: str,
    load: Callable[[], Images],
    teacher: Entry,
    **inputs: Entry,
) -> State[Entry]:
    """Label what ``load`` returns, which depends on ``inputs``."""
    device = select_compute(config.device, config.precision)
    label = f"pseudo-labels, {source}"

    def compute(folder: Path) -> None:
        images = load()
        with show_progress(label, len(images)) as on_progress:
            probabilities = cnn.predict_probabilities(store.load_cnn(teacher), images, on_progress)
        pseudo = pseudo_label.pseudo_label(images, probabilities, config.pseudo_labels)
        store.save_pseudo_labels(folder, pseudo)

    entry = kept.entry(
        "pseudo-labels",
        teacher=teacher,
        config=config.pseudo_labels,
        compute=device.numerics,
        **inputs,
    )
    return finish(label, entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="build training set, {arm}")
def build_training_set(
    kept: Store,
    config: RunConfig,
    arm: ArmName,
    data: Entry,
    labeled: Entry,
    pseudo: Mapping[augmentation.Need, Entry],
) -> State[Entry]:
    """Build the training set of one arm from what it needs."""
    needed = {need: pseudo[need] for need in sorted(ARMS[arm].needs)}
    labels = config.pseudo_labels.labels

    def compute(folder: Path) -> None:
        material = Material(
            store.load_labeled(data, "train").take(store.load_indices(labeled)),
            config.augmentation,
            labels=labels,
            seed=config.seed,
            **{need: store.load_pseudo_labels(entry) for need, entry in needed.items()},
        )
        store.save_training_set(folder, ARMS[arm].build(material))

    settings = {"config": config.augmentation, "labels": labels, "seed": config.seed}
    entry = kept.entry(
        "training-set",
        arm=arm,
        data=data,
        labeled=labeled,
        **needed,
        **(settings if arm != "original" else {}),
    )
    return finish(f"training set, {arm}", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="train CNN, {arm}")
def train_cnn(kept: Store, config: RunConfig, arm: ArmName, training_set: Entry) -> State[Entry]:
    """Train a fresh CNN on one arm's training set."""
    device = select_compute(config.device, config.precision)
    label = f"CNN, {arm}"

    def compute(folder: Path) -> None:
        with show_progress(label, config.cnn.updates) as on_progress:
            model = cnn.train_cnn(
                store.load_training_set(training_set),
                config.cnn,
                seed=config.seed,
                compute=device,
                on_progress=on_progress,
            )
        store.save_cnn(folder, model)

    entry = kept.entry(
        "cnn",
        training_set=training_set,
        config=config.cnn,
        seed=config.seed,
        compute=device.numerics,
    )
    return finish(label, entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="train LightGBM, {arm}")
def train_boosting(
    kept: Store, config: RunConfig, arm: ArmName, training_set: Entry
) -> State[Entry]:
    """Train LightGBM on one arm's training set."""
    label = f"LightGBM, {arm}"

    def compute(folder: Path) -> None:
        with show_progress(label, config.boosting.rounds) as on_progress:
            booster = boosting.train_boosting(
                store.load_training_set(training_set),
                config.boosting,
                seed=config.seed,
                on_progress=on_progress,
            )
        store.save_lightgbm(folder, booster)

    entry = kept.entry(
        "lightgbm", training_set=training_set, config=config.boosting, seed=config.seed
    )
    return finish(label, entry, compute)


TRAIN: Mapping[Classifier, Task[..., State[Entry]]] = {"cnn": train_cnn, "lightgbm": train_boosting}
"""Classifier → the task that trains it."""


@task(cache_policy=NO_CACHE, task_run_name="predict {classifier}, {arm}")
def predict(
    kept: Store, config: RunConfig, classifier: Classifier, arm: str, model: Entry, data: Entry
) -> State[Entry]:
    """Predict class probabilities of the validation and test images."""
    device = select_compute(config.device, config.precision)
    label = f"predictions of {CLASSIFIER_NAMES[classifier]}, {arm}"

    def compute(folder: Path) -> None:
        for split in SPLITS:
            images = store.load_labeled(data, split).images
            with show_progress(f"{label}, {split}", len(images)) as on_progress:
                if classifier == "cnn":
                    trained = store.load_cnn(model)
                    probabilities = cnn.predict_probabilities(trained, images, on_progress)
                else:
                    trained = store.load_lightgbm(model)
                    probabilities = boosting.predict_probabilities(trained, images)
            store.save_predictions(folder, split, probabilities)

    entry = kept.entry("predictions", model=model, data=data, compute=device.numerics)
    return finish(label, entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="compare")
def compare(
    config: RunConfig, data: Entry, sets: Mapping[ArmName, Entry], predictions: Outputs
) -> Comparison:
    """Score all predictions, the only place where test labels are read."""
    n_train = {arm: len(store.load_training_set(entry)) for arm, entry in sets.items()}
    return compare_arms(
        [
            Predictions(
                classifier,
                arm,
                n_train[arm],
                {split: store.load_predictions(entry, split) for split in SPLITS},
            )
            for (classifier, arm), entry in predictions.items()
        ],
        {split: store.load_labeled(data, split).labels for split in SPLITS},
        config.comparison,
        labels=n_train["original"],
        seed=config.seed,
    )


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_report(run: Run, outcome: Outcome) -> None:
    """Fill the run's folder: comparison, models, synthetic images, pictures, report."""
    config = run.read_config()
    pseudo = store.load_pseudo_labels(outcome.pseudo)
    run.write_synthetic(pseudo)
    for (classifier, arm), model in outcome.models.items():
        run.copy_model(model, classifier, arm)
    if outcome.judged:
        run.copy_quality(outcome.judged)
    grids = run.copy_dcgan(outcome.dcgan)
    rejected = pick_rejected(pseudo, config.pseudo_labels.confidence_threshold)
    run.write_figure("comparison", figures.render_comparison(outcome.comparison))
    run.write_figure("gan_history", figures.render_history(store.load_history(outcome.dcgan)))
    run.write_figure("accepted", figures.render_grid(pick_accepted(pseudo), columns=20))
    if len(rejected):
        run.write_figure("rejected", figures.render_grid(rejected, columns=20))
    report = render_report(
        run.name,
        config,
        outcome.comparison,
        pseudo,
        store.load_quality(outcome.judged) if outcome.judged else None,
        environment=run.read_environment(),
        stages=[StageTime(entry.label, entry.seconds, entry.reused) for entry in outcome.stages],
        grids=grids,
    )
    run.write_report(report)
    run.write_comparison(outcome.comparison)


@task(cache_policy=NO_CACHE, task_run_name="report")
def write_study(study: Study, result: StudyResult, dcgan: Entry | None) -> None:
    """Fill the study's folder: scores, means, pictures, report; samples of one DCGAN, if any."""
    config = study.read_config()
    study.write_figure("learning_curves", figures.render_learning_curves(result))
    if dcgan:
        study.copy_samples(dcgan)
    report = render_study_report(
        study.name,
        config,
        result,
        arms={arm: ARMS[arm].description for arm in config.run.arms},
        environment=study.read_environment(),
        has_samples=dcgan is not None,
    )
    study.write_report(report)
    study.write_study(result)
