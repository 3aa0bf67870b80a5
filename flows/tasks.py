"""One thin Prefect task per stage: look in the store, else compute and keep.

Tasks exchange :class:`~gan_aug.store.store.Entry` references, never arrays. The store is the only cache;
Prefect's own is off, and a reused stage ends in the state ``Cached``.
"""

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from gan_aug.store.store.files import digest_file
from gan_aug.store.store.store import Entry, Store
from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State, TaskRun
from prefect.states import Completed
from prefect.tasks import exponential_backoff

from flows.cli.terminal import log_progress, show_progress
from flows.data import find_mnist
from flows.publish import publish_progress
from flows.server.gpu import take_gpu
from gan_aug.arms import ARMS, Material
from gan_aug.classifiers import cnn
from gan_aug.data import dataset, pictures
from gan_aug.device import Compute, select_compute
from gan_aug.errors import DownloadError
from gan_aug.evaluation import anomaly, calibration, quality
from gan_aug.evaluation.comparison import (
    CLASSIFIER_NAMES,
    SPLITS,
    Comparison,
    Predictions,
    compare_arms,
)
from gan_aug.gan import adversarial, synthesis
from gan_aug.images import CLASSES, Float32, Images, LabeledImages, PseudoLabels
from gan_aug.progress import tell_each
from gan_aug.reporting import galleries
from gan_aug.settings.run import ArmName, Classifier, Part, PicturesConfig, Precision, RunConfig
from gan_aug.store.store import store
from gan_aug.teachers import sgan

__all__ = [
    "TRAIN",
    "Outputs",
    "Teacher",
    "assess_teacher",
    "build_training_set",
    "compare",
    "draw_labels",
    "evaluate_left_out",
    "find_anomalies",
    "fit_temperature",
    "label_pool",
    "label_synthetic",
    "load_data",
    "load_pictures",
    "measure_quality",
    "predict",
    "synthesize",
    "train_boosting",
    "train_cnn",
    "train_dcgan",
    "train_dcgan_without",
    "train_judge",
    "train_pictures_dcgan",
    "train_sgan",
    "train_teacher",
]

logger = logging.getLogger(__name__)
# In any process that runs a task, on any host, Prefect is to see what it does.
log_progress()

# Seconds. They end what hangs, and are far above what any stage takes.
STAGE_TIMEOUT = 2 * 3600
TRAINING_TIMEOUT = 48 * 3600
DOWNLOAD_RETRIES = 3
# Seconds before the first retry; every other waits twice as long.
DOWNLOAD_BACKOFF = 5

JUDGE_SEED = 0
JUDGE_PRECISION: Precision = "float32"

CLASSIFIERS: Mapping[Classifier, ModuleType] = {"cnn": cnn, "lightgbm": boosting}
"""Classifier → the module that knows it."""

Outputs = dict[tuple[Classifier, ArmName], Entry]
"""Classifier and arm → what was made of them."""


@dataclass(frozen=True)
class Teacher:
    """Who labels images.

    Attributes:
        networks: Their probabilities are averaged.
        temperature: What their logits are divided by; None for nothing.
        arm: Whose CNN the first network is; None for networks that are no CNNs.
    """

    networks: Sequence[Entry]
    temperature: Entry | None
    arm: ArmName | None

    @property
    def kind(self) -> str:
        """What a network of the teacher is, for people."""
        return "CNN" if self.arm else "semi-supervised GAN"

    @property
    def own(self) -> dict[int, Entry]:
        """Number in the teacher, from 1 → network, of those that are no arm's."""
        first = 1 if self.arm else 0
        return dict(enumerate(self.networks[first:], start=first + 1))

    @property
    def identity(self) -> dict[str, Any]:
        """What the teacher's opinions depend on."""
        return {
            "teacher": [network.identity for network in self.networks],
            "temperature": self.temperature and self.temperature.identity,
        }


def finish(
    label: str, entry: Entry, compute: Callable[[Path], None], device: Compute | None = None
) -> State[Entry]:
    """Make a stage's output unless the store has it; say which.

    Args:
        label: What the stage calls its output.
        entry: Its place.
        compute: Writes it into a folder.
        device: What a training needs for itself.

    Returns:
        The state that the task ends in, with the entry as its result.
    """
    with entry.lock():
        reused = entry.is_complete()
        if not reused:
            logger.info("%s: started", label)
            with take_gpu(device), entry.build() as folder:
                compute(folder)
        entry.push(replace=not reused)
    what = "cached" if reused else f"done in {entry.seconds:.1f} s"
    logger.info("%s: %s", label, what)
    return Completed(
        name="Cached" if reused else None,
        message=f"{label}: {what}",
        data=dataclasses.replace(entry, label=label, reused=reused),
    )


