"""Which images are anomalous in the eyes of a discriminator, and how far that can be trusted.

A discriminator has learned what tells real images from generated ones. Its logit says so outright;
what it looks at for that, its features, can also be asked how far an image is from all that
training images look like. All scores here are higher where an image is more anomalous.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from gan_aug.data.dataset import Dataset, Provenance
from gan_aug.data.readers.digits import enlarge_digits, open_digits
from gan_aug.errors import UserError
from gan_aug.evaluation.showing import show_each
from gan_aug.images import (
    Float32,
    Images,
    Indices,
    LabeledImages,
    Labels,
    Shape,
    digest_array,
    to_unit,
)
from gan_aug.prediction import predict_batches
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.anomalies import Detector, Part
from gan_aug.settings.data import ReadingConfig
from gan_aug.store.formats import ArraysFormat, JsonFormat

if TYPE_CHECKING:
    import keras

__all__ = [
    "AnomalyResult",
    "Detect",
    "Ranking",
    "RankingFormat",
    "Scores",
    "Seen",
    "Separation",
    "average_separations",
    "check_discriminator",
    "check_left_out",
    "count_left_out",
    "count_ranked",
    "cross_score",
    "draw_halves",
    "draw_left_out",
    "draw_sample",
    "evaluate_left_out",
    "fit_detectors",
    "has_mixing_layer",
    "make_foreign",
    "make_others",
    "measure_separations",
    "observe",
    "phrase_verdict",
    "rank_images",
    "summarize_anomalies",
]

FEATURES = "features"
# Keras layers whose output for one image depends on the others in its batch, in use too.
MIXING_LAYERS = {"MinibatchDiscrimination"}
UNKNOWN_CLUSTER = -1

FITTED_IMAGES = 10_000
NEAREST = 5
LOCAL_NEIGHBORS = 20

RESAMPLES = 500
CONFIDENCE_LEVEL = 0.95
CHANCE = 0.5
ANY_SHARE = (0.0, 1.0)

Scores = Mapping[Detector, NDArray[np.float64]]
"""Detector → ``(n,)`` scores, higher where an image is more anomalous."""


@dataclass(frozen=True)
class Seen:
    """What a discriminator sees in images.

    Attributes:
        features: ``(n, d)`` float32, the output of its layer ``features``.
        logits: ``(n,)`` float32, positive for "real".

    Raises:
        UserError: A value is not finite.
    """

    features: Float32
    logits: Float32

    def __post_init__(self) -> None:
        if not (np.isfinite(self.features).all() and np.isfinite(self.logits).all()):
            raise UserError(
                "discriminator: expected finite features and logits, found infinite ones or NaN; "
                "train it again with a lower --dcgan.discriminator-learning-rate"
            )

    def __len__(self) -> int:
        return len(self.logits)

    def take(self, indices: Indices) -> "Seen":
        """Return what it sees in the images at ``indices``, in that order."""
        return Seen(self.features[indices], self.logits[indices])


Detect = Callable[[Seen], Scores]
"""What every detector says of what the discriminator sees."""


class Separation(BaseModel):
    """How well one detector tells foreign images from as many ordinary ones.

    Attributes:
        kind: What is foreign: ``digits``, ``noise``, ``rotated``, ``inverted``, or ``class cat``.
        detector: What scored them.
        images: Number of foreign images, and of ordinary ones.
        auroc: Area under the ROC curve, in [0, 1]: the chance that a foreign image scores higher
            than an ordinary one; 0.5 is guessing.
        low: Lower end of its 95% bootstrap interval; 0 for a single image of either kind.
        high: Upper end of it; 1 for a single image.
        average_precision: Of the ranking, foreign first, in [0, 1]; 0.5 is guessing.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    detector: Detector
    images: int
    auroc: float
    low: float
    high: float
    average_precision: float

    def to_row(self) -> dict[str, Any]:
        """Return the fields as one row of a table."""
        return self.model_dump()


