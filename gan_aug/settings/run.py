"""Every setting of a run, with its default, its range and its meaning.

These models are the one source of the command's flags, the form in the Prefect UI and
``config.json``. A field's default is its value in the ``quick`` preset; the other presets say
what they change.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

__all__ = [
    "PRESETS",
    "AnomalyConfig",
    "ArmName",
    "AugmentationConfig",
    "BoostingConfig",
    "Classifier",
    "CnnConfig",
    "ComparisonConfig",
    "DcganConfig",
    "Detector",
    "Device",
    "GatesConfig",
    "JudgeConfig",
    "Labels",
    "Part",
    "PicturesConfig",
    "Precision",
    "Preset",
    "PseudoLabelConfig",
    "QualityConfig",
    "RunConfig",
    "SganConfig",
    "StudyConfig",
    "SynthesisConfig",
    "TeacherName",
    "flatten",
    "resolve_config",
    "resolve_pictures_config",
    "to_flags",
    "to_source_flags",
    "to_study_flags",
]

Preset = Literal["smoke", "quick", "chapter", "paper"]
Device = Literal["auto", "cpu", "gpu"]
Precision = Literal["auto", "float32", "bfloat16"]
Labels = Annotated[int, Field(ge=10)] | Literal["all"]
Classifier = Literal["cnn", "lightgbm"]
TeacherName = Literal["original", "shift", "sgan"]
Part = Literal["train", "validation", "test"]
Detector = Literal["logit", "feature-distance", "isolation-forest", "local-outlier-factor"]
ArmName = Literal["original", "gan", "shift", "gan+shift", "real_pool", "synthetic_only", "repeat"]

Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]


class StageConfig(BaseModel):
    """Settings of one stage: immutable, and closed to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CnnConfig(StageConfig):
    """The convolutional classifier: the teacher, and the students of every arm."""

    updates: Count = Field(
        600,
        description="Fewest optimizer updates; every arm gets the same number, whatever its size.",
    )
    epochs: Annotated[float, Field(ge=0)] = Field(
        8.0, description="Take more updates where these passes over the labeled images need them."
    )
    batch_size: Count = Field(64, description="Images per update.")
    learning_rate: Rate = Field(
        1e-3, description="Adam's first learning rate; it falls to zero along a cosine."
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        description="Share of each target that is spread evenly over all digits. It also lowers "
        "the confidence of the teacher's labels.",
    )

    def plan_updates(self, labels: int) -> Self:
        """Return the settings with the updates that so many labeled images get, in any arm."""
        updates = max(self.updates, math.ceil(self.epochs * labels / self.batch_size))
        return self.model_copy(update={"updates": updates, "epochs": 0.0})


