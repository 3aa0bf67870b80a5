"""scikit-learn's random forest on raw pixels: what many would try first on a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from gan_aug.classifiers.classifier import Classifier, ClassifierConfig
from gan_aug.classifiers.rows import expand_targets, flatten_images
from gan_aug.images import Float32, Images, Shape, TrainingSet
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.base import Count
from gan_aug.store.files import atomic_file

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

__all__ = ["RANDOM_FOREST", "RandomForestConfig", "predict_probabilities", "train_random_forest"]

# What a forest is made of that skops does not know: arrays that scikit-learn itself reads back.
TRUSTED = ["sklearn.tree._tree.Tree"]
BYTES_PER_VALUE = 4
BYTES_PER_NODE_AND_CLASS = 8


class RandomForestConfig(ClassifierConfig):
    """The random forest of every arm."""

    trees: Count = Field(200, description="Trees; every arm gets the same number.")
    min_samples_leaf: Count = Field(1, description="Fewest rows in a leaf.")


def train_random_forest(
    training_set: TrainingSet,
    config: RandomForestConfig,
    *,
    seed: int,
    compute: Any = None,  # noqa: ARG001 - trees grow on the CPU in any case
    on_progress: OnProgress = ignore_progress,
) -> "RandomForestClassifier":
    """Train a forest (Breiman, "Random forests", 2001) with scikit-learn's defaults.

    Args:
        training_set: Images, target distributions and weights; a soft target becomes one weighted
            row for each class the teacher gives at least 1%.
        config: Number of trees, and size of their leaves.
        seed: Determines the rows and pixels that each tree sees.
        compute: Not used.
        on_progress: Called once, at the end.

    Returns:
        The trained forest. It knows how many classes the data set has, also where it saw fewer.
    """
    from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415 - a second to import

    rows, labels, weights = expand_targets(training_set)
    forest = RandomForestClassifier(
        n_estimators=config.trees,
        min_samples_leaf=config.min_samples_leaf,
        random_state=seed,
        n_jobs=-1,
    )
    forest.fit(flatten_images(training_set.images[rows]), labels, sample_weight=weights)
    forest.classes_in_data_ = training_set.classes
    # Threads that ask the trees would add their answers in any order.
    forest.set_params(n_jobs=1)
    on_progress(1, {})
    return forest


def predict_probabilities(
    model: "RandomForestClassifier", images: Images, on_progress: OnProgress = ignore_progress
) -> Float32:
    """Return the ``(n, classes)`` float32 class probabilities of uint8 images.

    A class that the forest never saw has probability 0.
    """
    probabilities = np.zeros((len(images), model.classes_in_data_), dtype=np.float32)
    probabilities[:, model.classes_] = model.predict_proba(flatten_images(images))
    on_progress(len(images), {})
    return probabilities


class ForestFormat:
    """A forest as skops keeps it: arrays and JSON, of which nothing is executed when read."""

    def save(self, folder: Path, value: "RandomForestClassifier") -> None:
        """Write a trained forest."""
        import skops.io  # noqa: PLC0415 - it imports scikit-learn

        with atomic_file(folder / RANDOM_FOREST.file) as file:
            file.write(skops.io.dumps(value))

    def load(self, folder: Path) -> "RandomForestClassifier":
        """Read it back."""
        import skops.io  # noqa: PLC0415 - it imports scikit-learn

        forest: RandomForestClassifier = skops.io.load(folder / RANDOM_FOREST.file, trusted=TRUSTED)
        return forest


def estimate_memory(shape: Shape, classes: int, config: RandomForestConfig, rows: int) -> float:
    """Estimate the bytes of the rows, and of trees that have two nodes a row."""
    trees = config.trees * 2 * rows * BYTES_PER_NODE_AND_CLASS * classes
    return BYTES_PER_VALUE * float(np.prod(shape)) * rows + trees


RANDOM_FOREST = Classifier(
    name="random_forest",
    title="random forest",
    phrase="the random forest",
    description="scikit-learn's random forest.",
    settings=RandomForestConfig,
    train=train_random_forest,
    predict=predict_probabilities,
    format=ForestFormat(),
    file="random_forest.skops",
    estimate_memory=estimate_memory,
    remedy="--random-forest.trees",
    uses_device=False,
)