class AnomalyResult(BaseModel):
    """A ranking, and what its detectors are worth.

    Attributes:
        dataset: Name of the data set.
        part: Which of its parts was ranked.
        by: The detector that ranked it.
        images: Number of images ranked.
        foreign: How well each detector finds images that are none of the data set.
        left_out: How well it finds each class that the discriminator was never shown; empty
            where that was not asked for.
        verdict: Which detector wins, in words.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    part: Part
    by: Detector
    images: int
    foreign: tuple[Separation, ...]
    left_out: tuple[Separation, ...]
    verdict: str


@dataclass(frozen=True)
class Ranking:
    """What all detectors say of a part, and what they are worth.

    Attributes:
        scores: Of the images of the part, in their order.
        separations: How well each detector finds each kind of foreign images.
    """

    scores: Scores
    separations: list[Separation]


class RankingFormat:
    """The scores as arrays, the separations as JSON."""

    scores = ArraysFormat("anomaly_scores", dict)
    separations = JsonFormat("separations", list[Separation])

    def save(self, folder: Path, value: Ranking) -> None:
        """Write a ranking."""
        self.scores.save(folder, dict(value.scores))
        self.separations.save(folder, value.separations)

    def load(self, folder: Path) -> Ranking:
        """Read it back."""
        return Ranking(self.scores.load(folder), self.separations.load(folder))


# ----------------------------------------------------------------------- the protocol


def rank_images(
    discriminator: "keras.Model",
    data: Dataset,
    *,
    part: Part,
    seed: int,
    on_progress: OnProgress = ignore_progress,
) -> Ranking:
    """Score a part's images by every detector, and measure how well these find foreign images.

    Foreign images are made of one half of the validation images and told from the other half.

    Args:
        discriminator: As :func:`check_discriminator` takes it.
        data: The data set.
        part: Whose images are scored.
        seed: Of every draw, of the detectors and of the bootstrap.
        on_progress: Called with the number of images that the discriminator has seen, which ends
            at :func:`count_ranked`.

    Raises:
        UserError: What the discriminator sees is not finite.
    """
    train, validation = data.train.images, data.validation.images
    sample = draw_sample(len(train), seed=seed)
    kept_back, altered = draw_halves(len(validation), seed=seed)
    foreign = make_foreign(validation[altered], make_others(data.provenance), seed=seed)
    shown = (getattr(data, part).images, train[sample], validation[kept_back], *foreign.values())
    # One set at a time: features take many times the memory of the images.
    looks = show_each(partial(observe, discriminator), shown, on_progress)
    ranked = next(looks)
    detect = fit_detectors(next(looks), seed=seed)
    ordinary = detect(next(looks))
    separations = [
        separation
        for kind, seen in zip(foreign, looks, strict=True)
        for separation in measure_separations(kind, ordinary, detect(seen), seed=seed)
    ]
    scores = cross_score(ranked, seed=seed) if part == "train" else detect(ranked)
    return Ranking(scores, separations)


def count_ranked(provenance: Provenance, part: Part) -> int:
    """Count the images that :func:`rank_images` shows to the discriminator."""
    of = provenance.images
    kept_back = of["validation"] // 2
    own_kinds = 3
    others = make_others(provenance)
    return (
        of[part]
        + min(of["train"], FITTED_IMAGES)
        + kept_back
        + own_kinds * (of["validation"] - kept_back)
        + (0 if others is None else len(others))
    )


def evaluate_left_out(
    discriminator: "keras.Model",
    data: Dataset,
    *,
    label: int,
    seed: int,
    on_progress: OnProgress = ignore_progress,
) -> list[Separation]:
    """Measure how well a discriminator's detectors find a class that it was not shown.

    Args:
        discriminator: Trained on the training images of all other classes.
        data: The data set.
        label: Of the class that was left out.
        seed: Of every draw, of the detectors and of the bootstrap.
        on_progress: Called with the number of images that the discriminator has seen, which ends
            at :func:`count_left_out`.

    Raises:
        UserError: What the discriminator sees is not finite.
    """
    shown = np.flatnonzero(data.train.labels != label)
    sample = shown[draw_sample(len(shown), seed=seed)]
    others, own = draw_left_out(data.validation.labels, label, seed=seed)
    validation = data.validation.images
    parts = (data.train.images[sample], validation[others], validation[own])
    fitted, ordinary, foreign = show_each(partial(observe, discriminator), parts, on_progress)
    detect = fit_detectors(fitted, seed=seed)
    kind = f"class {data.spec.classes[label]}"
    return measure_separations(kind, detect(ordinary), detect(foreign), seed=seed)


def count_left_out(data: Dataset, label: int) -> int:
    """Count the images that :func:`evaluate_left_out` shows to the discriminator."""
    shown = int((data.train.labels != label).sum())
    own = int((data.validation.labels == label).sum())
    return min(shown, FITTED_IMAGES) + 2 * min(own, len(data.validation) - own)


def summarize_anomalies(
    ranking: Ranking,
    left_out: Sequence[Sequence[Separation]],
    *,
    dataset: str,
    part: Part,
    by: Detector,
) -> AnomalyResult:
    """Put together what was measured, and say which detector wins.

    Args:
        ranking: The part's.
        left_out: Of each class that was left out, as from :func:`evaluate_left_out`.
        dataset: Name of the data set.
        part: Which of its parts was ranked.
        by: The detector that ranked it.
    """
    missed = [separation for separations in left_out for separation in separations]
    return AnomalyResult(
        dataset=dataset,
        part=part,
        by=by,
        images=len(ranking.scores[by]),
        foreign=tuple(ranking.separations),
        left_out=tuple(missed),
        verdict=phrase_verdict(ranking.separations, missed),
    )


# ------------------------------------------------------------------ the discriminator


def check_discriminator(discriminator: "keras.Model", shape: Shape) -> None:
    """Refuse a network that can't say which images are anomalous.

    Args:
        discriminator: Whatever network was named.
        shape: Height, width and channels of the images to rank.

    Raises:
        UserError: It takes other images, gives something else than features and one logit, looks
            at whole batches, or was never trained.
    """
    takes = [tuple(tensor.shape[1:]) for tensor in discriminator.inputs or []]
    if takes not in ([shape], [shape, ()]):
        raise UserError(
            f"discriminator: expected a network that takes images of shape {shape}, as the data "
            f"set has, found one that takes {takes}; name the discriminator.keras of a run on such "
            "images"
        )
    gives = [tuple(tensor.shape[1:]) for tensor in discriminator.outputs]
    if gives != [(1,)] or all(layer.name != FEATURES for layer in discriminator.layers):
        raise UserError(
            f"discriminator: expected one logit an image, made of a layer named {FEATURES}, found "
            f"a network with outputs of shape {gives} and layers "
            f"{', '.join(layer.name for layer in discriminator.layers)}; name the "
            "discriminator.keras of a run of this version"
        )
    if has_mixing_layer(discriminator):
        raise UserError(
            "discriminator: expected one that judges each image by itself, found one that compares "
            "the images of a batch; name a run whose discriminator does not"
        )
    if not is_trained(discriminator):
        raise UserError(
            "discriminator: expected a trained network, found one with the weights it began with; "
            "train it with gan-aug run"
        )


def has_mixing_layer(discriminator: "keras.Model") -> bool:
    """Whether the network has a layer that compares the images of a batch, in use too."""
    return any(type(layer).__name__ in MIXING_LAYERS for layer in discriminator.layers)


def is_trained(discriminator: "keras.Model") -> bool:
    """Whether any of the weights that begin at zero has moved."""
    begun_at_zero = [w for w in discriminator.weights if w.name in {"bias", "beta"}]
    return any(np.any(weight.numpy() != 0) for weight in begun_at_zero)


def observe(
    discriminator: "keras.Model", images: Images, on_progress: OnProgress = ignore_progress
) -> Seen:
    """Show images to a discriminator.

    One that is told of clusters is told that they are unknown.

    Args:
        discriminator: A network of :func:`gan_aug.gan.networks.build_discriminator`, trained.
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        on_progress: Called after each batch with the number of images done.
    """
    import keras  # noqa: PLC0415 - reading a result from a file must not wait for it

    network = keras.Model(
        discriminator.inputs, [discriminator.get_layer(FEATURES).output, *discriminator.outputs]
    )

    def look(rows: slice) -> tuple[NDArray[Any], ...]:
        batch = to_unit(images[rows])
        clusters = np.full(len(batch), UNKNOWN_CLUSTER, dtype=np.int32)
        return tuple(network.predict_on_batch([batch, clusters][: len(discriminator.inputs)]))

    features, logits = predict_batches(look, len(images), on_progress)
    return Seen(features.astype(np.float32), logits[:, 0].astype(np.float32))


# ---------------------------------------------------------------------- the detectors


def fit_detectors(train: Seen, *, seed: int) -> Detect:
    """Fit all detectors to the same training images.

    ``logit`` is the discriminator's own opinion, turned round. ``feature-distance`` is the mean
    distance to the 5 nearest training images, between features scaled to length 1: unscaled, or
    by Mahalanobis' distance, or as what principal components leave over, an image with little ink
    scored as ordinary whatever it showed; so did enlarged digits among MNIST's validation images.
    ``isolation-forest`` (Liu et al., 2008) and ``local-outlier-factor`` (Breunig et al., 2000) are
    scikit-learn's with its defaults, on the features as they are.

    Args:
        train: What the discriminator sees in training images; at least 2.
        seed: Determines the trees of the isolation forest.
    """
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - a second to import
    from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors  # noqa: PLC0415 - a second to import
    from sklearn.preprocessing import normalize  # noqa: PLC0415 - a second to import

    most = len(train) - 1
    nearest = NearestNeighbors(n_neighbors=min(NEAREST, most)).fit(normalize(train.features))
    forest = IsolationForest(random_state=seed).fit(train.features)
    local = LocalOutlierFactor(n_neighbors=min(LOCAL_NEIGHBORS, most), novelty=True)
    local.fit(train.features)

    def detect(seen: Seen) -> Scores:
        distances, _ = nearest.kneighbors(normalize(seen.features))
        return {
            "logit": -seen.logits.astype(np.float64),
            "feature-distance": distances.mean(axis=1, dtype=np.float64),
            "isolation-forest": -forest.score_samples(seen.features).astype(np.float64),
            "local-outlier-factor": -local.score_samples(seen.features).astype(np.float64),
        }

    return detect


def draw_sample(count: int, *, seed: int) -> Indices:
    """Draw the images that detectors are fitted to: at most 10,000 of ``count``, in any order."""
    return np.random.default_rng(seed).permutation(count)[:FITTED_IMAGES]


def cross_score(train: Seen, *, seed: int) -> Scores:
    """Score training images, each by detectors that were fitted to others.

    An image that detectors were fitted to is its own nearest neighbour, and never anomalous.

    Args:
        train: What the discriminator sees in training images; at least 4.
        seed: Determines the halves, and the detectors.
    """
    scores: dict[Detector, NDArray[np.float64]] = {
        detector: np.empty(len(train)) for detector in get_args(Detector)
    }
    first, second = draw_halves(len(train), seed=seed)
    for fitted, scored in ((first, second), (second, first)):
        detect = fit_detectors(train.take(fitted[:FITTED_IMAGES]), seed=seed)
        for detector, values in detect(train.take(scored)).items():
            scores[detector][scored] = values
    return scores


# ------------------------------------------------------------------------- the truth


def draw_halves(count: int, *, seed: int) -> tuple[Indices, Indices]:
    """Draw the places of one half of ``count`` images and those of the other, in any order."""
    order = np.random.default_rng(seed).permutation(count)
    return order[: count // 2], order[count // 2 :]


def make_foreign(images: Images, others: Images | None, *, seed: int) -> dict[str, Images]:
    """Make images that are none of the data set.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8 of the data set: to be turned by
            90° and inverted. None of those that the foreign ones are to be told from.
        others: ``(m, ...)`` uint8 digits, as from :func:`make_others`.
        seed: Determines the noise, uniform in 0 to 255.

    Returns:
        Kind → images.
    """
    noise = np.random.default_rng(seed).integers(0, 256, images.shape, dtype=np.uint8)
    own: dict[str, Images] = {
        "noise": noise,
        "rotated": np.rot90(images, axes=(1, 2)),
        "inverted": 255 - images,
    }
    return own if others is None else {"digits": others, **own}


def make_others(provenance: Provenance) -> Images | None:
    """Return scikit-learn's digits in the shape of a data set; None where they are the data set.

    Args:
        provenance: Of the data set.

    Returns:
        ``(1797, side, side)`` or ``(1797, side, side, 3)`` uint8.
    """
    digits = open_digits().read(ReadingConfig()).images["train"]
    same = provenance.sha256.get("train images") == digest_array(digits)
    return None if same else enlarge_digits(provenance.shape)


def check_left_out(data: Dataset) -> None:
    """Refuse data of which not every class can be left out.

    Raises:
        UserError: A class has no training images, or no validation images.
    """
    parts: dict[str, LabeledImages] = {"training": data.train, "validation": data.validation}
    for name, part in parts.items():
        missing = [
            label for label, count in data.spec.count_images(part.labels).items() if not count
        ]
        if missing:
            raise UserError(
                f"leave-one-out: expected every class among the {name} images, found none of class "
                f"{missing[0]}; shuffle the data, or leave --leave-one-out away"
            )


def draw_left_out(labels: Labels, label: int, *, seed: int) -> tuple[Indices, Indices]:
    """Draw the places of images of other classes, and as many of one class, in any order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    own = labels[order] == label
    count = min(own.sum(), (~own).sum())
    return order[~own][:count], order[own][:count]