def is_worth_retrying(_task: Any, _task_run: TaskRun, state: State[Any]) -> bool:
    """Tell a failed download from data that will not be better the next time."""
    return isinstance(state.result(raise_on_failure=False), DownloadError)


@task(
    cache_policy=NO_CACHE,
    task_run_name="load {config.dataset}",
    timeout_seconds=STAGE_TIMEOUT,
    retries=DOWNLOAD_RETRIES,
    retry_delay_seconds=exponential_backoff(DOWNLOAD_BACKOFF),
    retry_condition_fn=is_worth_retrying,
)
def load_data(kept: Store, config: RunConfig) -> State[Entry]:
    """Load and verify the data set; ``GAN_AUG_MNIST`` names a local MNIST."""
    logger.info("load: reading and verifying %s", config.dataset)
    data = dataset.load_dataset(config.dataset, find_mnist())
    provenance = data.provenance
    entry = kept.entry("dataset", dataset, name=provenance.name, sha256=provenance.sha256)
    return finish("load", entry, lambda folder: store.save_dataset(folder, data))


@task(
    cache_policy=NO_CACHE,
    task_run_name="draw labels · {config.labels}, seed {config.seed}",
    timeout_seconds=STAGE_TIMEOUT,
)
def draw_labels(kept: Store, config: RunConfig, data: Entry) -> State[Entry]:
    """Draw the training images whose labels may be seen."""

    def compute(folder: Path) -> None:
        train = store.load_labeled(data, "train")
        store.save_indices(folder, dataset.draw_labeled(train, config.labels, seed=config.seed))

    entry = kept.entry("labels", dataset, data=data, labels=config.labels, seed=config.seed)
    return finish("labels", entry, compute)


@task(
    cache_policy=NO_CACHE,
    task_run_name="train DCGAN · {config.dcgan.steps} steps",
    timeout_seconds=TRAINING_TIMEOUT,
)
def train_dcgan(kept: Store, config: RunConfig, data: Entry) -> State[Entry]:
    """Train the DCGAN on all training images, without their labels."""
    return fit_dcgan(kept, config, "DCGAN", lambda: load_training_images(data), data=data)


@task(
    cache_policy=NO_CACHE,
    task_run_name="train DCGAN without {digit} · {config.dcgan.steps} steps",
    timeout_seconds=TRAINING_TIMEOUT,
)
def train_dcgan_without(kept: Store, config: RunConfig, data: Entry, digit: int) -> State[Entry]:
    """Train a DCGAN on the training images of all other digits."""
    return fit_dcgan(
        kept,
        config,
        f"DCGAN without {digit}",
        lambda: load_training_images(data, without=digit),
        data=data,
        without=digit,
    )


@task(
    cache_policy=NO_CACHE,
    task_run_name="load pictures · {config.source}",
    timeout_seconds=STAGE_TIMEOUT,
)
def load_pictures(kept: Store, config: PicturesConfig) -> State[Entry]:
    """Load pictures of any kind."""
    loaded = pictures.load_pictures(config.source, config.side)
    found = loaded.provenance
    entry = kept.entry("pictures", pictures, name=found.name, sha256=found.sha256)

    def save(folder: Path) -> None:
        store.save_images(folder, loaded.images)
        store.save_provenance(folder, found)

    return finish("load", entry, save)


@task(
    cache_policy=NO_CACHE,
    task_run_name="train DCGAN · {config.dcgan.steps} steps",
    timeout_seconds=TRAINING_TIMEOUT,
)
def train_pictures_dcgan(kept: Store, config: PicturesConfig, data: Entry) -> State[Entry]:
    """Train a DCGAN on pictures of any kind."""
    return fit_dcgan(kept, config, "DCGAN", lambda: store.load_images(data), data=data)


