"""From the teacher's probabilities to labels that may be believed.

Pseudo-labels: Lee (2013); the confidence threshold as in FixMatch (Sohn et al., 2020).
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gan_aug.classifiers.classifier import Predict
from gan_aug.errors import UserError
from gan_aug.images import Decision, Float32, Images, Indices, Labels, Marks, PseudoLabels
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.teachers.ensemble import ask_networks, average_opinions

__all__ = ["accept_images", "label_images", "label_pool", "name_training_images"]

Balance = Literal["none", "cap", "equal", "level"]
Counts = NDArray[np.integer[Any]]


def label_images(
    images: Images,
    networks: Sequence[Any],
    *,
    predict: Predict,
    temperature: float = 1.0,
    on_progress: OnProgress = ignore_progress,
    intended: Labels | None = None,
    train_labels: Labels | None = None,
    drawn: Indices | None = None,
    **acceptance: Any,
) -> PseudoLabels:
    """Have a teacher label images, and accept those that it is sure of.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        networks: The teacher's.
        predict: Asks one of them.
        temperature: What their logits are divided by.
        on_progress: Called with the number of images that a network has seen.
        intended: As for :func:`accept_images`.
        train_labels: ``(n_train,)`` uint16, of all training images; for ``level`` alone, which
            counts the labeled ones.
        drawn: Places of the labeled ones.
        acceptance: As for :func:`accept_images`.

    Raises:
        UserError: No image is accepted.
    """
    opinions = ask_networks(networks, images, predict, on_progress)
    if train_labels is not None:
        acceptance["labeled"] = train_labels[drawn]
    probabilities = average_opinions(opinions, temperature)
    return accept_images(images, probabilities, intended=intended, **acceptance)


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
    return label_images(np.delete(train, drawn, axis=0), networks, drawn=drawn, **asked)


def name_training_images(
    images: Images,
    train_labels: Labels,
    drawn: Indices,
    networks: Sequence[Any],
    *,
    predict: Predict,
    temperature: float = 1.0,
    on_progress: OnProgress = ignore_progress,
) -> Labels:
    """Name all images to train on: by their labels where these may be seen, else by the teacher.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8, those that have labels first.
        train_labels: ``(n_train,)`` uint16, of these; only those of ``drawn`` are looked at.
        drawn: Places of the labels that may be seen.
        networks: The teacher's.
        predict: Asks one of them.
        temperature: What their logits are divided by.
        on_progress: Called with the number of images that a network has seen.

    Returns:
        ``(n,)`` uint16, a class for each image.
    """
    opinions = ask_networks(networks, images, predict, on_progress)
    labels: Labels = average_opinions(opinions, temperature).argmax(axis=1).astype(np.uint16)
    labels[drawn] = train_labels[drawn]
    return labels


def accept_images(
    images: Images,
    probabilities: Float32,
    *,
    confidence_threshold: float,
    margin_threshold: float,
    per_class: int,
    balance: Balance,
    labeled: Labels | None = None,
    intended: Labels | None = None,
) -> PseudoLabels:
    """Decide which images are accepted.

    An image is accepted if the teacher's top probability and its lead over the second reach their
    thresholds, its top class is the one that was meant, and that class still has room. Classes fill
    in the order of generation, not of confidence: taking the most confident first would keep only
    the easiest prototypes.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        probabilities: ``(n, classes)`` float32, the teacher's.
        confidence_threshold: Least top probability, in [0, 1].
        margin_threshold: Least lead over the second, in [0, 1].
        per_class: Room in a class: on average for ``none``, labeled images counted for ``level``,
            at most otherwise.
        balance: Whether classes have as much room each (``cap``), as much as the scarcest fills
            (``equal``), as much as they lack to be of one size (``level``), or share it (``none``).
        labeled: ``(labels,)`` uint16, the true labels that may be seen; for ``level`` alone.
        intended: ``(n,)`` uint16, the class that each image was meant to have; None where nobody
            meant any.

    Returns:
        All images with their probabilities and the decision on each.

    Raises:
        UserError: No image is accepted.
    """
    decisions = np.full(len(images), Decision.SURPLUS, dtype=np.uint8)
    pseudo = PseudoLabels(images, probabilities, decisions, intended)
    if pseudo.agreement is not None:
        decisions[~pseudo.agreement] = Decision.DISAGREEMENT
    decisions[pseudo.margin < margin_threshold] = Decision.SMALL_MARGIN
    decisions[pseudo.confidence < confidence_threshold] = Decision.LOW_CONFIDENCE
    eligible = decisions == Decision.SURPLUS
    classes = probabilities.shape[1]
    if balance == "none":
        filled = first_of(eligible, classes * per_class)
    else:
        counts = np.bincount(pseudo.labels[eligible], minlength=classes)
        own = None if labeled is None else np.bincount(labeled, minlength=classes)
        room = find_room(counts, own, per_class, balance)
        filled = fill_classes(pseudo.labels, eligible, room)
    decisions[filled] = Decision.ACCEPTED
    if not pseudo.accepted.any():
        raise explain_rejection(pseudo, int(eligible.sum()), confidence_threshold, margin_threshold)
    return pseudo


def explain_rejection(
    pseudo: PseudoLabels, eligible: int, confidence_threshold: float, margin_threshold: float
) -> UserError:
    """Return the error that says why no image was accepted, and what to change.

    Args:
        pseudo: The images.
        eligible: How many of them were refused for lack of room alone.
        confidence_threshold: As for :func:`accept_images`.
        margin_threshold: As for :func:`accept_images`.
    """
    if eligible:
        return UserError(
            "pseudo-labels: expected images of a class that lacks some, found that all "
            f"{eligible} eligible ones are of classes that are full with labeled images; "
            "raise --pseudo-labels.per-class, or choose another --pseudo-labels.balance"
        )
    sure = int((pseudo.decisions == Decision.DISAGREEMENT).sum())
    if sure:
        return UserError(
            "pseudo-labels: expected images that the teacher takes for the class they were meant "
            f"to have, found that it takes all {sure} it is sure of for another; raise --labels "
            "or --dcgan.steps, or leave --dcgan.condition away"
        )
    return UserError(
        f"pseudo-labels: expected some of {len(pseudo.images)} images at or above the confidence "
        f"threshold {confidence_threshold} and the margin threshold {margin_threshold}, found "
        f"none (the highest confidence is {pseudo.confidence.max():.3f}, the highest margin "
        f"{pseudo.margin.max():.3f}); lower --pseudo-labels.confidence-threshold or "
        "--pseudo-labels.margin-threshold, or raise --labels or --dcgan.steps"
    )


def find_room(eligible: Counts, labeled: Counts | None, per_class: int, balance: Balance) -> Counts:
    """Return how many images of each class may be accepted.

    Args:
        eligible: ``(classes,)`` eligible images of each class; only ``equal`` looks at them.
        labeled: ``(classes,)`` labeled images of each class; only ``level`` looks at them. It
            brings every class to ``per_class``, or to the size of the largest where that is more.
        per_class: As for :func:`accept_images`.
        balance: As for :func:`accept_images`.
    """
    if balance == "level":
        if labeled is None:
            raise ValueError("expected the labels that may be seen for `level`, found none")
        return max(per_class, int(labeled.max())) - labeled
    room = per_class
    if balance == "equal":
        room = min(per_class, int(eligible[eligible > 0].min(initial=per_class)))
    return np.full(len(eligible), room)


def fill_classes(labels: Labels, eligible: Marks, room: Counts) -> Marks:
    """Mark the first eligible images of every class, as many as there is room for."""
    filled = np.zeros_like(eligible)
    for label, count in enumerate(room):
        filled |= first_of(eligible & (labels == label), int(count))
    return filled


def first_of(marked: Marks, count: int) -> Marks:
    """Keep the first ``count`` of the marks."""
    first: Marks = marked & (marked.cumsum() <= count)
    return first