class DcganConfig(StageConfig):
    """The generator, the discriminator and how the two are trained."""

    architecture: Literal["compact", "chapter", "paper"] = Field(
        "compact",
        description="`chapter`: the networks of the book chapter. `paper`: those of the DCGAN "
        "paper. `compact`: far smaller ones.",
    )
    latent_dim: Count = Field(100, description="Length of the noise vector the generator reads.")
    generator_width: Annotated[int, Field(ge=8, multiple_of=8)] = Field(
        64, description="Channels of the generator's first feature map; later maps have fewer."
    )
    discriminator_width: Count = Field(
        16, description="Channels of the discriminator's first feature map; later maps have more."
    )
    clusters: Annotated[int, Field(ge=0)] = Field(
        600,
        description="Groups of similar training images, found by k-means without labels, that both "
        "networks are told of; 0 for none.",
    )
    gradient_penalty: Annotated[float, Field(ge=0)] = Field(
        0.1, description="Weight of the R1 penalty on the discriminator; 0 for none."
    )
    penalty_interval: Count = Field(
        8, description="Take the penalty every so many steps, with as many times the weight."
    )
    discriminator_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Dropout after each of the discriminator's convolutions."
    )
    feature_matching: bool = Field(
        False,
        description="Have the generator bring the mean of the discriminator's features for its "
        "images to that for real ones, instead of having its images taken for real.",
    )
    minibatch_discrimination: Annotated[int, Field(ge=0)] = Field(
        0,
        description="Features that tell the discriminator how close an image is to the others of "
        "its batch; 0 for none.",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        0.0, description="Subtract this from the discriminator's target for real images, 1."
    )
    historical_averaging: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="Weight of the squared distance of both networks' weights from their mean over "
        "all steps before; 0 for none.",
    )
    virtual_batch_normalization: Annotated[int, Field(ge=0)] = Field(
        0,
        description="Normalize the generator's feature maps by those of a reference batch of this "
        "size, which never changes, instead of by the batch's; 0 for none.",
    )
    steps: Count = Field(12_000, description="Updates of each of the two networks.")
    batch_size: Count = Field(64, description="Real images, and as many generated ones, per step.")
    optimizer: Literal["adam", "rmsprop"] = Field("adam", description="Optimizer of both networks.")
    adam_beta_1: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.5, description="Adam's decay of the mean gradient; RMSprop has none."
    )
    generator_learning_rate: Rate = Field(1e-3, description="Learning rate of the generator.")
    discriminator_learning_rate: Rate = Field(
        1e-3, description="Learning rate of the discriminator."
    )
    generator_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="The generator's rate at step t is divided by 1 + decay * t."
    )
    discriminator_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="The discriminator's rate at step t is divided by 1 + decay * t."
    )
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.9995, description="Memory of the running average of the generator's weights, per step."
    )
    interval: Count = Field(
        500, description="Steps between checkpoints; each logs losses and saves a sample grid."
    )

    @property
    def mixes_images(self) -> bool:
        """Whether an image's logit depends on the other images of a batch, in training."""
        return self.architecture == "paper" or self.minibatch_discrimination > 0

    @model_validator(mode="after")
    def refuse_penalty_of_batches(self) -> Self:
        """R1 is about the slope of one image's logit with respect to that image."""
        if self.gradient_penalty and self.mixes_images:
            mixer = (
                "minibatch discrimination"
                if self.minibatch_discrimination
                else "the batch normalization of the architecture paper"
            )
            raise ValueError(
                "expected gradient-penalty 0 for a discriminator whose logits depend on the other "
                f"images of a batch, by {mixer}, found {self.gradient_penalty}; set "
                "--dcgan.gradient-penalty 0"
            )
        return self


class SynthesisConfig(StageConfig):
    """How many images the trained generator makes."""

    images: Count = Field(15_000, description="Synthetic images offered to the teacher.")


class PseudoLabelConfig(StageConfig):
    """Who labels synthetic and unlabeled images, and which of the labels are believed."""

    teacher: TeacherName = Field(
        "shift",
        description="A CNN, trained on the labeled images alone (`original`) or with shifted, "
        "turned and scaled copies of them (`shift`); or a semi-supervised GAN, trained on the "
        "labeled images and on all training images without their labels (`sgan`).",
    )
    teachers: Count = Field(
        1, description="Networks whose probabilities are averaged; they differ in their seeds."
    )
    calibration_folds: Annotated[int, Field(ge=0, le=10)] = Field(
        0,
        description="Divide the teachers' logits by a temperature, fitted to labeled images that a "
        "CNN trained on the other folds predicts; 0 leaves them as they are, and is the only "
        "choice with `sgan`.",
    )
    confidence_threshold: Share = Field(
        0.9, description="Accept an image only if the teacher's top probability is at least this."
    )
    margin_threshold: Share = Field(
        0.0, description="And only if the second probability is lower by at least this."
    )
    per_class: Count = Field(
        1000,
        description="Images of a digit to accept, on average or at most: see `balance`. As many "
        "transformed copies are in the `shift` arms, and in what the teacher is trained on.",
    )
    balance: Literal["none", "cap", "equal"] = Field(
        "cap",
        description="`cap`: at most `per_class` images of every digit. `equal`: as many of every "
        "digit as the scarcest has. `none`: whatever comes first, ten times `per_class` in all.",
    )
    labels: Literal["soft", "hard"] = Field(
        "soft",
        description="Train on the teacher's probabilities (`soft`) or on its top class (`hard`).",
    )

    @field_validator("calibration_folds")
    @classmethod
    def refuse_impossible_folds(cls, folds: int, info: ValidationInfo) -> int:
        """A single fold would leave nothing to train on; only CNNs are trained on folds."""
        if folds == 1:
            raise ValueError("expected 0 for no calibration, or at least 2, found 1")
        if folds and info.data.get("teacher") == "sgan":
            raise ValueError(
                "expected 0 with the teacher `sgan`, whose temperature is not fitted, found "
                f"{folds}"
            )
        return folds


