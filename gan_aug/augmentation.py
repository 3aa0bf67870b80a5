"""The training set of each arm."""

from typing import Literal

import numpy as np

from gan_aug.config import AugmentationConfig
from gan_aug.images import LabeledImages, PseudoLabeledImages, TrainingSet, one_hot

__all__ = ["augment_with_synthetic", "build_original_set"]


def build_original_set(labeled: LabeledImages) -> TrainingSet:
    """Return the ``original`` arm: every labeled image, with its true label and weight 1."""
    weights = np.ones(len(labeled), dtype=np.float32)
    return TrainingSet(labeled.images, one_hot(labeled.labels), weights)


def augment_with_synthetic(
    original: TrainingSet,
    synthetic: PseudoLabeledImages,
    config: AugmentationConfig,
    *,
    labels: Literal["soft", "hard"],
) -> TrainingSet:
    """Return the ``gan`` arm: the original set followed by the accepted synthetic images.

    The synthetic images together carry ``config.synthetic_share`` of the weight however many they
    are. With no image accepted, or no share, the original set comes back unchanged.

    Args:
        original: The labeled images.
        synthetic: Images with pseudo-labels; only the accepted ones are used.
        config: The share of the weight.
        labels: Targets of the synthetic images: the teacher's probabilities, or its top class.
    """
    accepted = synthetic.accepted
    share = config.synthetic_share
    if not accepted.any() or share == 0:
        return original
    targets = (
        synthetic.probabilities[accepted]
        if labels == "soft"
        else one_hot(synthetic.labels)[accepted]
    )
    count = len(original) + len(targets)
    weights = np.concatenate(
        [
            original.weights * np.float32((1 - share) * count / len(original)),
            np.full(len(targets), share * count / len(targets), dtype=np.float32),
        ]
    )
    return TrainingSet(
        np.concatenate([original.images, synthetic.images[accepted]]),
        np.concatenate([original.targets, targets]),
        weights,
    )
