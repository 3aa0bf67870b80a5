"""A whole run on images of other shapes and other numbers of classes, through to the report."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sources import load
from tiny import TINY_RUN

from gan_aug.data.readers.digits import enlarge_digits
from gan_aug.flows.augment import augment
from gan_aug.settings.presets import resolve_config

IMAGES = 600
FASHION = Path(__file__).parents[2].parent / "shared" / "data" / "fashion-mnist"


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts")


def save(path, images, labels):
    """Write images in the Keras layout, every sixth for the test."""
    order = np.random.default_rng(0).permutation(len(images))[:IMAGES]
    images, labels = images[order], labels[order]
    test = np.arange(len(images)) % 6 == 0
    np.savez(
        path,
        x_train=images[~test],
        y_train=labels[~test],
        x_test=images[test],
        y_test=labels[test],
    )


def make_digits(shape, classes):
    """scikit-learn's digits in another shape, in their own classes or in chance groups of them."""
    images = enlarge_digits(shape)
    labels = load_labels()
    spread = np.random.default_rng(0).integers(0, max(1, classes // 10), len(labels))
    return images, (labels + 10 * spread) % classes


def load_labels():
    data = load("digits")
    parts = (data.train, data.validation, data.test)
    return np.concatenate([part.labels for part in parts]).astype(int)


def make_fashion():
    """Fashion-MNIST where its files are at hand; the digits' images otherwise."""
    if not FASHION.is_dir():
        return make_digits((28, 28, 1), 10)
    test = load(FASHION).test
    return test.images, test.labels


SETS = {
    "three-rgb": lambda: make_digits((64, 64, 3), 3),
    "fashion": make_fashion,
    "many": lambda: make_digits((28, 28, 1), 47),
    "two": lambda: make_digits((28, 28, 1), 2),
    "small": lambda: make_digits((16, 16, 1), 10),
}


@pytest.mark.parametrize("name", SETS)
def test_a_run_ends_in_its_report(name, artifacts, tmp_path):
    images, labels = SETS[name]()
    classes = int(labels.max()) + 1
    path = tmp_path / f"{name}.npz"
    save(path, images, labels)
    changes = TINY_RUN | {
        "dataset": str(path),
        "labels": 2 * classes,
        "arms": ["original", "gan", "shift"],
        "pseudo_labels": {"confidence_threshold": 0.0, "per_class": 20},
        "quality": {"enabled": name == "three-rgb", "images": 20, "judge": {"updates": 2}},
    }
    run = augment(resolve_config("smoke", changes), artifacts=str(artifacts))
    with (run.path / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["classifier"], row["arm"]) for row in rows} == {
        (classifier, arm)
        for classifier in ("cnn", "lightgbm")
        for arm in ("original", "gan", "shift")
    }
    assert {f"accuracy_{label}" for label in range(classes)} <= set(rows[0])
    environment = json.loads((run.path / "environment.json").read_text())
    side, channels = images.shape[1], 3 if images.ndim == 4 else 1
    assert environment["dataset"]["shape"] == [side, side, channels]
    assert len(environment["dataset"]["classes"]) == classes
    with np.load(run.path / "synthetic.npz") as file:
        assert file["images"].shape[1:] == images.shape[1:]
        assert file["probabilities"].shape[1] == classes
    report = run.read_report()
    assert report.startswith("# GAN augmentation of ")
    assert "**With " in report
    assert "digit" not in report.replace("load_digits", "")
    assert run.page.stat().st_size > 10_000
    assert os.access(run.path / "quality.json", os.F_OK) == (name == "three-rgb")


@pytest.mark.parametrize("teacher", ["shift", "sgan", "consistency"])
def test_unlabeled_pictures_are_used_by_all_that_can(teacher, artifacts, tmp_path):
    """Folders of pictures, most of them without a label: the DCGAN, the SGAN and the pool."""
    images, labels = make_digits((16, 16, 3), 2)
    for place, (image, label) in enumerate(zip(images[:150], labels[:150], strict=True)):
        name = f"class {label}" if place < 60 else "unlabeled"
        (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / name / f"{place}.png")
    changes = TINY_RUN | {
        "dataset": str(tmp_path),
        "color": "rgb",
        "labels": "auto",
        "arms": ["original", "gan", "real_pool"],
        "pseudo_labels": {"teacher": teacher, "confidence_threshold": 0.0, "per_class": 60},
    }
    run = augment(resolve_config("smoke", changes), artifacts=str(artifacts))
    assert run.read_config().labels == "all"
    facts = json.loads((run.path / "environment.json").read_text())["dataset"]
    assert facts["images"] == {"test": 9, "validation": 9, "train": 42, "unlabeled": 90}
    sizes = {score.arm: score.n_train for score in run.read_comparison().scores}
    assert sizes["original"] == 42
    assert 42 + 60 <= sizes["real_pool"] <= 42 + 90
    assert "90 training images have no label" in run.read_report()