class SganConfig(StageConfig):
    """The semi-supervised GAN, a teacher that learns from unlabeled images too."""

    updates: Count = Field(6000, description="Updates of each of its two networks.")
    batch_size: Count = Field(
        100, description="Unlabeled images, and as many generated ones, per update."
    )
    labeled_batch_size: Count = Field(100, description="Labeled images per update.")
    learning_rate: Rate = Field(3e-3, description="Adam's learning rate, of both networks.")
    falling_share: Share = Field(
        0.33, description="The rate falls to 0 along a line over this last share of the updates."
    )
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.999,
        description="Memory of the running average of the discriminator's weights, per update.",
    )


class AugmentationConfig(StageConfig):
    """How a training set is made of the labeled images and what is added to them."""

    added_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.5,
        description="Share of the training weight that all added images carry together; less where "
        "one of them would count more than a labeled one.",
    )
    shift: Annotated[float, Field(ge=0, lt=14)] = Field(
        2.0,
        description="The `shift` arms, and what the teacher is trained on, move an image by at "
        "most this many pixels either way.",
    )
    rotation: Annotated[float, Field(ge=0, le=180)] = Field(
        10.0, description="They turn it by at most this many degrees."
    )
    zoom: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="They scale it by at most this share, up or down."
    )


class BoostingConfig(StageConfig):
    """The LightGBM classifier of every arm."""

    rounds: Count = Field(100, description="Boosting rounds; every arm gets the same number.")
    learning_rate: Rate = Field(0.1, description="Shrinkage of each tree.")
    num_leaves: Annotated[int, Field(ge=2)] = Field(31, description="Most leaves in a tree.")
    max_bin: Annotated[int, Field(ge=2, le=255)] = Field(
        63, description="Most histogram bins for a pixel's values."
    )
    colsample_bytree: Annotated[float, Field(gt=0, le=1)] = Field(
        0.1, description="Share of the pixels that each tree may look at."
    )


class ComparisonConfig(StageConfig):
    """How sure the comparison has to be."""

    confidence_level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.95, description="Coverage of the intervals."
    )
    resamples: Annotated[int, Field(ge=100)] = Field(
        2000, description="Bootstrap resamples of the paired predictions."
    )


class JudgeConfig(CnnConfig):
    """The CNN that judges the synthetic images; it labels and selects nothing."""

    updates: Count = Field(
        4687, description="Optimizer updates; the default is 12 epochs of 50,000 images."
    )
    epochs: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Take more updates where these passes over the training images need them."
    )
    batch_size: Count = Field(128, description="Images per update.")
    learning_rate: Rate = Field(
        1.5e-3, description="Adam's first learning rate; it falls to zero along a cosine."
    )


class QualityConfig(StageConfig):
    """How the synthetic images are judged."""

    enabled: bool = Field(
        False,
        description="Measure the synthetic images. It costs one training of the judge on all "
        "training labels, about ten minutes on two cores; the store keeps it for later runs.",
    )
    images: Annotated[int, Field(ge=10)] = Field(
        10_000, description="Synthetic images to measure, and training images beside them."
    )
    neighbors: Count = Field(
        5, description="Neighbours in precision, recall, density and coverage."
    )
    judge: JudgeConfig = Field(default=JudgeConfig(), description="Training of the judge.")


