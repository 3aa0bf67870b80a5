"""A sampler for imbalanced-learn that adds images of a GAN."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_sampling_strategy
from imblearn.utils._validation import ArraysTransformer
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from gan_aug.api.inputs import CallerData, read_caller_data
from gan_aug.api.session import open_session
from gan_aug.arms import ARMS, Material
from gan_aug.data.dataset import Dataset, assemble, describe_dataset
from gan_aug.data.labels import order_classes
from gan_aug.data.source import Part, Reading
from gan_aug.data.split import Origin, Split, check_trainable
from gan_aug.device import Compute
from gan_aug.errors import UserError
from gan_aug.images import (
    Decision,
    Float32,
    Images,
    Indices,
    PseudoLabels,
    SyntheticImages,
    check_classes,
    check_shape,
)
from gan_aug.seeding import derive_seed
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.teachers.ensemble import ask_networks, average_opinions

if TYPE_CHECKING:
    from gan_aug.stages import RunStages

__all__ = ["GanAugmenter"]

SMALLEST_ROUND = 500
OFFERS_PER_IMAGE = 5  # in a round, for each image that is still missing
MOST_ROUNDS = 20
IDLE_ROUNDS = 2  # without an accepted image

Strategy = str | float | Mapping[Any, int] | Callable[[Any], Mapping[Any, int]]


@dataclass
class Gathered:
    """Synthetic images, as far as they are accepted.

    Attributes:
        missing: ``(classes,)`` how many are still wanted of each class.
        images: Accepted images, round by round.
        probabilities: The teacher's opinion of them.
        offered: ``(classes,)`` generated images that the teacher took for each class.
    """

    missing: Indices
    offered: Indices
    images: list[Images] = field(default_factory=list)
    probabilities: list[Float32] = field(default_factory=list)

    def take(self, made: SyntheticImages, probabilities: Float32, threshold: float) -> None:
        """Accept images that the teacher is sure of, as many as are missing.

        It must take them for the class that they were meant to have, if they were meant to have
        one.
        """
        images = made.images
        labels = probabilities.argmax(axis=1)
        sure = probabilities.max(axis=1) >= threshold
        if made.intended is not None:
            sure &= labels == made.intended
        chosen = np.zeros(len(images), bool)
        for label, count in enumerate(self.missing):
            chosen[np.flatnonzero(sure & (labels == label))[:count]] = True
        self.offered += np.bincount(labels, minlength=len(self.missing))
        self.missing -= np.bincount(labels[chosen], minlength=len(self.missing))
        self.images.append(images[chosen])
        self.probabilities.append(probabilities[chosen])


class GanAugmenter(BaseOverSampler):  # type: ignore[misc] # imbalanced-learn ships no types
    """Over-sample images with those of a GAN.

    ``fit_resample`` trains a DCGAN on all images and a teacher on the labeled ones. It generates
    images until every class has as many accepted ones as the strategy asks for. The teacher names
    them, and accepts those that it is sure of. With ``{"dcgan": {"condition": "teacher"}}`` the
    teacher names all images before the DCGAN is trained, and both must agree.

    Args:
        sampling_strategy: Which classes get how many images, as imbalanced-learn's over-samplers
            take it: ``"auto"`` brings every class to the size of the largest; a dict or a callable
            says how many images a class has afterwards. Unlabeled images do not count.
        random_state: A seed, a ``RandomState``, or None for a random seed.
        preset: Settings to start from, as of ``gan-aug run``.
        settings: Settings to change, nested: ``{"dcgan": {"steps": 2000}}``.
        return_pool: Whether unlabeled images come back too, with their labels as they were.
        cache: Folder that keeps finished trainings, and the checkpoint of an interrupted one.
        verbose: 0 shows nothing; 1 shows a bar for each stage that takes long.

    Attributes:
        sampling_strategy_: Class → number of synthetic images that were asked for.
        sample_weight_: ``(n,)`` float32, how much each returned image should count: all synthetic
            ones together as much as all labeled ones, and none more than a labeled one. Unlabeled
            images have weight 0.
        generator_: The trained Keras generator; None where no image was asked for.
        teacher_: The teacher's networks; empty where no image was asked for.
        quality_: A DataFrame with a row for each class: images asked for, offered (the teacher took
            them for that class) and accepted, and the mean confidence of the accepted ones.
        n_features_in_: Pixels of an image.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseOverSampler._parameter_constraints,
        "random_state": ["random_state"],
        "preset": [str],
        "settings": [Mapping, None],
        "return_pool": ["boolean"],
        "cache": [str, os.PathLike, None],
        "verbose": [Integral],
    }

    def __init__(
        self,
        sampling_strategy: Strategy = "auto",
        *,
        random_state: Any = None,
        preset: Preset = "quick",
        settings: Mapping[str, Any] | None = None,
        return_pool: bool = False,
        cache: str | os.PathLike[str] | None = None,
        verbose: int = 1,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.preset = preset
        self.settings = settings
        self.return_pool = return_pool
        self.cache = cache
        self.verbose = verbose

    def fit(self, X: Any, y: Any, **_params: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Check the images and find out how many each class lacks; nothing is trained.

        Args:
            X: Images, as :func:`gan_aug.augment` takes them.
            y: Their labels.

        Raises:
            UserError: A ``ValueError``: an array can't be used.
        """
        self._validate_params()
        self._check(X, y)
        return self

    def fit_resample(self, X: Any, y: Any, **_params: Any) -> tuple[Any, Any]:  # noqa: N803
        """Return the labeled images followed by synthetic ones, in the caller's form.

        Args:
            X: Images, as :func:`gan_aug.augment` takes them; a DataFrame has a column for each
                pixel.
            y: Their labels; -1, NaN, None and ``""`` mark unlabeled images.

        Returns:
            Images and labels of the caller's types, layout and range. With ``return_pool`` the
            unlabeled images are among the first, where the caller has them.

        Raises:
            UserError: A ``ValueError``: an array or a setting can't be used.
        """
        self._validate_params()
        resampled = self._fit_resample(X, y)
        returned: tuple[Any, Any] = ArraysTransformer(X, y).transform(*resampled)
        return returned

    def _fit_resample(self, X: Any, y: Any, **_params: Any) -> tuple[Any, Any]:  # noqa: N803
        """Return images and labels as arrays."""
        data, classes, wanted = self._check(X, y)
        added = self._gather(data, classes, wanted)
        kept = np.ones_like(data.labeled) if self.return_pool else data.labeled
        self.sample_weight_ = np.zeros(kept.sum() + len(added.images), np.float32)
        counts = np.concatenate([data.labeled[kept], np.ones(len(added.images), bool)])
        self.sample_weight_[counts] = self._weigh(data, classes, added)
        names = np.array(classes)[added.labels] if len(added.images) else np.array([], str)
        return data.extend(kept, added.images, names)

    def _check(
        self,
        X: Any,  # noqa: N803
        y: Any,
    ) -> tuple[CallerData, tuple[str, ...], Indices]:
        """Return the caller's data, its classes, and how many images of each are asked for."""
        if X is None or y is None:
            raise UserError("X, y: expected images and labels, found None; pass both")
        data = read_caller_data(X, y)
        check_shape(data.layout.shape)
        classes = order_classes(data.names.tolist())
        check_classes(classes)
        check_trainable(data.names[data.labeled], classes)
        values = data.labels if data.labels.ndim == 1 else data.names
        self.sampling_strategy_ = check_sampling_strategy(
            self.sampling_strategy, values[data.labeled], self._sampling_type
        )
        names = dict(zip(values.tolist(), data.names.tolist(), strict=True))
        asked = {names[value]: count for value, count in self.sampling_strategy_.items()}
        self.n_features_in_ = int(np.prod(data.layout.shape))
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return data, classes, np.array([asked.get(name, 0) for name in classes], dtype=np.intp)

    def _gather(self, data: CallerData, classes: tuple[str, ...], wanted: Indices) -> PseudoLabels:
        """Train what is needed, and generate images until every class has what is asked for."""
        gathered = Gathered(wanted.copy(), np.zeros_like(wanted))
        self.generator_: Any = None
        self.teacher_: list[Any] = []
        if wanted.any():
            self._fill(gathered, data, classes)
        shape = data.images.shape[1:]
        images = np.concatenate([np.empty((0, *shape), np.uint8), *gathered.images])
        opinions = np.concatenate(
            [np.empty((0, len(classes)), np.float32), *gathered.probabilities]
        )
        accepted = PseudoLabels(images, opinions, np.full(len(images), Decision.ACCEPTED, np.uint8))
        self.quality_ = describe_yield(classes, wanted, gathered, accepted)
        self._warn(classes, wanted, gathered.missing)
        return accepted

    def _fill(self, gathered: Gathered, data: CallerData, classes: tuple[str, ...]) -> None:
        """Train generator and teacher, and gather images in rounds."""
        config = self._resolve(labels="all")
        session = open_session(config, self.cache, verbose=self.verbose)
        from gan_aug.gan.synthesis import synthesize  # noqa: PLC0415 - it imports TensorFlow

        stages, dataset = plan_stages(config, data, classes, session.compute)
        session.execute(describe_dataset(dataset.provenance, dataset))
        self.teacher_ = [session.execute(stage).load() for stage in stages.train_networks()]
        self.generator_ = session.execute(stages.train_dcgan()).load().generator
        missing, idle = int(gathered.missing.sum()), 0
        for number in range(1, MOST_ROUNDS + 1):
            if not missing or idle == IDLE_ROUNDS:
                break
            count = max(SMALLEST_ROUND, OFFERS_PER_IMAGE * missing)
            made = synthesize(
                self.generator_,
                min(count, max(SMALLEST_ROUND, config.synthesis.images)),
                seed=derive_seed(config.seed, number),
            )
            opinions = ask_networks(self.teacher_, made.images, stages.teacher.predict)
            gathered.take(
                made, average_opinions(opinions), config.pseudo_labels.confidence_threshold
            )
            left = int(gathered.missing.sum())
            idle = idle + 1 if left == missing else 0
            missing = left

    def _resolve(self, **fixed: Any) -> RunConfig:
        """Return the settings, with a seed drawn from the random state."""
        state = self.random_state
        seed = state if isinstance(state, Integral) else check_random_state(state).randint(2**31)
        changes = {"dataset": "arrays", "seed": int(seed), **(self.settings or {})}
        return resolve_config(self.preset, changes | fixed)

    def _weigh(
        self, data: CallerData, classes: tuple[str, ...], added: PseudoLabels
    ) -> NDArray[np.float32]:
        """Return the weights of the labeled images and of the added ones."""
        labeled = assemble_all(data, classes).train
        material = Material(labeled, self._resolve().augmentation, synthetic=added)
        return ARMS["gan"].build(material).weights

    def _warn(self, classes: tuple[str, ...], wanted: Indices, missing: Indices) -> None:
        """Warn of classes that got fewer images than were asked for."""
        short = [
            f"{name}: {count - lack:,} of {count:,}"
            for name, count, lack in zip(classes, wanted, missing, strict=True)
            if lack
        ]
        if short:
            warnings.warn(
                f"the teacher was sure of too few synthetic images of {', '.join(short)}; lower "
                "settings['pseudo_labels']['confidence_threshold'], or raise the DCGAN's steps",
                UserWarning,
                stacklevel=3,
            )


def plan_stages(
    config: RunConfig, data: CallerData, classes: tuple[str, ...], compute: Compute
) -> tuple["RunStages", Dataset]:
    """Return the stages that train on a caller's images, and these as a data set."""
    from gan_aug.stages import RunStages, describe_draw  # noqa: PLC0415 - it imports TensorFlow

    dataset = assemble_all(data, classes)
    source = describe_dataset(dataset.provenance, dataset)
    drawn = describe_draw(config, source)
    planned = config.plan(len(dataset.train), dataset.provenance.count_training_images())
    return RunStages(planned, source, dataset.provenance, drawn, compute), dataset


def assemble_all(data: CallerData, classes: tuple[str, ...]) -> Dataset:
    """Return a caller's images as a data set.

    All labeled images are in every part: a sampler judges nothing, and none of its stages reads the
    parts for validation and test.
    """
    labeled = (Origin("train", np.flatnonzero(data.labeled)),)
    unlabeled = (Origin("train", np.flatnonzero(~data.labeled)),)
    origins: dict[Part, tuple[Origin, ...]] = dict.fromkeys(
        ("train", "validation", "test"), labeled
    )
    if len(unlabeled[0].places):
        origins["unlabeled"] = unlabeled
    images = Reading({"train": data.images})
    return assemble("arrays", images, {"train": data.names}, Split(origins, classes))


def describe_yield(
    classes: Sequence[str], wanted: Indices, gathered: Gathered, accepted: PseudoLabels
) -> pd.DataFrame:
    """Return what became of the generated images of each class."""
    confidence = [
        accepted.confidence[accepted.labels == label].mean()
        if (accepted.labels == label).any()
        else np.nan
        for label in range(len(classes))
    ]
    return pd.DataFrame(
        {
            "wanted": wanted,
            "offered": gathered.offered,
            "accepted": wanted - gathered.missing,
            "confidence": confidence,
        },
        index=pd.Index(classes, name="class"),
    )
