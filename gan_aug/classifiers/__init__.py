"""The classifiers that arms are compared with: one file and one line below for each."""

from collections.abc import Mapping

from gan_aug.classifiers.classifier import Classifier
from gan_aug.classifiers.cnn import CNN
from gan_aug.classifiers.lightgbm import LIGHTGBM
from gan_aug.classifiers.random_forest import RANDOM_FOREST

__all__ = ["CLASSIFIERS"]

CLASSIFIERS: Mapping[str, Classifier] = {
    classifier.name: classifier
    for classifier in (
        CNN,
        LIGHTGBM,
        RANDOM_FOREST,
    )
}
"""Name → classifier, in the order of tables."""
