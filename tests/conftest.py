"""Real images for all tests, and settings small enough to train in seconds."""

import os
from pathlib import Path

import numpy as np
import pytest

from gan_aug.config import DcganConfig
from gan_aug.dataset import Dataset, load_dataset
from gan_aug.device import Compute, select_compute
from gan_aug.images import LabeledImages


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """scikit-learn's digits: real handwriting, no network, quick to load."""
    return load_dataset("digits")


@pytest.fixture(scope="session")
def real(digits: Dataset) -> LabeledImages:
    """MNIST where the environment names a local copy, the digits otherwise."""
    local = os.environ.get("GAN_AUG_MNIST")
    train = load_dataset("mnist", Path(local)).train if local else digits.train
    return train.take(np.arange(1000))


@pytest.fixture(scope="session")
def cpu() -> Compute:
    """The CPU in float32 on every machine: tests of equality need its rounding."""
    return select_compute("cpu", "float32")


@pytest.fixture
def tiny_dcgan() -> DcganConfig:
    """A DCGAN with every part of the real one and few channels."""
    return DcganConfig(
        generator_width=8,
        discriminator_width=4,
        clusters=10,
        discriminator_dropout=0.3,
        latent_dim=10,
        batch_size=8,
        steps=4,
        interval=2,
    )