def measure_separations(
    kind: str, ordinary: Scores, foreign: Scores, *, seed: int
) -> list[Separation]:
    """Measure how well each detector tells foreign images from ordinary ones.

    As many of either as there are of both: the first ones.

    Args:
        kind: What is foreign.
        ordinary: Scores of images that detectors were not fitted to.
        foreign: Scores of foreign ones.
        seed: Of the bootstrap, which draws both kinds of images anew.
    """
    return [
        measure_separation(kind, detector, ordinary[detector], foreign[detector], seed=seed)
        for detector in foreign
    ]


def measure_separation(
    kind: str,
    detector: Detector,
    ordinary: NDArray[np.float64],
    foreign: NDArray[np.float64],
    *,
    seed: int,
) -> Separation:
    """Measure one detector."""
    from sklearn.metrics import average_precision_score, roc_auc_score  # noqa: PLC0415 - a second to import

    count = min(len(ordinary), len(foreign))
    truth = np.repeat([0, 1], count)
    scores = np.concatenate([ordinary[:count], foreign[:count]])
    low, high = bootstrap_auroc(foreign[:count], ordinary[:count], seed=seed)
    return Separation(
        kind=kind,
        detector=detector,
        images=count,
        auroc=float(roc_auc_score(truth, scores)),
        low=low,
        high=high,
        average_precision=float(average_precision_score(truth, scores)),
    )


