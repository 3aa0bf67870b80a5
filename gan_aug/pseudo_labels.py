"""From the teacher's probabilities to labels that may be believed.

Pseudo-labels: Lee (2013); the confidence threshold as in FixMatch (Sohn et al., 2020).
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from gan_aug.classifiers.classifier import Predict
from gan_aug.errors import UserError
from gan_aug.images import Decision, Float32, Images, Indices, Labels, Marks, PseudoLabels
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.teachers.ensemble import ask_networks, average_opinions

__all__ = ["accept_images", "label_images", "label_pool"]

Balance = Literal["none", "cap", "equal"]


def label_images(
    images: Images,
    networks: Sequence[Any],
    *,
    predict: Predict,
    temperature: float = 1.0,
    on_progress: OnProgress = ignore_progress,
    **acceptance: Any,
) -> PseudoLabels:
    """Have a teacher label images, and accept those that it is sure of.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        networks: The teacher's.
        predict: Asks one of them.
        temperature: What their logits are divided by.
        on_progress: Called with the number of images that a network has seen.
        acceptance: As for :func:`accept_images`.

    Raises:
        UserError: No image is accepted.
    """
    opinions = ask_networks(networks, images, predict, on_progress)
    return accept_images(images, average_opinions(opinions, temperature), **acceptance)


def label_pool(
    train: Images, drawn: Indices, networks: Sequence[Any], **asked: Any
) -> PseudoLabels:
    """Label the training images whose labels may not be seen.

    Args:
        train: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8, all training images.
        drawn: Places of the labeled ones.
        networks: The teacher's.
        asked: As for :func:`label_images`.

    Raises:
        UserError: No image is accepted.
    """
    return label_images(np.delete(train, drawn, axis=0), networks, **asked)


def accept_images(
    images: Images,
    probabilities: Float32,
    *,
    confidence_threshold: float,
    margin_threshold: float,
    per_class: int,
    balance: Balance,
) -> PseudoLabels:
    """Decide which images are accepted.

    An image is accepted if the teacher's top probability and its lead over the second reach their
    thresholds, and its class still has room. Classes fill in the order of generation, not of
    confidence: taking the most confident first would keep only the easiest prototypes.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        probabilities: ``(n, classes)`` float32, the teacher's.
        confidence_threshold: Least top probability, in [0, 1].
        margin_threshold: Least lead over the second, in [0, 1].
        per_class: Room in a class: on average for ``none``, at most otherwise.
        balance: Whether classes have as much room each (``cap``), as much as the scarcest fills
            (``equal``), or share it (``none``).

    Returns:
        All images with their probabilities and the decision on each.

    Raises:
        UserError: No image is accepted.
    """
    decisions = np.full(len(images), Decision.SURPLUS, dtype=np.uint8)
    pseudo = PseudoLabels(images, probabilities, decisions)
    decisions[pseudo.margin < margin_threshold] = Decision.SMALL_MARGIN
    decisions[pseudo.confidence < confidence_threshold] = Decision.LOW_CONFIDENCE
    eligible = decisions == Decision.SURPLUS
    classes = probabilities.shape[1]
    if balance == "none":
        filled = first_of(eligible, classes * per_class)
    else:
        room = find_room(pseudo.labels[eligible], classes, per_class, balance)
        filled = fill_classes(pseudo.labels, eligible, classes, room)
    decisions[filled] = Decision.ACCEPTED
    if not pseudo.accepted.any():
        raise UserError(
            f"pseudo-labels: expected some of {len(images)} images at or above the confidence "
            f"threshold {confidence_threshold} and the margin threshold {margin_threshold}, found "
            f"none (the highest confidence is {pseudo.confidence.max():.3f}, the highest margin "
            f"{pseudo.margin.max():.3f}); lower --pseudo-labels.confidence-threshold or "
            "--pseudo-labels.margin-threshold, or raise --labels or --dcgan.steps"
        )
    return pseudo


def find_room(eligible: Labels, classes: int, per_class: int, balance: Balance) -> int:
    """Return how many images of a class may be accepted; only ``equal`` looks at the others."""
    if balance != "equal":
        return per_class
    counts = np.bincount(eligible, minlength=classes)
    return min(per_class, int(counts[counts > 0].min(initial=per_class)))


def fill_classes(labels: Labels, eligible: Marks, classes: int, room: int) -> Marks:
    """Mark the first eligible images of every class, as many as there is room for."""
    filled = np.zeros_like(eligible)
    for label in range(classes):
        filled |= first_of(eligible & (labels == label), room)
    return filled


def first_of(marked: Marks, count: int) -> Marks:
    """Keep the first ``count`` of the marks."""
    first: Marks = marked & (marked.cumsum() <= count)
    return first
