"""One run of the pipeline.

The models of the settings are the one source of the command's flags, the form in the Prefect UI
and ``config.json``. A field's default is its value in the ``quick`` preset; the other presets say
what they change.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, create_model, field_validator

from gan_aug.arms import ARMS
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.classifiers.classifier import Classifier
from gan_aug.settings.augmentation import AugmentationConfig
from gan_aug.settings.base import AutoBudget, Device, Precision, Seed
from gan_aug.settings.data import DataConfig
from gan_aug.settings.dcgan import DcganConfig, SynthesisConfig
from gan_aug.settings.encoder import EncoderConfig
from gan_aug.settings.evaluation import ComparisonConfig, GatesConfig, QualityConfig
from gan_aug.settings.pseudo_labels import PseudoLabelConfig
from gan_aug.teachers import TEACHERS

__all__ = ["ArmName", "ClassifierName", "RunConfig"]

if TYPE_CHECKING:
    ArmName = str
    ClassifierName = str
else:
    ArmName = Literal[tuple(ARMS)]
    ClassifierName = Literal[tuple(CLASSIFIERS)]


class RunBasics(DataConfig):
    """What a run compares, on which data."""

    labels: AutoBudget = Field(
        "auto",
        description="Labeled training images to use, as many of every class as the data allow; or "
        "`all` of them. `auto`: all where the data have unlabeled images too, or no more than "
        "1,000 labels; else 1,000. At least one of every class.",
    )
    arms: tuple[ArmName, ...] = Field(
        ("original", "gan"),
        description="Training sets to compare; `original` is always one. "
        + "; ".join(f"`{name}`: {arm.description}" for name, arm in ARMS.items())
        + ".",
    )
    classifiers: Annotated[tuple[ClassifierName, ...], Field(min_length=1)] = Field(
        ("cnn", "lightgbm"),
        description="Classifiers to compare; the teacher is a network in any case.",
    )
    seed: Seed = Field(0, description="Seed of the labeled subset, of every network and sample.")
    device: Device = Field(
        "auto", description="Where to train: `auto` takes a GPU where there is one."
    )
    precision: Precision = Field(
        "auto",
        description="Of the networks' arithmetic: `auto` takes bfloat16 where the hardware is "
        "faster in it (GPUs; CPUs with AMX, AMD's with AVX512-BF16), else float32.",
    )

    @field_validator("arms")
    @classmethod
    def begin_with_original(cls, arms: tuple[ArmName, ...]) -> tuple[ArmName, ...]:
        """Put ``original`` first, where every other arm can be compared with it, each arm once."""
        return tuple(dict.fromkeys(("original", *arms)))


if TYPE_CHECKING:
    RegisteredSettings = RunBasics
else:
    # Whatever is registered brings its own settings.
    RegisteredSettings = create_model(
        "RegisteredSettings",
        __base__=RunBasics,
        **{
            part.name: (part.settings, Field(default=part.settings(), description=part.description))
            for part in (*CLASSIFIERS.values(), *TEACHERS.values())
            if part.settings
        },
    )


EVERYDAY = ("dataset", "labels", "arms", "classifiers", "seed", "device", "gates")


def fold_others(schema: dict[str, Any]) -> None:
    """Have the form of the Prefect UI show everyday settings alone; all are still checked.

    The form shows ``properties``. The others are patterns, which match their names alone.
    """
    fields = schema["properties"]
    schema["properties"] = {name: fields.pop(name) for name in EVERYDAY}
    schema["patternProperties"] = {f"^{name}$": field for name, field in fields.items()}


class RunConfig(RegisteredSettings):
    """One run of the pipeline, from the data to the comparison."""

    model_config = ConfigDict(json_schema_extra=fold_others)

    encoder: EncoderConfig = Field(
        default=EncoderConfig(),
        description="What the teacher `consistency` begins as.",
    )
    dcgan: DcganConfig = Field(default=DcganConfig(), description="The DCGAN.")
    synthesis: SynthesisConfig = Field(default=SynthesisConfig(), description="Generation.")
    pseudo_labels: PseudoLabelConfig = Field(
        default=PseudoLabelConfig(),
        description="Labels for the synthetic images, and for unlabeled real ones.",
    )
    augmentation: AugmentationConfig = Field(
        default=AugmentationConfig(), description="The augmented training set."
    )
    quality: QualityConfig = Field(
        default=QualityConfig(), description="Judgement of the synthetic images."
    )
    comparison: ComparisonConfig = Field(default=ComparisonConfig(), description="Statistics.")
    gates: GatesConfig = Field(default=GatesConfig(), description="Alarms of scheduled runs.")

    def of(self, classifier: Classifier) -> Any:
        """Return the settings of a classifier, of its type :attr:`Classifier.settings`."""
        return getattr(self, classifier.name)

    def plan(self, labels: int, images: int) -> Self:
        """Return the settings for so many labeled images: the same for every arm.

        Args:
            labels: How many training images are labeled.
            images: How many training images there are.
        """
        planned = {name: self.of(part).plan(labels) for name, part in CLASSIFIERS.items()}
        planned["pseudo_labels"] = self.pseudo_labels.plan(labels, images)
        return self.model_copy(update=planned)