class GatesConfig(StageConfig):
    """What ends a run as failed, after its report."""

    enabled: bool = Field(
        False,
        description="Fail where the data are not those of the run before of the same settings, "
        "where an accuracy's interval lies below what it was, or where the GAN collapsed.",
    )
    smallest_class_share: Share = Field(
        0.02, description="Share of the synthetic images that every digit must have."
    )
    largest_frechet_ratio: Rate = Field(
        5.0,
        description="Highest Fréchet distance, in multiples of the floor; only where quality is "
        "measured.",
    )


class RunConfig(StageConfig):
    """One run of the pipeline, from the data to the comparison."""

    dataset: str = Field(
        "mnist",
        min_length=1,
        description="`mnist`; `digits` (8x8 digits enlarged, no network); `auto` (MNIST, or digits "
        "where it can't be had); or a path: a Keras `.npz`, a folder of IDX files, `mnist.pkl.gz`.",
    )
    labels: Labels = Field(
        1000, description="Labeled training images, balanced over classes; or `all` of them."
    )
    arms: tuple[ArmName, ...] = Field(
        ("original", "gan"),
        description="Training sets to compare; `original` is always one. `shift`: with moved, "
        "turned and scaled copies; `gan+shift`: with both; `real_pool`: with unlabeled real images "
        "that the teacher labeled; `synthetic_only`; `repeat`: the original over and over.",
    )
    classifiers: Annotated[tuple[Classifier, ...], Field(min_length=1)] = Field(
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
    cnn: CnnConfig = Field(default=CnnConfig(), description="The CNN, teacher and student.")
    dcgan: DcganConfig = Field(default=DcganConfig(), description="The DCGAN.")
    synthesis: SynthesisConfig = Field(default=SynthesisConfig(), description="Generation.")
    pseudo_labels: PseudoLabelConfig = Field(
        default=PseudoLabelConfig(),
        description="Labels for the synthetic images, and for unlabeled real ones.",
    )
    sgan: SganConfig = Field(
        default=SganConfig(), description="The semi-supervised GAN, where it is the teacher."
    )
    augmentation: AugmentationConfig = Field(
        default=AugmentationConfig(), description="The augmented training set."
    )
    boosting: BoostingConfig = Field(default=BoostingConfig(), description="LightGBM.")
    quality: QualityConfig = Field(
        default=QualityConfig(), description="Judgement of the synthetic images."
    )
    comparison: ComparisonConfig = Field(default=ComparisonConfig(), description="Statistics.")
    gates: GatesConfig = Field(default=GatesConfig(), description="Alarms of scheduled runs.")

    @field_validator("arms")
    @classmethod
    def begin_with_original(cls, arms: tuple[ArmName, ...]) -> tuple[ArmName, ...]:
        """Put ``original`` first, where every other arm can be compared with it, each arm once."""
        return tuple(dict.fromkeys(("original", *arms)))


class PicturesConfig(StageConfig):
    """A DCGAN of pictures of any kind, without labels or classifiers."""

    source: str = Field(
        "colored-digits",
        min_length=1,
        description="`colored-digits` (8x8 digits, enlarged and tinted), or a path: a folder of "
        "image files, or an `.npz` with an array `images` or `x_train`.",
    )
    side: Annotated[int, Field(ge=16, le=256, multiple_of=4)] | None = Field(
        None,
        description="Pixels a side that pictures are resized to; by default 64, and for an `.npz` "
        "as they are.",
    )
    seed: Seed = Field(0, description="Seed of the networks and of every sample.")
    device: Device = Field(
        "auto", description="Where to train: `auto` takes a GPU where there is one."
    )
    precision: Precision = Field("auto", description="As for a run.")
    dcgan: DcganConfig = Field(default=DcganConfig(), description="The DCGAN.")


class StudyConfig(StageConfig):
    """A study: runs over label budgets and draws, and their means."""

    budgets: Annotated[tuple[Labels, ...], Field(min_length=1)] = Field(
        (100, 1000), description="Numbers of labels, or `all`."
    )
    draws: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (5,),
        description="Seeds of every budget, counted from the run's; one number for all budgets, or "
        "one for each.",
    )
    run: RunConfig = Field(
        default=RunConfig(),
        description="Settings of every run; labels and seed come from the grid.",
    )

    @model_validator(mode="after")
    def match_draws_and_budgets(self) -> Self:
        """Refuse numbers of draws that fit no budget, and a budget named twice."""
        if len(self.draws) not in {1, len(self.budgets)}:
            raise ValueError(
                f"draws: expected one number, or one for each of {len(self.budgets)} budgets, "
                f"found {len(self.draws)}"
            )
        if len(set(self.budgets)) < len(self.budgets):
            raise ValueError(f"budgets: expected each once, found {list(self.budgets)}")
        return self

    def list_runs(self) -> list[RunConfig]:
        """Return the settings of every run, draw by draw, so that a DCGAN is trained and reused."""
        draws = self.draws * len(self.budgets) if len(self.draws) == 1 else self.draws
        return [
            self.run.model_copy(update={"labels": budget, "seed": self.run.seed + draw})
            for draw in range(max(draws))
            for budget, count in zip(self.budgets, draws, strict=True)
            if draw < count
        ]


