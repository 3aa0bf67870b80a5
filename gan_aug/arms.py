"""The arms of the comparison: what each training set is made of.

An arm is a plain function from a :class:`Material` to a training set, and an entry of :data:`ARMS`
that says what it needs beside the labeled images. The sets differ in their images and weights
alone; every classifier gets the same number of updates or rounds on each.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_aug.errors import UserError
from gan_aug.images import Images, Indices, LabeledImages, PseudoLabels, TrainingSet, one_hot
from gan_aug.settings.augmentation import AugmentationConfig

__all__ = [
    "ARMS",
    "BASELINE",
    "CONTRASTS",
    "STUDY_ARMS",
    "Arm",
    "Contrast",
    "Material",
    "Need",
    "bound_accepted",
    "build_original_set",
    "build_training_set",
    "check_arms",
    "count_missing",
    "list_buildable",
    "transform_images",
]

Need = Literal["synthetic", "pool"]
Pixels = NDArray[np.float64]

BASELINE = "original"
PIXEL_DECIMALS = 2
SYNTHETIC: frozenset[Need] = frozenset({"synthetic"})
POOL: frozenset[Need] = frozenset({"pool"})


@dataclass(frozen=True)
class Material:
    """What training sets can be made of.

    Attributes:
        labeled: The labeled subset.
        config: Shares and transformations.
        targets: Of pseudo-labeled images: the teacher's probabilities, or its top class.
        copies: Transformed images to add, where an arm has them.
        seed: Determines the transformations.
        level: Whether the images of every class carry equal weight together, whatever their number.
        trust: How much pseudo-labeled images count, in [0, 1]; at 0 they are left out. Where there
            are no labeled images beside them, they count in full.
        synthetic: Generated images; None for an arm that does not need them.
        pool: Real images of which the teacher alone says what they are; None likewise.
    """

    labeled: LabeledImages
    config: AugmentationConfig = field(default_factory=AugmentationConfig)
    targets: Literal["soft", "hard"] = "soft"
    copies: int = 0
    seed: int = 0
    level: bool = False
    trust: float = 1.0
    synthetic: PseudoLabels | None = None
    pool: PseudoLabels | None = None


@dataclass(frozen=True)
class Arm:
    """An entry of the comparison.

    Attributes:
        build: Makes the training set.
        description: For people.
        needs: What the material must have beside the labeled images.
        copies: Whether it has copies of labeled images, transformed or not.
        evens: What makes up for classes of different sizes: ``weights``, or further ``images``.
            Where the labels are balanced, such an arm is ``original``. None for the others.
        baselines: The arms that it is compared with, where a run has them too.
        adds: What it has beside the labeled images, as a sentence names it; empty for an arm that
            is no baseline of another.
    """

    build: Callable[[Material], TrainingSet]
    description: str
    needs: frozenset[Need] = frozenset()
    copies: bool = False
    evens: Literal["weights", "images"] | None = None
    baselines: tuple[str, ...] = (BASELINE,)
    adds: str = ""

    @property
    def additions(self) -> int:
        """How many sets of images it adds to the labeled ones."""
        return len(self.needs) + self.copies


def build_original_set(labeled: LabeledImages) -> TrainingSet:
    """Return every labeled image, with its true label and weight 1."""
    weights = np.ones(len(labeled), dtype=np.float32)
    return TrainingSet(labeled.images, one_hot(labeled.labels, len(labeled.spec.classes)), weights)


def build_original(material: Material) -> TrainingSet:
    """``original``: the labeled images alone."""
    return build_original_set(material.labeled)


def build_gan(material: Material) -> TrainingSet:
    """``gan``: the labeled images and the accepted synthetic ones."""
    return join(material, trust_accepted(material, material.synthetic))


def build_shift(material: Material) -> TrainingSet:
    """``shift``: the labeled images and transformed copies of them."""
    return join(material, transform(material))


def build_gan_shift(material: Material) -> TrainingSet:
    """``gan+shift``: the labeled images, the synthetic and the transformed ones."""
    return join(material, trust_accepted(material, material.synthetic), transform(material))


def build_real_pool(material: Material) -> TrainingSet:
    """``real_pool``: the labeled images and accepted real ones that were never labeled."""
    return join(material, trust_accepted(material, material.pool))


def build_gan_real_pool(material: Material) -> TrainingSet:
    """``gan+real_pool``: the labeled images, the synthetic and the accepted real ones."""
    return join(
        material,
        trust_accepted(material, material.synthetic),
        trust_accepted(material, material.pool),
    )


def build_synthetic_only(material: Material) -> TrainingSet:
    """``synthetic_only``: the accepted synthetic images alone."""
    return take_accepted(material, material.synthetic)


def build_repeat(material: Material) -> TrainingSet:
    """``repeat``: the labeled images over and over, to the size of ``shift``."""
    original = build_original(material)
    count = len(original) + material.copies
    again = np.arange(count) % len(original)
    return TrainingSet(original.images[again], original.targets[again], original.weights[again])


def build_class_weight(material: Material) -> TrainingSet:
    """``class_weight``: the labeled images, those of every class with equal weight together."""
    return level_weights(build_original(material))


def build_oversample(material: Material) -> TrainingSet:
    """``oversample``: the labeled images, those of smaller classes again and again.

    Every class has as many as the largest, each of its images equally often, give or take one.
    """
    original = build_original(material)
    labels = material.labeled.labels
    largest = np.bincount(labels).max()
    own = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    missing = [np.resize(places, largest - len(places)) for places in own]
    again = np.concatenate([np.arange(len(original)), *missing])
    return TrainingSet(original.images[again], original.targets[again], original.weights[again])


ARMS: Mapping[str, Arm] = {
    BASELINE: Arm(build_original, "the labeled images alone", baselines=()),
    "gan": Arm(build_gan, "with synthetic images", needs=SYNTHETIC),
    "shift": Arm(build_shift, "with shifted, turned and scaled copies", copies=True),
    "gan+shift": Arm(build_gan_shift, "with both", needs=SYNTHETIC, copies=True),
    "real_pool": Arm(
        build_real_pool,
        "with real images the teacher labeled",
        needs=POOL,
        adds="the real images that the same teacher labeled",
    ),
    "gan+real_pool": Arm(
        build_gan_real_pool,
        "with synthetic images, and real ones the same teacher labeled",
        needs=SYNTHETIC | POOL,
        baselines=(BASELINE, "real_pool"),
    ),
    "synthetic_only": Arm(
        build_synthetic_only,
        "synthetic images alone, where the real ones may not leave the house",
        needs=SYNTHETIC,
    ),
    "repeat": Arm(build_repeat, "the labeled images over and over", copies=True),
    "class_weight": Arm(build_class_weight, "with equal weight for every class", evens="weights"),
    "oversample": Arm(
        build_oversample, "with images of small classes over and over", evens="images"
    ),
}

STUDY_ARMS: tuple[str, ...] = tuple(name for name, arm in ARMS.items() if arm.evens is None)
"""The arms of a study by default; with balanced labels, the others are ``original``."""


class Contrast(NamedTuple):
    """An arm beside one that has all of its images but the synthetic ones.

    Attributes:
        arm: Its name.
        baseline: What it is compared with; never ``original``.
    """

    arm: str
    baseline: str


CONTRASTS: tuple[Contrast, ...] = tuple(
    Contrast(name, baseline)
    for name, arm in ARMS.items()
    for baseline in arm.baselines
    if baseline != BASELINE
)
"""What tells what synthetic images add to more than the labeled ones."""


def check_arms(arms: Sequence[str], unlabeled: int) -> None:
    """Raise :class:`UserError` if one of the arms can't be built.

    Args:
        arms: Their names.
        unlabeled: Training images without a label.
    """
    buildable = list_buildable(arms, unlabeled)
    missing = [f"`{arm}`" for arm in arms if arm not in buildable]
    if missing:
        raise UserError(
            f"arms: expected unlabeled training images for {' and '.join(missing)}, found that all "
            f"have labels; lower --labels, or leave {'it' if len(missing) == 1 else 'them'} out"
        )


def list_buildable(arms: Sequence[str], unlabeled: int) -> tuple[str, ...]:
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


def level_weights(training_set: TrainingSet) -> TrainingSet:
    """Scale the weights so that the images of every class carry equal weight together.

    An image is of the class that its target is highest for. Classes without an image are left out.
    Within a class, images keep their weights relative to each other; the mean stays 1.
    """
    labels = training_set.targets.argmax(axis=1)
    carried = np.bincount(labels, weights=training_set.weights)
    weights = training_set.weights / carried[labels]
    weights = (weights / weights.mean()).astype(np.float32)
    return TrainingSet(training_set.images, training_set.targets, weights)


def take_accepted(material: Material, pseudo: PseudoLabels | None) -> TrainingSet:
    """Return the accepted images with the teacher's opinion as their targets, weight 1."""
    if pseudo is None:
        raise ValueError("expected pseudo-labeled images in the material, found none")
    accepted = pseudo.accepted
    classes = pseudo.probabilities.shape[1]
    soft = material.targets == "soft"
    targets = pseudo.probabilities if soft else one_hot(pseudo.labels, classes)
    weights = np.ones(accepted.sum(), dtype=np.float32)
    return TrainingSet(pseudo.images[accepted], targets[accepted], weights)


