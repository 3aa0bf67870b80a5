"""The arms of the comparison: what each training set is made of.

An arm is a plain function from a :class:`Material` to a training set, and an entry of :data:`ARMS`
that says what it needs beside the labeled images. The sets differ in their images and weights
alone; every classifier gets the same number of updates or rounds on each.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from gan_aug.errors import UserError
from gan_aug.images import SIDE, Images, LabeledImages, PseudoLabels, TrainingSet, one_hot
from gan_aug.settings.run import ArmName, AugmentationConfig

__all__ = [
    "ARMS",
    "Arm",
    "Material",
    "Need",
    "build_original_set",
    "check_arms",
    "list_buildable",
    "transform_images",
]

Need = Literal["synthetic", "pool"]


@dataclass(frozen=True)
class Material:
    """What training sets can be made of.

    Attributes:
        labeled: The labeled subset.
        config: Shares and transformations.
        labels: Targets of pseudo-labeled images: the teacher's probabilities, or its top class.
        copies: Transformed images to add, where an arm has them.
        seed: Determines the transformations.
        synthetic: Generated images; None for an arm that does not need them.
        pool: Real images of which the teacher alone says what they are; None likewise.
    """

    labeled: LabeledImages
    config: AugmentationConfig
    labels: Literal["soft", "hard"]
    copies: int
    seed: int
    synthetic: PseudoLabels | None = None
    pool: PseudoLabels | None = None


@dataclass(frozen=True)
class Arm:
    """An entry of the comparison.

    Attributes:
        build: Makes the training set.
        needs: What the material must have beside the labeled images.
        description: For people.
    """

    build: Callable[[Material], TrainingSet]
    needs: frozenset[Need]
    description: str


def build_original_set(labeled: LabeledImages) -> TrainingSet:
    """Return every labeled image, with its true label and weight 1."""
    weights = np.ones(len(labeled), dtype=np.float32)
    return TrainingSet(labeled.images, one_hot(labeled.labels), weights)


def build_original(material: Material) -> TrainingSet:
    """``original``: the labeled images alone."""
    return build_original_set(material.labeled)


def build_gan(material: Material) -> TrainingSet:
    """``gan``: the labeled images and the accepted synthetic ones."""
    return join(material, take_accepted(material, material.synthetic))


def build_shift(material: Material) -> TrainingSet:
    """``shift``: the labeled images and transformed copies of them."""
    return join(material, transform(material))


def build_gan_shift(material: Material) -> TrainingSet:
    """``gan+shift``: the labeled images, the synthetic and the transformed ones."""
    return join(material, take_accepted(material, material.synthetic), transform(material))


def build_real_pool(material: Material) -> TrainingSet:
    """``real_pool``: the labeled images and accepted real ones that were never labeled."""
    return join(material, take_accepted(material, material.pool))


def build_synthetic_only(material: Material) -> TrainingSet:
    """``synthetic_only``: the accepted synthetic images alone."""
    return take_accepted(material, material.synthetic)


def build_repeat(material: Material) -> TrainingSet:
    """``repeat``: the labeled images over and over, to the size of ``shift``."""
    original = build_original(material)
    count = len(original) + material.copies
    again = np.arange(count) % len(original)
    return TrainingSet(original.images[again], original.targets[again], original.weights[again])


ARMS: Mapping[ArmName, Arm] = {
    "original": Arm(build_original, frozenset(), "the labeled images alone"),
    "gan": Arm(build_gan, frozenset({"synthetic"}), "with synthetic images"),
    "shift": Arm(build_shift, frozenset(), "with shifted, turned and scaled copies"),
    "gan+shift": Arm(build_gan_shift, frozenset({"synthetic"}), "with both"),
    "real_pool": Arm(build_real_pool, frozenset({"pool"}), "with real images the teacher labeled"),
    "synthetic_only": Arm(build_synthetic_only, frozenset({"synthetic"}), "synthetic images alone"),
    "repeat": Arm(build_repeat, frozenset(), "the labeled images over and over"),
}


def check_arms(arms: Sequence[ArmName], unlabeled: int) -> None:
    """Raise :class:`UserError` if one of the arms can't be built.

    Args:
        arms: Their names.
        unlabeled: Training images without a label.
    """
    if len(list_buildable(arms, unlabeled)) < len(arms):
        raise UserError(
            "arms: expected unlabeled training images for `real_pool`, found that all have labels; "
            "lower --labels, or leave the arm out"
        )


def list_buildable(arms: Sequence[ArmName], unlabeled: int) -> tuple[ArmName, ...]:
    """Return the arms that can be built with so many unlabeled training images."""
    return tuple(arm for arm in arms if unlabeled or "pool" not in ARMS[arm].needs)


def join(material: Material, *additions: TrainingSet) -> TrainingSet:
    """Follow the labeled images by additions, which carry ``added_share`` of the weight together.

    Each addition carries as much as the others, however many images it has, or less where its
    images would count more than labeled ones. With none, or no share, the labeled images come back
    alone.
    """
    original = build_original(material)
    present = [addition for addition in additions if len(addition)]
    share = material.config.added_share
    if not present or share == 0:
        return original
    carried = len(original) * share / (1 - share) / len(present)
    scales = [1.0, *(min(1.0, carried / len(addition)) for addition in present)]
    parts = [original, *present]
    weights = np.concatenate(
        [part.weights * np.float32(scale) for part, scale in zip(parts, scales, strict=True)]
    )
    return TrainingSet(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.targets for part in parts]),
        weights / weights.mean(),
    )


def take_accepted(material: Material, pseudo: PseudoLabels | None) -> TrainingSet:
    """Return the accepted images with the teacher's opinion as their targets, weight 1."""
    if pseudo is None:
        raise ValueError("expected pseudo-labeled images in the material, found none")
    accepted = pseudo.accepted
    targets = pseudo.probabilities if material.labels == "soft" else one_hot(pseudo.labels)
    weights = np.ones(accepted.sum(), dtype=np.float32)
    return TrainingSet(pseudo.images[accepted], targets[accepted], weights)


def transform(material: Material) -> TrainingSet:
    """Return transformed labeled images, all of them equally often."""
    count = material.copies
    again = np.arange(count) % len(material.labeled)
    images = transform_images(material.labeled.images[again], material.config, seed=material.seed)
    weights = np.ones(count, dtype=np.float32)
    return TrainingSet(images, one_hot(material.labeled.labels[again]), weights)


def transform_images(images: Images, config: AugmentationConfig, *, seed: int) -> Images:
    """Shift, turn and scale every image by random amounts, uniform within the settings' bounds.

    Args:
        images: ``(n, 28, 28)`` uint8.
        config: The bounds.
        seed: Determines the amounts.

    Returns:
        ``(n, 28, 28)`` uint8.
    """
    rng = np.random.default_rng(seed)
    count = len(images)
    angles = np.radians(rng.uniform(-config.rotation, config.rotation, count))
    scales = rng.uniform(1 - config.zoom, 1 + config.zoom, count)
    shifts = rng.uniform(-config.shift, config.shift, (count, 2))
    turns = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]])
    matrices = turns.transpose(2, 0, 1) / scales[:, None, None]
    center = np.full(2, (SIDE - 1) / 2)
    transformed = [
        ndimage.affine_transform(image, matrix, offset=center - matrix @ (center + offset), order=1)
        for image, matrix, offset in zip(images, matrices, shifts, strict=True)
    ]
    return np.stack(transformed) if transformed else images
