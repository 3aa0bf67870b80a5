"""What the stages of a run would have made, without any training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.data.dataset import Dataset, Provenance
from gan_aug.evaluation.calibration import measure_teacher
from gan_aug.evaluation.comparison import Comparison, Predictions, compare_arms
from gan_aug.gan.networks import build_discriminator, build_generator
from gan_aug.images import ImageSpec, LabeledImages, image_shape
from gan_aug.pipeline import Outcome
from gan_aug.pseudo_labels import accept_images
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.evaluation import ComparisonConfig
from gan_aug.store.curve import Curve
from gan_aug.teachers import TEACHERS
from gan_aug.teachers.trust import Trust

ARMS = ("original", "gan")
TINY_DCGAN = DcganConfig(discriminator_width=4, clusters=0)
FILES = ("generator.keras", "discriminator.keras", "gan_history.csv", "temperature.json")


@dataclass
class Made:
    """Stands for a :class:`gan_aug.execution.Output`.

    Attributes:
        value: What it loads.
        folder: Of its place in the store.
        label: For people.
        loads: How often it was loaded.
    """

    value: Any
    folder: Path
    label: str
    seconds: float = 1.5
    reused: bool = False
    made: datetime = datetime(2026, 11, 27, 21, 44, tzinfo=UTC)
    loads: int = field(default=0, init=False)

    @property
    def entry(self) -> Any:
        """Its place in the store; no other output is there."""
        return SimpleNamespace(folder=self.folder, identity=f"{self.label}/{id(self)}")

    def read_curve(self) -> Curve:
        """Return how a CNN learned; others do not tell."""
        steps = {1: 2.3, 50: 1.1, 100: 0.4} if self.label.startswith("CNN") else {}
        return {step: {"loss": loss, "accuracy": 0.5} for step, loss in steps.items()}

    def load(self) -> Any:
        """Return the value."""
        self.loads += 1
        return self.value


def make_folder(path: Path) -> Path:
    """Return a folder of the store with every file that some stage writes."""
    path.mkdir(parents=True, exist_ok=True)
    models = (*CLASSIFIERS.values(), *TEACHERS.values())
    for name in (*FILES, *(model.file for model in models)):
        (path / name).write_text(name)
    return path


def make_dataset(images: Any, labels: Any, classes: tuple[str, ...], name: str) -> Dataset:
    """Return a data set, a third of it each part."""
    spec = ImageSpec(image_shape(images), classes)
    parts = [
        LabeledImages(images[start::3], labels[start::3].astype(np.uint16), spec)
        for start in range(3)
    ]
    sizes = dict(zip(("train", "validation", "test"), map(len, parts), strict=True))
    provenance = Provenance(
        name=name,
        sha256={"x_train": "12ab"},
        verified_mnist=False,
        images=sizes,
        shape=spec.shape,
        classes=classes,
    )
    return Dataset(*parts, provenance=provenance)


def draw_dataset(
    classes: tuple[str, ...], *, side: int = 16, channels: int = 1, per_class: int = 6
) -> Dataset:
    """Return random images, as many of every class; each class has a brightness of its own."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(len(classes)), per_class * 3)
    shape = (len(labels), side, side, *([channels] if channels > 1 else []))
    images = rng.integers(0, 200, shape, dtype=np.uint8)
    images += (55 * labels // len(classes)).astype(np.uint8).reshape(-1, *[1] * (len(shape) - 1))
    return make_dataset(images, labels, classes, "patterns")


def guess(labels: Any, classes: int, *, right: float, seed: int) -> Any:
    """Return ``(n, classes)`` probabilities whose top class is the true one that often."""
    rng = np.random.default_rng(seed)
    named = np.where(rng.random(len(labels)) < right, labels, rng.integers(0, classes, len(labels)))
    confidence = rng.uniform(0.5, 1, len(labels)).astype(np.float32)
    probabilities = np.repeat(((1 - confidence) / (classes - 1))[:, None], classes, axis=1)
    probabilities[np.arange(len(labels)), named] = confidence
    return probabilities


def compare(
    data: Dataset,
    predictions: dict[tuple[str, str], Any],
    budget: int,
    *,
    labeled: dict[str, int] | None = None,
) -> Comparison:
    """Return the scores of predictions; by default all training images are labeled."""
    return compare_arms(
        [Predictions(*cell, 100, probabilities) for cell, probabilities in predictions.items()],
        {"validation": data.validation.labels, "test": data.test.labels},
        ComparisonConfig(resamples=100),
        labeled=labeled or data.spec.count_images(data.train.labels),
        budget=budget,
        seed=0,
    )


def make_outcome(
    folder: Path,
    data: Dataset,
    *,
    budget: int = 100,
    teacher: str = "shift",
    networks: int = 1,
    arms: tuple[str, ...] = ARMS,
    trust: Mapping[str, Trust] | None = None,
) -> Outcome:
    """Return the outcome of a run on a data set; its synthetic images are the test images."""
    classes = len(data.spec.classes)
    store = make_folder(folder)
    truth = {"validation": data.validation.labels, "test": data.test.labels}
    predictions = {
        (classifier, arm): {
            split: guess(labels, classes, right=0.5 + 0.1 * place, seed=place)
            for split, labels in truth.items()
        }
        for classifier in CLASSIFIERS
        for place, arm in enumerate(arms)
    }
    opinion = guess(data.test.labels, classes, right=0.9, seed=1)
    pseudo = accept_images(
        data.test.images,
        opinion,
        confidence_threshold=0.6,
        margin_threshold=0.0,
        per_class=max(1, len(opinion) // classes // 2),
        balance="cap",
    )
    columns = ("discriminator_loss", "discriminator_accuracy", "generator_loss")
    shown = np.resize(data.test.images, (3, 64, *data.test.images.shape[1:]))
    dcgan = SimpleNamespace(
        generator=build_generator(TINY_DCGAN, data.spec.shape),
        discriminator=build_discriminator(TINY_DCGAN, data.spec.shape),
        history=[
            {"step": 500.0 * i, "generator_accuracy": 0.3, **dict.fromkeys(columns, 0.5)}
            for i in (1, 2, 3)
        ],
        samples=shown,
    )
    made = {
        "data": Made(data, store, "load"),
        "dcgan": Made(dcgan, store, "DCGAN"),
        "synthetic": Made(pseudo, store, "pseudo-labels, synthetic"),
        "calibration": Made(
            measure_teacher(
                [guess(data.validation.labels, classes, right=0.9, seed=2)],
                1.0,
                data.validation.labels,
            ),
            store,
            "teacher's calibration",
        ),
    }
    trained = {
        cell: Made(None, store, f"{CLASSIFIERS[cell[0]].title}, {cell[1]}") for cell in predictions
    }
    asked = {cell: Made(value, store, "predictions") for cell, value in predictions.items()}
    return Outcome(
        comparison=compare(data, predictions, budget),
        data=made["data"],
        dcgan=made["dcgan"],
        pseudo={"synthetic": made["synthetic"]},
        teacher=teacher,
        networks=[Made(None, store, f"network {number + 1}") for number in range(networks)],
        temperature=None,
        calibration=made["calibration"],
        trust={name: Made(trust, store, f"trust, {name}") for name, trust in (trust or {}).items()},
        models=trained,
        predictions=asked,
        quality=None,
        stages=[*made.values(), *trained.values(), *asked.values()],
    )