def fit_dcgan(
    kept: Store,
    config: RunConfig | PicturesConfig,
    label: str,
    load: Callable[[], Images],
    **inputs: Any,
) -> State[Entry]:
    """Train a DCGAN on what ``load`` returns, which depends on ``inputs``."""
    device = select_compute(config.device, config.precision)
    entry = kept.entry(
        "dcgan",
        adversarial,
        config=config.dcgan,
        seed=config.seed,
        compute=device.numerics,
        **inputs,
    )

    def compute(folder: Path) -> None:
        def save_grid(step: int, samples: Images) -> None:
            store.save_sample_grid(folder, step, galleries.render_grid(samples))

        steps = config.dcgan.steps
        with (
            show_progress(label, steps) as show,
            publish_progress("dcgan-progress", "steps of the DCGAN", steps) as publish,
        ):
            trained = adversarial.train_dcgan(
                load(),
                config.dcgan,
                seed=config.seed,
                compute=device,
                checkpoint=entry.checkpoint,
                on_interval=save_grid,
                on_progress=tell_each(show, publish),
            )
        store.save_dcgan(folder, trained.generator, trained.discriminator, trained.history)

    return finish(label, entry, compute, device)


def load_training_images(data: Entry, without: int | None = None) -> Images:
    """Return the training images, of all digits or of all but one."""
    train = store.load_labeled(data, "train")
    return train.images if without is None else train.images[train.labels != without]


@task(
    cache_policy=NO_CACHE,
    task_run_name="synthesize · {config.synthesis.images} images",
    timeout_seconds=STAGE_TIMEOUT,
)
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
        "synthesis",
        synthesis,
        dcgan=dcgan,
        config=config.synthesis,
        seed=config.seed,
        compute=device.numerics,
    )
    return finish("synthesis", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="train judge", timeout_seconds=TRAINING_TIMEOUT)
def train_judge(kept: Store, config: RunConfig, data: Entry) -> State[Entry]:
    """Train the network that judges synthetic images, on all training labels.

    Its seed and precision do not depend on the run's, so that all runs on a data set and a kind of
    device have one judge.
    """
    device = select_compute(config.device, JUDGE_PRECISION)
    train_images = store.load_provenance(data).images["train"]
    settings = config.quality.judge.plan_updates(train_images)

    def compute(folder: Path) -> None:
        train = augmentation.build_original_set(store.load_labeled(data, "train"))
        with show_progress("judge", settings.updates) as on_progress:
            model = cnn.train_cnn(
                train, settings, seed=JUDGE_SEED, compute=device, on_progress=on_progress
            )
        store.save_cnn(folder, model)

    entry = kept.entry("judge", cnn, data=data, config=settings, compute=device.numerics)
    return finish("judge", entry, compute, device)


@task(
    cache_policy=NO_CACHE,
    task_run_name="measure quality · {config.quality.images} images",
    timeout_seconds=STAGE_TIMEOUT,
)
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
        quality,
        data=data,
        synthetic=synthetic,
        judge=judge,
        images=config.quality.images,
        neighbors=config.quality.neighbors,
        compute=device.numerics,
    )
    return finish("quality", entry, compute)


@task(
    cache_policy=NO_CACHE,
    task_run_name="train teacher {number} · {config.cnn.updates} updates",
    timeout_seconds=TRAINING_TIMEOUT,
)
def train_teacher(kept: Store, config: RunConfig, number: int, training_set: Entry) -> State[Entry]:
    """Train one more network of the teacher, on the same images from another seed."""
    return fit_cnn(kept, config, f"teacher {number}", training_set, seed=config.seed, member=number)


@task(
    cache_policy=NO_CACHE,
    task_run_name="train SGAN {number} · {config.sgan.updates} updates",
    timeout_seconds=TRAINING_TIMEOUT,
)
def train_sgan(
    kept: Store, config: RunConfig, number: int, data: Entry, labeled: Entry
) -> State[Entry]:
    """Train one semi-supervised GAN of the teacher, on all training images and the labels drawn."""
    device = select_compute(config.device, config.precision)
    label = f"SGAN {number}"
    entry = kept.entry(
        "sgan",
        sgan,
        data=data,
        labeled=labeled,
        config=config.sgan,
        seed=config.seed,
        member=number,
        compute=device.numerics,
    )

    def compute(folder: Path) -> None:
        train = store.load_labeled(data, "train")
        with show_progress(label, config.sgan.updates) as on_progress:
            model = sgan.train_sgan(
                train.take(store.load_indices(labeled)),
                train.images,
                config.sgan,
                seed=derive_seed(config.seed, number),
                compute=device,
                checkpoint=entry.checkpoint,
                on_progress=on_progress,
            )
        store.save_cnn(folder, model)

    return finish(label, entry, compute, device)


