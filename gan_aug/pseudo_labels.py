"""From the teacher's probabilities to labels that may be believed.

Pseudo-labels: Lee (2013); the confidence threshold as in FixMatch (Sohn et al., 2020).
"""

import numpy as np
from numpy.typing import NDArray

from gan_aug.errors import UserError
from gan_aug.images import CLASSES, Decision, Float32, Images, PseudoLabels
from gan_aug.settings.run import PseudoLabelConfig

__all__ = ["pseudo_label"]

Marks = NDArray[np.bool_]


def pseudo_label(images: Images, probabilities: Float32, config: PseudoLabelConfig) -> PseudoLabels:
    """Decide which images are accepted.

    An image is accepted if the teacher's top probability and its lead over the second reach their
    thresholds, and its class still has room. Classes fill in the order of generation, not of
    confidence: taking the most confident first would keep only the easiest prototypes.

    Args:
        images: ``(n, 28, 28)`` uint8.
        probabilities: ``(n, 10)`` float32, the teacher's.
        config: Thresholds, and room in a class.

    Returns:
        All images with their probabilities and the decision on each.

    Raises:
        UserError: No image is accepted.
    """
    decisions = np.full(len(images), Decision.SURPLUS, dtype=np.uint8)
    pseudo = PseudoLabels(images, probabilities, decisions)
    decisions[pseudo.margin < config.margin_threshold] = Decision.SMALL_MARGIN
    decisions[pseudo.confidence < config.confidence_threshold] = Decision.LOW_CONFIDENCE
    eligible = decisions == Decision.SURPLUS
    decisions[fill_classes(pseudo.labels, eligible, config)] = Decision.ACCEPTED
    if not pseudo.accepted.any():
        raise UserError(
            f"pseudo-labels: expected some of {len(images)} images at or above the confidence "
            f"threshold {config.confidence_threshold} and the margin threshold "
            f"{config.margin_threshold}, found none (the highest confidence is "
            f"{pseudo.confidence.max():.3f}, the highest margin {pseudo.margin.max():.3f}); lower "
            "--pseudo-labels.confidence-threshold or --pseudo-labels.margin-threshold, or raise "
            "--labels or --dcgan.steps"
        )
    return pseudo


def fill_classes(labels: NDArray[np.uint8], eligible: Marks, config: PseudoLabelConfig) -> Marks:
    """Mark the eligible images that there is room for, the first ones first."""
    if config.balance == "none":
        return first_of(eligible, CLASSES * config.per_class)
    room = config.per_class
    if config.balance == "equal":
        counts = np.bincount(labels[eligible], minlength=CLASSES)
        room = min(room, int(counts[counts > 0].min(initial=room)))
    filled = np.zeros_like(eligible)
    for digit in range(CLASSES):
        filled |= first_of(eligible & (labels == digit), room)
    return filled


def first_of(marked: Marks, count: int) -> Marks:
    """Keep the first ``count`` of the marks."""
    first: Marks = marked & (marked.cumsum() <= count)
    return first