def trust_accepted(material: Material, pseudo: PseudoLabels | None) -> TrainingSet:
    """Return the accepted images with the weight that they are trusted with; none without trust."""
    accepted = take_accepted(material, pseudo)
    kept = slice(None if material.trust else 0)
    weights = accepted.weights * np.float32(material.trust)
    return TrainingSet(accepted.images[kept], accepted.targets[kept], weights[kept])


def transform(material: Material) -> TrainingSet:
    """Return transformed labeled images, all of them equally often."""
    original = build_original(material)
    again = np.arange(material.copies) % len(original)
    images = transform_images(original.images[again], material.config, seed=material.seed)
    return TrainingSet(images, original.targets[again], original.weights[again])


def transform_images(images: Images, config: AugmentationConfig, *, seed: int) -> Images:
    """Shift, turn and scale every image by random amounts, uniform within the settings' bounds.

    What comes into view is black in grey images, which have an empty ground, and goes on from the
    edge in RGB ones, which have none.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        config: The bounds.
        seed: Determines the amounts.

    Returns:
        As many images of the same shape, uint8.
    """
    rng = np.random.default_rng(seed)
    count, side = images.shape[:2]
    reach = round(config.shift * side, PIXEL_DECIMALS)
    angles = np.radians(rng.uniform(-config.rotation, config.rotation, count))
    scales = rng.uniform(1 - config.zoom, 1 + config.zoom, (count,))
    shifts = rng.uniform(-reach, reach, (count, 2))
    turns = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]])
    matrices = turns.transpose(2, 0, 1) / scales[:, None, None]
    center = np.full(2, (side - 1) / 2)
    transformed = [
        map_pixels(image, matrix, center - matrix @ (center + offset))
        for image, matrix, offset in zip(images, matrices, shifts, strict=True)
    ]
    return np.stack(transformed) if transformed else images