class AnomalyConfig(StageConfig):
    """Which images a discriminator is to find anomalous."""

    source: str = Field(
        min_length=1,
        description="Name of a run, or path of the `discriminator.keras` that a run left.",
    )
    dataset: str | None = Field(
        None,
        min_length=1,
        description="Data set to rank, as for `gan-aug run`; by default the run's.",
    )
    part: Part = Field("validation", description="Part of the data set to rank.")
    by: Detector = Field(
        "feature-distance", description="What to rank by; all four are evaluated in any case."
    )
    leave_one_out: bool = Field(
        False,
        description="Also train a DCGAN without each digit, as the run's was trained, and tell how "
        "well that digit is found.",
    )
    steps: Count | None = Field(
        None, description="Steps of these trainings, where not as many as the run's."
    )


SMOKE: dict[str, Any] = {
    "labels": 100,
    "cnn": {"updates": 40, "epochs": 0, "batch_size": 32},
    "dcgan": {
        "generator_width": 16,
        "discriminator_width": 8,
        "clusters": 20,
        "steps": 60,
        "batch_size": 32,
        "interval": 30,
    },
    "synthesis": {"images": 500},
    "pseudo_labels": {"confidence_threshold": 0.2, "per_class": 50},
    "sgan": {"updates": 60},
    "boosting": {"rounds": 10},
    "quality": {"images": 500, "judge": {"updates": 40, "batch_size": 32}},
    "comparison": {"resamples": 500},
}

# The chapter trains its CNN for 100 epochs; 12 with label smoothing reach the same accuracy. A
# teacher trained on targets of 0.91 is hardly ever surer than that. The DCGAN's decays are those of
# the Keras optimizers of the chapter's day.
CHAPTER: dict[str, Any] = {
    "labels": "all",
    "cnn": {"epochs": 12, "label_smoothing": 0.1},
    "dcgan": {
        "architecture": "chapter",
        "clusters": 0,
        "gradient_penalty": 0.0,
        "generator_width": 256,
        "discriminator_width": 64,
        "discriminator_dropout": 0.3,
        "steps": 10_000,
        "batch_size": 256,
        "optimizer": "rmsprop",
        "generator_learning_rate": 1e-4,
        "discriminator_learning_rate": 2e-4,
        "generator_decay": 3e-8,
        "discriminator_decay": 6e-8,
        "interval": 500,
    },
    "synthesis": {"images": 75_000},
    "pseudo_labels": {"teacher": "original", "per_class": 5000, "confidence_threshold": 0.8},
}

