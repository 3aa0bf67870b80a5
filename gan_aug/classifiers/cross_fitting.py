"""Predictions of labeled images by classifiers that did not learn from them."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gan_aug.classifiers.classifier import Predict
from gan_aug.images import Float32, Indices, LabeledImages, Labels
from gan_aug.progress import OnProgress, count_from, ignore_progress

__all__ = ["cross_fit", "cross_fit_error", "split_folds"]


def cross_fit(
    labeled: LabeledImages,
    *,
    folds: int,
    seed: int,
    train: Callable[[Indices, OnProgress], Any],
    predict: Predict,
    steps: int,
    on_progress: OnProgress = ignore_progress,
) -> Float32:
    """Predict labeled images, each by a classifier that learned from the other folds.

    Args:
        labeled: Images whose labels may be seen.
        folds: How many; at least 2.
        seed: Determines which images go together.
        train: Returns a fresh classifier, trained on images at these places.
        predict: Asks it.
        steps: Of each training.
        on_progress: Called with the steps of all trainings done.

    Returns:
        ``(n, classes)`` float32 probabilities.
    """
    held_out = np.empty((len(labeled), len(labeled.spec.classes)), dtype=np.float32)
    for fold, (learned, predicted) in enumerate(split_folds(labeled.labels, folds, seed=seed)):
        model = train(learned, count_from(fold * steps, on_progress))
        held_out[predicted] = predict(model, labeled.images[predicted])
    return held_out


def cross_fit_error(labeled: LabeledImages, **folds: Any) -> float:
    """Return how often classifiers err about images that they did not learn from, in [0, 1].

    Args:
        labeled: Images whose labels may be seen.
        folds: Folds and trainings, as for :func:`cross_fit`.
    """
    held_out = cross_fit(labeled, **folds)
    return float((held_out.argmax(axis=1) != labeled.labels).mean())


def split_folds(labels: Labels, folds: int, *, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Yield the images to train on and those to predict, each image predicted once.

    Args:
        labels: ``(n,)`` of the labeled images; every class is spread evenly over the folds. A class
            of fewer images than folds is in some of them.
        folds: How many; at least 2.
        seed: Determines which images go together.
    """
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415 - a second to import

    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splits = list(splitter.split(labels, labels))
    yield from splits
