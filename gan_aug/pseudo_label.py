"""From the teacher's probabilities to labels that may be believed.

Pseudo-labels: Lee (2013); the confidence threshold as in FixMatch (Sohn et al., 2020).
"""

import numpy as np
from numpy.typing import NDArray

from gan_aug.config import PseudoLabelConfig
from gan_aug.errors import UserError
from gan_aug.images import CLASSES, Float32, Images, PseudoLabeledImages

__all__ = ["LOW_CONFIDENCE", "SURPLUS", "pseudo_label"]

LOW_CONFIDENCE = "confidence below the threshold"
SURPLUS = "class already full"


def pseudo_label(
    images: Images, probabilities: Float32, config: PseudoLabelConfig
) -> PseudoLabeledImages:
    """Decide which synthetic images are accepted.

    An image is accepted if the teacher's top probability reaches the threshold and its class still
    has room. Classes fill in the order of generation, not of confidence: taking the most confident
    first would keep only the easiest prototypes.

    Args:
        images: ``(n, 28, 28)`` uint8.
        probabilities: ``(n, 10)`` float32, the teacher's.
        config: Threshold, and room in a class.

    Returns:
        All images with their probabilities, whether each is accepted, and why the rest is not.

    Raises:
        UserError: No image is accepted.
    """
    confident = probabilities.max(axis=1) >= config.confidence_threshold
    accepted = confident & first_of_class(probabilities.argmax(axis=1), confident, config.per_class)
    if not accepted.any():
        raise UserError(
            f"pseudo-labels: expected some of {len(images)} synthetic images at or above the "
            f"confidence threshold {config.confidence_threshold}, found none (the highest is "
            f"{probabilities.max():.3f}); lower --pseudo-labels.confidence-threshold or train "
            "the DCGAN longer"
        )
    rejected = {
        LOW_CONFIDENCE: int((~confident).sum()),
        SURPLUS: int((confident & ~accepted).sum()),
    }
    return PseudoLabeledImages(images, probabilities, accepted, rejected)


def first_of_class(
    labels: NDArray[np.intp], eligible: NDArray[np.bool_], per_class: int
) -> NDArray[np.bool_]:
    """Mark the first ``per_class`` eligible images of every class."""
    first = np.zeros(len(labels), dtype=bool)
    for digit in range(CLASSES):
        first[np.flatnonzero(eligible & (labels == digit))[:per_class]] = True
    return first