@task(
    cache_policy=NO_CACHE,
    task_run_name="fit temperature · {config.pseudo_labels.calibration_folds} folds",
    timeout_seconds=TRAINING_TIMEOUT,
)
def fit_temperature(
    kept: Store, config: RunConfig, arm: ArmName, data: Entry, labeled: Entry
) -> State[Entry]:
    """Fit the teacher's temperature to labeled images, each predicted by a CNN of other folds."""
    device = select_compute(config.device, config.precision)
    folds = config.pseudo_labels.calibration_folds

    def compute(folder: Path) -> None:
        own = store.load_labeled(data, "train").take(store.load_indices(labeled))
        held_out = np.empty((len(own), CLASSES), dtype=np.float32)
        splits = calibration.split_folds(own.labels, folds, seed=config.seed)
        for fold, (learned, predicted) in enumerate(splits, start=1):
            with show_progress(f"fold {fold} of {folds}", config.cnn.updates) as on_progress:
                model = cnn.train_cnn(
                    ARMS[arm].build(gather_material(config, own.take(learned))),
                    config.cnn,
                    seed=config.seed,
                    compute=device,
                    on_progress=on_progress,
                )
            held_out[predicted] = cnn.predict_probabilities(model, own.images[predicted])
        temperature = calibration.fit_temperature(held_out, own.labels)
        logger.info("temperature: %.2f, fitted to %d labeled images", temperature, len(own))
        store.save_temperature(folder, temperature)

    entry = kept.entry(
        "temperature",
        calibration,
        cnn,
        augmentation,
        data=data,
        labeled=labeled,
        config=config.cnn,
        folds=folds,
        teacher=arm,
        augmentation=config.augmentation,
        copies=count_copies(config),
        seed=config.seed,
        compute=device.numerics,
    )
    return finish("temperature", entry, compute, device)


@task(cache_policy=NO_CACHE, task_run_name="assess teacher", timeout_seconds=STAGE_TIMEOUT)
def assess_teacher(kept: Store, config: RunConfig, data: Entry, teacher: Teacher) -> State[Entry]:
    """Tell how far the teacher can be trusted, on validation images; it decides nothing."""
    device = select_compute(config.device, config.precision)

    def compute(folder: Path) -> None:
        validation = store.load_labeled(data, "validation")
        opinions = ask_teacher(teacher, validation.images, "teacher, validation images")
        measured = calibration.measure_teacher(
            opinions, load_temperature(teacher), validation.labels
        )
        store.save_teacher(folder, measured)

    entry = kept.entry(
        "teacher", calibration, data=data, compute=device.numerics, **teacher.identity
    )
    return finish("teacher's calibration", entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="pseudo-label, synthetic", timeout_seconds=STAGE_TIMEOUT)
def label_synthetic(
    kept: Store, config: RunConfig, synthetic: Entry, teacher: Teacher
) -> State[Entry]:
    """Have the teacher label the synthetic images, and accept those it is sure of."""
    return label_images(
        kept,
        config,
        "synthetic",
        lambda: store.load_images(synthetic),
        teacher,
        synthetic=synthetic,
    )


@task(cache_policy=NO_CACHE, task_run_name="pseudo-label, pool", timeout_seconds=STAGE_TIMEOUT)
def label_pool(
    kept: Store, config: RunConfig, data: Entry, labeled: Entry, teacher: Teacher
) -> State[Entry]:
    """Have the teacher label the real images that nobody labeled, and accept likewise."""

    def load_pool() -> Images:
        images = store.load_labeled(data, "train").images
        return np.delete(images, store.load_indices(labeled), axis=0)

    return label_images(kept, config, "pool", load_pool, teacher, data=data, labeled=labeled)