def map_pixels(image: Images, matrix: Pixels, offset: Pixels) -> Images:
    """Return an image whose pixel ``x`` is what the given one has at ``matrix @ x + offset``."""
    from scipy import ndimage  # noqa: PLC0415 - a tenth of a second; --help must not wait

    if image.ndim == 2:
        mapped: Images = ndimage.affine_transform(image, matrix, offset=offset, order=1)
        return mapped
    channels = [
        ndimage.affine_transform(image[..., i], matrix, offset=offset, order=1, mode="nearest")
        for i in range(image.shape[-1])
    ]
    return np.stack(channels, axis=-1)


def build_training_set(
    train: LabeledImages, drawn: Indices, arm: str, **material: Any
) -> TrainingSet:
    """Build the training set of an arm.

    With ``level``, counts alone would not balance it: an added image counts less than a labeled
    one, so a class of many added images would still carry less weight than one of many labeled
    ones. The weights of every class are therefore scaled to the same sum. Labeled images of a
    class still count as much as its added ones, or more.

    Args:
        train: The training images with all their labels.
        drawn: ``(labels,)`` places of those whose labels may be seen.
        arm: Its name.
        material: Everything else that a :class:`Material` has.
    """
    given = Material(train.take(drawn), **material)
    built = ARMS[arm].build(given)
    return level_weights(built) if given.level else built


def bound_accepted(classes: int, per_class: int, offered: int) -> int:
    """Return how many images of a source can be accepted at most.

    Args:
        classes: Number of classes.
        per_class: Images of a class that may be accepted.
        offered: Images of the source in all.
    """
    return min(classes * per_class, offered)


def count_missing(counts: Sequence[int], least: int = 0) -> int:
    """Return how many images bring all classes to one size.

    Args:
        counts: Images of each class.
        least: The size, where that is more than the largest class has.
    """
    return len(counts) * max(least, *counts) - sum(counts)
