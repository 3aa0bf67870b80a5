"""What a classifier is: how it is trained, asked, stored and named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from gan_aug.images import Float32, Images, Shape, TrainingSet
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.base import StageConfig
from gan_aug.stage import Format

__all__ = ["Classifier", "ClassifierConfig", "Predict", "Train"]


class ClassifierConfig(StageConfig):
    """Settings of a classifier: the same for every arm of a run."""

    def plan(self, labels: int) -> Self:  # noqa: ARG002 - for the classifiers that depend on it
        """Return the settings for so many labeled images, whatever an arm adds to them."""
        return self

    @property
    def steps(self) -> int:
        """How many steps of progress a training tells."""
        return 1


class Train(Protocol):
    """How a classifier is trained."""

    def __call__(
        self,
        training_set: TrainingSet,
        config: Any,
        *,
        seed: int,
        compute: Any,
        on_progress: OnProgress = ignore_progress,
    ) -> Any:
        """Return a fresh model, trained.

        Args:
            training_set: Images, target distributions and weights; there may be classes without an
                image.
            config: Settings of the classifier.
            seed: Determines everything random.
            compute: Device, precision and compilation; for classifiers that use a device.
            on_progress: Called with the number of steps done.
        """


class Predict(Protocol):
    """How a classifier is asked."""

    def __call__(
        self, model: Any, images: Images, on_progress: OnProgress = ignore_progress
    ) -> Float32:
        """Return ``(n, classes)`` float32 probabilities; a column for every class of the data set.

        Args:
            model: Trained.
            images: uint8, as those it was trained on.
            on_progress: Called with the number of images done.
        """


@dataclass(frozen=True)
class Classifier:
    """An entry of the registry: everything that the rest of the program knows of a classifier.

    Attributes:
        name: In settings, flags and tables: ``cnn``.
        title: By itself, for people: ``CNN``.
        phrase: Within a sentence: ``the CNN``.
        description: Of its settings.
        settings: Type of its settings, all of which have defaults.
        train: Trains a fresh model.
        predict: Asks it.
        format: How a trained model is stored.
        file: Name of the file that :attr:`format` writes.
        estimate_memory: Bytes that a training takes beside its training set, for images of a
            shape, a number of classes, the settings and a number of rows: images, each counted as
            often as it has classes in a soft target.
        remedy: Flags to lower where memory is short.
        uses_device: Whether results depend on the device and precision that networks compute in.
    """

    name: str
    title: str
    phrase: str
    description: str
    settings: type[ClassifierConfig]
    train: Train
    predict: Predict
    format: Format[Any]
    file: str
    estimate_memory: Callable[[Shape, int, Any, int], float]
    remedy: str
    uses_device: bool