def label_images(
    kept: Store,
    config: RunConfig,
    source: str,
    load: Callable[[], Images],
    teacher: Teacher,
    **inputs: Entry,
) -> State[Entry]:
    """Label what ``load`` returns, which depends on ``inputs``."""
    device = select_compute(config.device, config.precision)
    label = f"pseudo-labels, {source}"

    def compute(folder: Path) -> None:
        images = load()
        opinions = ask_teacher(teacher, images, label)
        probabilities = calibration.average_teachers(opinions, load_temperature(teacher))
        pseudo = pseudo_label.pseudo_label(images, probabilities, config.pseudo_labels)
        store.save_pseudo_labels(folder, pseudo)

    entry = kept.entry(
        "pseudo-labels",
        pseudo_label,
        calibration,
        config=config.pseudo_labels,
        compute=device.numerics,
        **teacher.identity,
        **inputs,
    )
    return finish(label, entry, compute)


def ask_teacher(teacher: Teacher, images: Images, label: str) -> list[Float32]:
    """Return the ``(n, 10)`` probabilities of each of the teacher's networks."""
    opinions = []
    for network in teacher.networks:
        with show_progress(label, len(images)) as on_progress:
            model = store.load_cnn(network)
            opinions.append(cnn.predict_probabilities(model, images, on_progress))
    return opinions


def load_temperature(teacher: Teacher) -> float:
    """Return what the networks' logits are divided by."""
    return store.load_temperature(teacher.temperature) if teacher.temperature else 1.0


@task(
    cache_policy=NO_CACHE, task_run_name="build training set, {arm}", timeout_seconds=STAGE_TIMEOUT
)
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

    def compute(folder: Path) -> None:
        material = gather_material(
            config,
            store.load_labeled(data, "train").take(store.load_indices(labeled)),
            **{need: store.load_pseudo_labels(entry) for need, entry in needed.items()},
        )
        store.save_training_set(folder, ARMS[arm].build(material))

    settings = {
        "config": config.augmentation,
        "labels": config.pseudo_labels.labels if needed else None,
        "copies": count_copies(config),
        "seed": config.seed,
    }
    entry = kept.entry(
        "training-set",
        augmentation,
        arm=arm,
        data=data,
        labeled=labeled,
        **needed,
        **(settings if arm != "original" else {}),
    )
    return finish(f"training set, {arm}", entry, compute)


def gather_material(config: RunConfig, labeled: LabeledImages, **pseudo: PseudoLabels) -> Material:
    """Put together what training sets are made of, as the settings say."""
    return Material(
        labeled,
        config.augmentation,
        labels=config.pseudo_labels.labels,
        copies=count_copies(config),
        seed=config.seed,
        **pseudo,
    )


def count_copies(config: RunConfig) -> int:
    """Return how many transformed images to add: as many as may be accepted synthetic ones."""
    return min(CLASSES * config.pseudo_labels.per_class, config.synthesis.images)


@task(
    cache_policy=NO_CACHE,
    task_run_name="train CNN, {arm} · {config.cnn.updates} updates",
    timeout_seconds=TRAINING_TIMEOUT,
)
def train_cnn(kept: Store, config: RunConfig, arm: ArmName, training_set: Entry) -> State[Entry]:
    """Train a fresh CNN on one arm's training set."""
    return fit_cnn(kept, config, f"CNN, {arm}", training_set, seed=config.seed)


def fit_cnn(
    kept: Store, config: RunConfig, label: str, training_set: Entry, **seeds: int
) -> State[Entry]:
    """Train a fresh CNN; ``seeds`` together make its seed."""
    device = select_compute(config.device, config.precision)

    def compute(folder: Path) -> None:
        with show_progress(label, config.cnn.updates) as on_progress:
            model = cnn.train_cnn(
                store.load_training_set(training_set),
                config.cnn,
                seed=derive_seed(*seeds.values()),
                compute=device,
                on_progress=on_progress,
            )
        store.save_cnn(folder, model)

    entry = kept.entry(
        "cnn",
        cnn,
        training_set=training_set,
        config=config.cnn,
        compute=device.numerics,
        **seeds,
    )
    return finish(label, entry, compute, device)


def derive_seed(seed: int, *places: int) -> int:
    """Return the seed itself, or one of its own for a place in a series."""
    if not places:
        return seed
    return int(np.random.SeedSequence([seed, *places]).generate_state(1)[0] >> 1)


@task(
    cache_policy=NO_CACHE,
    task_run_name="train LightGBM, {arm} · {config.boosting.rounds} rounds",
    timeout_seconds=TRAINING_TIMEOUT,
)
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
        "lightgbm", boosting, training_set=training_set, config=config.boosting, seed=config.seed
    )
    return finish(label, entry, compute)


