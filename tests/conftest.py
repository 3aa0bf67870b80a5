"""Real images for all tests, and settings small enough to train in seconds."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sources import load
from tiny import TINY_DCGAN

from gan_aug.data.dataset import Dataset
from gan_aug.device import Compute, select_compute
from gan_aug.evaluation.calibration import Calibration
from gan_aug.evaluation.comparison import Score
from gan_aug.evaluation.quality import Duplicates, JudgeInfo, Metrics, Quality
from gan_aug.images import LabeledImages
from gan_aug.settings.dcgan import DcganConfig


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that wait for processes, so that no process of tests ends with one."""
    waiting = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in waiting)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """scikit-learn's digits: real handwriting, no network, quick to load."""
    return load("digits")


@pytest.fixture(scope="session")
def real(digits: Dataset) -> LabeledImages:
    """MNIST where the environment names a local copy, the digits otherwise."""
    local = os.environ.get("GAN_AUG_MNIST")
    train = load("mnist", {"mnist": Path(local)}).train if local else digits.train
    return train.take(np.arange(1000))


@pytest.fixture(scope="session")
def cpu() -> Compute:
    """The CPU in float32 on every machine: tests of equality need its rounding."""
    return select_compute("cpu", "float32")


@pytest.fixture(scope="session")
def make_score() -> Callable[..., Score]:
    """Return a maker of scores: sound values, and those that a test is about."""

    def make_score(**values: Any) -> Score:
        sound = {
            "classifier": "cnn",
            "arm": "original",
            "split": "validation",
            "budget": 1000,
            "seed": 0,
            "n_train": 1000,
            "accuracy": 0.9,
            "log_loss": 0.3,
            "confusion": (90 * np.eye(10, dtype=int) + 1).tolist(),
            "calibration": Calibration(
                error=0.05,
                count=[0] * 10 + [20] * 5,
                confidence=[0.0] * 10 + [0.7, 0.75, 0.82, 0.9, 0.99],
                accuracy=[0.0] * 10 + [0.6, 0.7, 0.8, 0.85, 0.99],
            ),
        }
        return Score.model_validate(sound | values)

    return make_score


@pytest.fixture(scope="session")
def make_quality() -> Callable[[float, float], Quality]:
    """Return a maker of judgements with given Fréchet distances of images and of the floor."""

    def make_quality(frechet_distance: float, floor: float) -> Quality:
        metrics = Metrics(
            frechet_distance=frechet_distance,
            kernel_distance=0.5,
            precision=0.9,
            recall=0.8,
            density=0.7,
            coverage=0.6,
            inception_score=8.5,
            class_distance=0.05,
        )
        return Quality(
            images=10_000,
            reference_images=9_000,
            synthetic=metrics,
            floor=metrics.model_copy(update={"frechet_distance": floor}),
            duplicates=Duplicates(count=40, share=0.004, distance=3.21),
            judge=JudgeInfo(sha256="abcdef0123456789", validation_accuracy=0.9952),
        )

    return make_quality


@pytest.fixture
def tiny_dcgan() -> DcganConfig:
    """A DCGAN with every part of the real one and few channels."""
    return TINY_DCGAN
