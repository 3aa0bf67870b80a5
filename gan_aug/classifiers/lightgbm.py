"""The LightGBM classifier on raw pixels: the tree baseline of every arm."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import Field

from gan_aug.classifiers.classifier import Classifier, ClassifierConfig
from gan_aug.classifiers.rows import expand_targets, flatten_images
from gan_aug.device import Compute
from gan_aug.images import Float32, Images, Shape, TrainingSet
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.base import END, Count, Rate
from gan_aug.store.files import atomic_file

if TYPE_CHECKING:
    import lightgbm

__all__ = ["LIGHTGBM", "LightgbmConfig", "predict_probabilities", "train_lightgbm"]

BYTES_PER_VALUE = 17_000 / 784  # of a row's pixels
LABELS_PER_LEAF_IMAGE = 50


class LightgbmConfig(ClassifierConfig):
    """The LightGBM classifier of every arm."""

    rounds: Count = Field(300, description="Boosting rounds; every arm gets the same number.")
    learning_rate: Rate = Field(0.1, description="Shrinkage of each tree.")
    num_leaves: Annotated[int, Field(ge=2, lt=END)] = Field(
        31, description="Most leaves in a tree."
    )
    min_child_samples: Count = Field(
        20,
        description="Fewest images in a leaf; a fiftieth of the labels where that is less, since "
        "trees of few images could not split at all.",
    )
    max_bin: Annotated[int, Field(ge=2, le=255)] = Field(
        15, description="Most histogram bins for a pixel's values."
    )
    colsample_bytree: Annotated[float, Field(gt=0, le=1)] = Field(
        0.1, description="Share of the pixels that each tree may look at."
    )

    def plan(self, labels: int) -> Self:
        """Return the settings with leaves that so many labeled images can fill, in any arm."""
        fewest = max(1, min(self.min_child_samples, labels // LABELS_PER_LEAF_IMAGE))
        return self.model_copy(update={"min_child_samples": fewest})

    @property
    def steps(self) -> int:
        """One a round."""
        return self.rounds


def train_lightgbm(
    training_set: TrainingSet,
    config: LightgbmConfig,
    *,
    seed: int,
    compute: Compute | None = None,  # noqa: ARG001 - trees grow on the CPU in any case
    on_progress: OnProgress = ignore_progress,
) -> "lightgbm.Booster":
    """Train gradient-boosted trees for a fixed number of rounds.

    A class without an image keeps a probability of next to nothing, and its place.

    Args:
        training_set: Images, target distributions and weights; a soft target becomes one weighted
            row for each class the teacher gives at least 1%.
        config: Rounds and tree settings.
        seed: Determines the pixels each tree sees.
        compute: Not used.
        on_progress: Called after each round, with the log-loss of the training images.

    Returns:
        The trained booster, which LightGBM saves as text.
    """
    import lightgbm  # noqa: PLC0415 - --help must not wait

    rows, labels, weights = expand_targets(training_set)
    # Not LGBMClassifier, which leaves out the classes that no row has.
    model = lightgbm.LGBMModel(
        objective="multiclass",
        num_class=training_set.classes,
        n_estimators=config.rounds,
        learning_rate=config.learning_rate,
        num_leaves=config.num_leaves,
        min_child_samples=config.min_child_samples,
        max_bin=config.max_bin,
        colsample_bytree=config.colsample_bytree,
        random_state=seed,
        deterministic=True,
        force_col_wise=True,
        verbose=-1,
    )

    def report(env: Any) -> None:
        [(_, _, loss, *_)] = env.evaluation_result_list
        on_progress(env.iteration + 1, {"loss": loss})

    pixels = flatten_images(training_set.images[rows])
    # LightGBM knows the scores of the very rows that it trains on.
    model.fit(
        pixels, labels, sample_weight=weights, eval_X=pixels, eval_y=labels, callbacks=[report]
    )
    return model.booster_


def predict_probabilities(
    model: "lightgbm.Booster", images: Images, on_progress: OnProgress = ignore_progress
) -> Float32:
    """Return the ``(n, classes)`` float32 class probabilities of uint8 images."""
    probabilities = np.asarray(model.predict(flatten_images(images))).astype(np.float32)
    on_progress(len(images), {})
    return probabilities


class LightgbmFormat:
    """A booster as LightGBM's text."""

    def save(self, folder: Path, value: "lightgbm.Booster") -> None:
        """Write a trained booster."""
        with atomic_file(folder / LIGHTGBM.file, "w") as file:
            file.write(value.model_to_string())

    def load(self, folder: Path) -> "lightgbm.Booster":
        """Read it back."""
        import lightgbm  # noqa: PLC0415 - --help must not wait

        return lightgbm.Booster(model_file=folder / LIGHTGBM.file)


def estimate_memory(shape: Shape, _classes: int, _config: LightgbmConfig, rows: int) -> float:
    """Estimate the bytes of the rows as floats and bins."""
    return BYTES_PER_VALUE * float(np.prod(shape)) * rows


LIGHTGBM = Classifier(
    name="lightgbm",
    title="LightGBM",
    phrase="LightGBM",
    description="LightGBM.",
    settings=LightgbmConfig,
    train=train_lightgbm,
    predict=predict_probabilities,
    format=LightgbmFormat(),
    file="lightgbm.txt",
    estimate_memory=estimate_memory,
    remedy="--labels or --pseudo-labels.per-class",
    uses_device=False,
)