TRAIN: Mapping[Classifier, Task[..., State[Entry]]] = {"cnn": train_cnn, "lightgbm": train_boosting}
"""Classifier → the task that trains it."""


@task(
    cache_policy=NO_CACHE,
    task_run_name="predict {classifier}, {arm}",
    timeout_seconds=STAGE_TIMEOUT,
)
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

    entry = kept.entry(
        "predictions", CLASSIFIERS[classifier], model=model, data=data, compute=device.numerics
    )
    return finish(label, entry, compute)


@task(cache_policy=NO_CACHE, task_run_name="compare", timeout_seconds=STAGE_TIMEOUT)
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


@task(
    cache_policy=NO_CACHE,
    task_run_name="find anomalies among {part} images",
    timeout_seconds=STAGE_TIMEOUT,
)
def find_anomalies(
    kept: Store, config: RunConfig, network: Path, data: Entry, part: Part
) -> State[Entry]:
    """Score a part's images by every detector, and measure how well these find foreign images."""
    enlarged = load_enlarged_digits(data)

    def compute(folder: Path) -> None:
        look = show_images_to(store.load_network(network, "discriminator"))
        train = store.load_labeled(data, "train").images
        validation = store.load_labeled(data, "validation").images
        ranked = look(part, store.load_labeled(data, part).images)

        sample = anomaly.draw_sample(len(train), seed=config.seed)
        score = anomaly.fit_detectors(look("training", train[sample]), seed=config.seed)
        kept_back, altered = anomaly.draw_halves(len(validation), seed=config.seed)
        ordinary = score(look("validation", validation[kept_back]))
        foreign = anomaly.make_foreign(validation[altered], enlarged, seed=config.seed)
        separations = [
            separation
            for kind, images in foreign.items()
            for separation in anomaly.measure_separations(
                kind, ordinary, score(look(kind, images)), seed=config.seed
            )
        ]
        store.save_separations(folder, separations)
        store.save_anomaly_scores(
            folder,
            anomaly.cross_score(ranked, seed=config.seed) if part == "train" else score(ranked),
        )

    entry = kept.entry(
        "anomalies",
        anomaly,
        discriminator=digest_file(network),
        data=data,
        part=part,
        seed=config.seed,
    )
    return finish("anomalies", entry, compute)


@task(
    cache_policy=NO_CACHE,
    task_run_name="evaluate without {digit}",
    timeout_seconds=STAGE_TIMEOUT,
)
def evaluate_left_out(
    kept: Store, config: RunConfig, dcgan: Entry, data: Entry, digit: int
) -> State[Entry]:
    """Measure how well a discriminator's detectors find a digit that it was not shown."""

    def compute(folder: Path) -> None:
        look = show_images_to(store.load_discriminator(dcgan))
        train = load_training_images(data, without=digit)
        validation = store.load_labeled(data, "validation")

        sample = anomaly.draw_sample(len(train), seed=config.seed)
        score = anomaly.fit_detectors(look("training", train[sample]), seed=config.seed)
        others, own = anomaly.draw_left_out(validation.labels, digit, seed=config.seed)
        ordinary, foreign = (
            score(look("validation", validation.images[places])) for places in (others, own)
        )
        store.save_separations(
            folder,
            anomaly.measure_separations(f"digit {digit}", ordinary, foreign, seed=config.seed),
        )

    entry = kept.entry("left-out", anomaly, dcgan=dcgan, data=data, digit=digit, seed=config.seed)
    return finish(f"evaluation without {digit}", entry, compute)


def show_images_to(discriminator: Any) -> Callable[[str, Images], anomaly.Seen]:
    """Return what shows images of a name to a discriminator, with a bar."""

    def look(name: str, images: Images) -> anomaly.Seen:
        with show_progress(f"discriminator, {name} images", len(images)) as on_progress:
            return anomaly.observe(discriminator, images, on_progress)

    return look


def load_enlarged_digits(data: Entry) -> Images | None:
    """Return scikit-learn's digits, enlarged, unless these are the data set."""
    digits = dataset.load_dataset("digits")
    if digits.provenance.sha256 == store.load_provenance(data).sha256:
        return None
    parts = (digits.train, digits.validation, digits.test)
    return np.concatenate([part.images for part in parts])
