"""How much memory a run will need, said before the run begins.

The factors were fitted to the peak resident size of single stages of several sizes; an estimate is
meant to be right within a factor of two, and to tell a run that fits from one that never will.
"""

from collections.abc import Mapping

import numpy as np
import psutil
from keras import Model

from gan_aug.classifiers.cnn import build_cnn
from gan_aug.errors import UserError
from gan_aug.images import CLASSES, SIDE, Shape
from gan_aug.settings.run import DcganConfig, RunConfig, SganConfig
from gan_aug.teachers import sgan

__all__ = ["check_dcgan_memory", "check_memory", "estimate_memory"]

PIXELS = SIDE * SIDE
FLOAT = 4
KEPT_MAPS = 1.3  # of the GANs' feature maps: values for the backward pass, and gradients
KEPT_CNN_MAPS = 2.2
STATES_PER_WEIGHT = 5  # weight, gradient, two moments, running average
IMAGE_COPIES = 3
LIGHTGBM_BYTES_PER_ROW = 17_000
ROWS_PER_SOFT_LABEL = 1.5

SETTINGS = {
    "DCGAN": "--dcgan.batch-size or a width",
    "CNN": "--cnn.batch-size",
    "SGAN": "--sgan.batch-size or --sgan.labeled-batch-size",
    "synthetic images": "--synthesis.images",
    "LightGBM": "--labels or --pseudo-labels.per-class",
}


def check_memory(
    config: RunConfig, train_images: int, *, processes: int = 1, available: int | None = None
) -> None:
    """Refuse runs that need more memory than there is.

    Args:
        config: The run's settings.
        train_images: Training images in the data set.
        processes: How many such runs there are at a time.
        available: Bytes that may be taken; by default what the system has to give.

    Raises:
        UserError: A stage is estimated to need more.
    """
    refuse_excess(estimate_memory(config, train_images), processes, available)


def check_dcgan_memory(
    config: DcganConfig, images: int, shape: Shape, *, available: int | None = None
) -> None:
    """Refuse a DCGAN of pictures that needs more memory than there is.

    Args:
        config: The DCGAN's settings.
        images: How many pictures there are.
        shape: Height, width and channels of each.
        available: Bytes that may be taken; by default what the system has to give.

    Raises:
        UserError: It is estimated to need more, or there is no network for such pictures.
    """
    needed = images * int(np.prod(shape)) + estimate_dcgan(config, shape)
    refuse_excess({"DCGAN": int(needed)}, 1, available)


def refuse_excess(needs: Mapping[str, int], processes: int, available: int | None) -> None:
    """Raise :class:`UserError` if the largest of the needs, so many times, is not available."""
    free = psutil.virtual_memory().available if available is None else available
    stage = max(needs, key=lambda name: needs[name])
    if processes * needs[stage] > free:
        times = f" {processes} times" if processes > 1 else ""
        remedy = f"--workers or {SETTINGS[stage]}" if processes > 1 else SETTINGS[stage]
        raise UserError(
            f"memory: expected the {stage} stage to fit{times} in the {free / 2**30:.1f} GiB "
            f"available, found that it needs about {needs[stage] / 2**30:.1f} GiB; lower {remedy}"
        )


def estimate_memory(config: RunConfig, train_images: int) -> dict[str, int]:
    """Estimate the bytes that each of the large stages takes at its peak, by stage."""
    labeled = train_images if config.labels == "all" else config.labels
    accepted = min(config.synthesis.images, CLASSES * config.pseudo_labels.per_class)
    rows_per_label = ROWS_PER_SOFT_LABEL if config.pseudo_labels.labels == "soft" else 1
    training_set = (labeled + accepted) * (PIXELS + FLOAT * CLASSES)
    cnn_batch = FLOAT * count_activations(build_cnn()) * config.cnn.batch_size
    needs = {
        "DCGAN": train_images * PIXELS + estimate_dcgan(config.dcgan),
        "CNN": training_set + KEPT_CNN_MAPS * cnn_batch,
        "synthetic images": IMAGE_COPIES * PIXELS * config.synthesis.images,
        "LightGBM": training_set + LIGHTGBM_BYTES_PER_ROW * (labeled + rows_per_label * accepted),
    }
    if config.pseudo_labels.teacher == "sgan":
        needs["SGAN"] = train_images * PIXELS + estimate_sgan(config.sgan)
    return {stage: int(size) for stage, size in needs.items()}


def estimate_dcgan(config: DcganConfig, shape: Shape = (SIDE, SIDE, 1)) -> float:
    """Estimate the bytes of both networks' states and of one step's feature maps."""
    return estimate_players(
        dcgan.build_generator(config, shape),
        dcgan.build_discriminator(config, shape),
        fakes=config.batch_size,
        reals=config.batch_size,
    )


def estimate_sgan(config: SganConfig) -> float:
    """Estimate the same of a semi-supervised GAN."""
    return estimate_players(
        sgan.build_generator(),
        sgan.build_discriminator(),
        fakes=config.batch_size,
        reals=config.batch_size + config.labeled_batch_size,
    )


def estimate_players(generator: Model, discriminator: Model, *, fakes: int, reals: int) -> float:
    weights = generator.count_params() + discriminator.count_params()
    maps = fakes * count_activations(generator)
    maps += (fakes + reals) * count_activations(discriminator)
    return float(FLOAT * (STATES_PER_WEIGHT * weights + KEPT_MAPS * maps))


def count_activations(model: Model) -> int:
    """Count the values that all layers together put out for one image."""
    return sum(int(np.prod(layer.output.shape[1:])) for layer in model.layers)