def bootstrap_auroc(
    foreign: NDArray[np.float64], ordinary: NDArray[np.float64], *, seed: int
) -> tuple[float, float]:
    """Return the interval of the AUROC; all of [0, 1] for a single image of either kind."""
    if len(foreign) == 1:
        return ANY_SHARE
    interval = scipy.stats.bootstrap(
        (foreign, ordinary),
        share_of_wins,
        n_resamples=RESAMPLES,
        batch=50,
        confidence_level=CONFIDENCE_LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def share_of_wins(
    foreign: NDArray[np.float64], ordinary: NDArray[np.float64], axis: int = -1
) -> NDArray[np.float64]:
    """AUROC along an axis: Mann and Whitney's U over the number of pairs."""
    wins = scipy.stats.mannwhitneyu(foreign, ordinary, axis=axis, method="asymptotic").statistic
    shares: NDArray[np.float64] = wins / (foreign.shape[axis] * ordinary.shape[axis])
    return shares


# ----------------------------------------------------------------------- the verdict


def average_separations(separations: Sequence[Separation]) -> dict[Detector, float]:
    """Return the mean AUROC of each detector over all kinds, the best first."""
    of_each: dict[Detector, list[float]] = {}
    for separation in separations:
        of_each.setdefault(separation.detector, []).append(separation.auroc)
    means = {detector: float(np.mean(values)) for detector, values in of_each.items()}
    return dict(sorted(means.items(), key=lambda item: -item[1]))


def phrase_verdict(foreign: Sequence[Separation], left_out: Sequence[Separation]) -> str:
    """Say which detector wins, and what the discriminator's bare logit is worth."""
    parts = {"foreign images": foreign, "classes that were left out": left_out}
    return " ".join(
        sentence
        for what, separations in parts.items()
        if separations
        for sentence in phrase_winner(what, separations)
    )


def phrase_winner(what: str, separations: Sequence[Separation]) -> Iterator[str]:
    (winner, best), *others = average_separations(separations).items()
    behind = ", ".join(f"{detector} {mean:.3f}" for detector, mean in others)
    yield f"Among {what}, {winner} wins (mean AUROC {best:.3f}; {behind})."
    blind = [s for s in separations if s.detector == "logit" and s.low <= CHANCE]
    if blind:
        found = ", ".join(f"{s.kind} ({s.auroc:.3f})" for s in blind)
        yield f"The discriminator's bare logit finds no better than guessing: {found}."
