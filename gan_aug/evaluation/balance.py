"""Accuracy that counts every class the same, however many images it has.

Both numbers follow from the confusion matrix, and are those of scikit-learn:
``balanced_accuracy_score``, and ``f1_score`` with ``average="macro"`` and ``zero_division=0``.
Those take predictions, which a stored score does not have.
"""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["measure_balanced_accuracy", "measure_macro_f1"]


def measure_balanced_accuracy(confusion: ArrayLike) -> float:
    """Return the mean recall of the classes that have images, in [0, 1].

    Args:
        confusion: ``(classes, classes)``, ``confusion[i][j]``: images of the i-th class that are
            taken for the j-th; at least one image in all.
    """
    counts = np.asarray(confusion, np.float64)
    images = counts.sum(axis=1)
    there = images > 0
    return float((counts.diagonal()[there] / images[there]).mean())


def measure_macro_f1(confusion: ArrayLike) -> float:
    """Return the mean F1 of the classes that have images or are predicted, in [0, 1].

    A class's F1 is the harmonic mean of its precision and recall; 0 where no image of it is right.

    Args:
        confusion: As of :func:`measure_balanced_accuracy`.
    """
    counts = np.asarray(confusion, np.float64)
    images_and_guesses = counts.sum(axis=0) + counts.sum(axis=1)
    there = images_and_guesses > 0
    return float((2 * counts.diagonal()[there] / images_and_guesses[there]).mean())