# Radford et al. (2015), section 4; widths as in the paper's figure 1 and in its published code.
PAPER: dict[str, Any] = {
    "labels": "all",
    "cnn": {"epochs": 12},
    "dcgan": {
        "architecture": "paper",
        "clusters": 0,
        "gradient_penalty": 0.0,
        "generator_width": 1024,
        "discriminator_width": 128,
        "steps": 10_000,
        "batch_size": 128,
        "generator_learning_rate": 2e-4,
        "discriminator_learning_rate": 2e-4,
        "ema_momentum": 0.0,
    },
    "synthesis": {"images": 75_000},
    "pseudo_labels": {"per_class": 5000},
}

PRESETS: dict[Preset, dict[str, Any]] = {
    "smoke": SMOKE,
    "quick": {},
    "chapter": CHAPTER,
    "paper": PAPER,
}


def resolve_config(preset: Preset, overrides: Mapping[str, Any] | None = None) -> RunConfig:
    """Build the configuration of a preset with some fields changed.

    Args:
        preset: Name of the preset to start from.
        overrides: Fields to change, nested as in :class:`RunConfig`:
            ``{"labels": 500, "dcgan": {"steps": 2000}}``.

    Returns:
        The complete configuration.

    Raises:
        pydantic.ValidationError: A field is unknown or out of its range.
    """
    return RunConfig.model_validate(merge(PRESETS[preset], overrides or {}))


def resolve_pictures_config(preset: Preset, overrides: Mapping[str, Any]) -> PicturesConfig:
    """Build the settings of a DCGAN of pictures from those of a preset's DCGAN.

    Args:
        preset: Name of the preset to start from.
        overrides: Fields to change, nested as in :class:`PicturesConfig`.

    Raises:
        pydantic.ValidationError: A field is unknown or out of its range.
    """
    base = {"dcgan": PRESETS[preset].get("dcgan", {})}
    return PicturesConfig.model_validate(merge(base, overrides))


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``changes`` laid over it, field by field, at every depth."""
    merged = dict(base)
    for field, value in changes.items():
        if isinstance(value, Mapping):
            merged[field] = merge(merged.get(field, {}), value)
        else:
            merged[field] = value
    return merged


def to_flags(config: RunConfig) -> list[str]:
    """Return the command-line flags that turn the ``quick`` preset into ``config``."""
    return ["--dataset", config.dataset, *list_changes(config, RunConfig(dataset=config.dataset))]


def to_source_flags(config: PicturesConfig | AnomalyConfig) -> list[str]:
    """Return the source, and the flags that turn the defaults for it into ``config``."""
    return [config.source, *list_changes(config, type(config)(source=config.source))]


def list_changes(config: BaseModel, default: BaseModel) -> list[str]:
    """Return the flags of all settings that differ from the defaults."""
    defaults = flatten(default.model_dump())
    return [
        word
        for name, value in flatten(config.model_dump()).items()
        if value != defaults[name]
        for word in to_words(f"--{name.replace('_', '-')}", value)
    ]


def to_words(flag: str, value: Any) -> list[str]:
    """Return a flag with its value, as often as it takes."""
    if isinstance(value, tuple):
        return [word for item in value for word in (flag, str(item))]
    if isinstance(value, bool):
        return [flag] if value else [f"{flag}=False"]
    return [flag, str(value)]


def to_study_flags(config: StudyConfig) -> list[str]:
    """Return the command-line flags that make the default study into ``config``."""
    budgets = [word for budget in config.budgets for word in ("--budgets", str(budget))]
    draws = [word for count in config.draws for word in ("--draws", str(count))]
    return [*budgets, *draws, *to_flags(config.run)]


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn ``{"dcgan": {"steps": 1}}`` into ``{"dcgan.steps": 1}``."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
