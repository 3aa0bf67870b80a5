"""One thin Prefect task per stage: look in the store, else compute and keep.

Tasks exchange :class:`~gan_aug.store.Entry` references, never arrays. The store is the only cache;
Prefect's own is off, and a reused stage ends in the state ``Cached``.
"""

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from prefect import task
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
from gan_aug.comparison import (
    CLASSIFIER_NAMES,
    SPLITS,
    Classifier,
    Comparison,
    Predictions,
    compare_arms,
)
from gan_aug.config import Precision, RunConfig
from gan_aug.dataset import draw_labeled, load_dataset
from gan_aug.device import select_compute
from gan_aug.images import Images
from gan_aug.report import StageTime, pick_accepted, pick_rejected, render_report
from gan_aug.store import Entry, Run, Store

__all__ = [
    "Outputs",
    "build_gan_set",
    "build_original_set",
    "compare",
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
]

logger = logging.getLogger(__name__)

MNIST_VARIABLE = "GAN_AUG_MNIST"
JUDGE_SEED = 0
JUDGE_PRECISION: Precision = "float32"

Outputs = dict[tuple[Classifier, str], Entry]
"""Classifier and arm → what was made of them."""


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
def build_original_set(kept: Store, config: RunConfig, data: Entry) -> State[Entry]:
    """Draw the labeled subset: the training set of the ``original`` arm."""

    def compute(folder: Path) -> None:
        train = store.load_labeled(data, "train")
        labeled = draw_labeled(train, config.labels, seed=config.seed)
        store.save_training_set(folder, augmentation.build_original_set(labeled))

    entry = kept.entry("training-set", data=data, labels=config.labels, seed=config.seed)
    return finish("original training set", entry, compute)


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


@task(cache_policy=NO_CACHE, task_run_name="pseudo-label")
def label_synthetic(
    kept: Store, config: RunConfig, synthetic: Entry, teacher: Entry
) -> State[Entry]:
    """Have the teacher label the synthetic images, and accept the confident ones."""
    device = select_compute(config.device, config.precision)

    def compute(folder: Path) -> None:
        images = store.load_images(synthetic)
        with show_progress("pseudo-labels", len(images)) as on_progress:
            probabilities = cnn.predict_probabilities(store.load_cnn(teacher), images, on_progress)
        pseudo = pseudo_label.pseudo_label(images, probabilities, config.pseudo_labels)
        store.save_pseudo_labels(folder, pseudo)

    entry = kept.entry(
        "pseudo-labels",
        synthetic=synthetic,
        teacher=teacher,
        config=config.pseudo_labels,
        compute=device.numerics,
    )
    return finish("pseudo-labels", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="augment")
def build_gan_set(kept: Store, config: RunConfig, original: Entry, pseudo: Entry) -> State[Entry]:
    """Join labeled and accepted images: the training set of the ``gan`` arm."""
    labels = config.pseudo_labels.labels

    def compute(folder: Path) -> None:
        augmented = augmentation.augment_with_synthetic(
            store.load_training_set(original),
            store.load_pseudo_labels(pseudo),
            config.augmentation,
            labels=labels,
        )
        store.save_training_set(folder, augmented)

    entry = kept.entry(
        "training-set", original=original, pseudo=pseudo, config=config.augmentation, labels=labels
    )
    return finish("gan training set", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="train CNN, {arm}")
def train_cnn(kept: Store, config: RunConfig, arm: str, training_set: Entry) -> State[Entry]:
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
def train_boosting(kept: Store, config: RunConfig, arm: str, training_set: Entry) -> State[Entry]:
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
    config: RunConfig, data: Entry, sets: Mapping[str, Entry], predictions: Outputs
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
def write_report(
    run: Run,
    comparison: Comparison,
    dcgan: Entry,
    pseudo: Entry,
    judged: Entry | None,
    models: Outputs,
    stages: Sequence[Entry],
) -> None:
    """Fill the run's folder: comparison, models, synthetic images, pictures, report."""
    config = run.read_config()
    labeled = store.load_pseudo_labels(pseudo)
    run.write_synthetic(labeled)
    for (classifier, arm), model in models.items():
        run.copy_model(model, classifier, arm)
    if judged:
        run.copy_quality(judged)
    grids = run.copy_dcgan(dcgan)
    rejected = pick_rejected(labeled, config.pseudo_labels.confidence_threshold)
    run.write_figure("comparison", figures.render_comparison(comparison))
    run.write_figure("gan_history", figures.render_history(store.load_history(dcgan)))
    run.write_figure("accepted", figures.render_grid(pick_accepted(labeled), columns=20))
    if len(rejected):
        run.write_figure("rejected", figures.render_grid(rejected, columns=20))
    report = render_report(
        run.name,
        config,
        comparison,
        labeled,
        store.load_quality(judged) if judged else None,
        environment=run.read_environment(),
        stages=[StageTime(entry.label, entry.seconds, entry.reused) for entry in stages],
        grids=grids,
    )
    run.write_report(report)
    run.write_comparison(comparison)
