"""Which images are anomalous in the eyes of a discriminator, and how far that can be trusted.

A discriminator has learned what tells real images from generated ones. Its logit says so outright;
what it looks at for that, its features, can also be asked how far an image is from all that
training images look like. All scores here are higher where an image is more anomalous.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import normalize

from gan_aug.errors import UserError
from gan_aug.images import CLASSES, SIDE, Float32, Images, UInt8, to_unit
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.run import Detector, Part

if TYPE_CHECKING:
    import keras

__all__ = [
    "AnomalyResult",
    "Score",
    "Scores",
    "Seen",
    "Separation",
    "average_separations",
    "check_digits",
    "check_discriminator",
    "cross_score",
    "draw_halves",
    "draw_left_out",
    "draw_sample",
    "fit_detectors",
    "make_foreign",
    "measure_separations",
    "mixes_images",
    "observe",
    "phrase_verdict",
]

BATCH_SIZE = 500
FEATURES = "features"
# Keras layers whose output for one image depends on the others in its batch, in use too.
MIXING_LAYERS = {"MinibatchDiscrimination"}
UNKNOWN_CLUSTER = -1
IMAGE_SHAPE = (SIDE, SIDE, 1)

FITTED_IMAGES = 10_000
NEAREST = 5
LOCAL_NEIGHBORS = 20

RESAMPLES = 500
CONFIDENCE_LEVEL = 0.95
CHANCE = 0.5

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

    def take(self, indices: NDArray[np.intp]) -> "Seen":
        """Return what it sees in the images at ``indices``, in that order."""
        return Seen(self.features[indices], self.logits[indices])


Score = Callable[[Seen], Scores]
"""What every detector says of what the discriminator sees."""


class Separation(BaseModel):
    """How well one detector tells foreign images from as many ordinary ones.

    Attributes:
        kind: What is foreign: ``digits``, ``noise``, ``rotated``, ``inverted``, or ``digit 3``.
        detector: What scored them.
        images: Number of foreign images, and of ordinary ones.
        auroc: Area under the ROC curve, in [0, 1]: the chance that a foreign image scores higher
            than an ordinary one; 0.5 is guessing.
        low: Lower end of its 95% bootstrap interval.
        high: Upper end of it.
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
        foreign: How well each detector finds images that are no handwriting of the data set.
        left_out: How well it finds each digit that the discriminator was never shown; empty
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


# ------------------------------------------------------------------ the discriminator


def check_discriminator(discriminator: "keras.Model") -> None:
    """Refuse a network that can't say which images are anomalous.

    Raises:
        UserError: It takes other images, gives something else than features and one logit, looks
            at whole batches, or was never trained.
    """
    takes = [tuple(tensor.shape[1:]) for tensor in discriminator.inputs or []]
    if takes not in ([IMAGE_SHAPE], [IMAGE_SHAPE, ()]):
        raise UserError(
            f"discriminator: expected a network that takes images of shape {IMAGE_SHAPE}, found "
            f"one that takes {takes}; name the discriminator.keras of a run"
        )
    gives = [tuple(tensor.shape[1:]) for tensor in discriminator.outputs]
    if gives != [(1,)] or all(layer.name != FEATURES for layer in discriminator.layers):
        raise UserError(
            f"discriminator: expected one logit an image, made of a layer named {FEATURES}, found "
            f"a network with outputs of shape {gives} and layers "
            f"{', '.join(layer.name for layer in discriminator.layers)}; name the "
            "discriminator.keras of a run of this version"
        )
    if mixes_images(discriminator):
        raise UserError(
            "discriminator: expected one that judges each image by itself, found one that compares "
            "the images of a batch; name a run whose discriminator does not"
        )
    if not is_trained(discriminator):
        raise UserError(
            "discriminator: expected a trained network, found one with the weights it began with; "
            "train it with gan-aug run"
        )


def mixes_images(discriminator: "keras.Model") -> bool:
    """Whether what it says of one image depends on the others in the batch."""
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
        images: ``(n, 28, 28)`` uint8.
        on_progress: Called after each batch with the number of images done.
    """
    import keras  # noqa: PLC0415 - reading a result from a file must not wait for it

    network = keras.Model(
        discriminator.inputs, [discriminator.get_layer(FEATURES).output, *discriminator.outputs]
    )
    features, logits = [], []
    for start in range(0, len(images), BATCH_SIZE):
        batch = images[start : start + BATCH_SIZE]
        clusters = np.full(len(batch), UNKNOWN_CLUSTER, dtype=np.int32)
        inputs = [to_unit(batch), clusters][: len(discriminator.inputs)]
        hidden, logit = network.predict_on_batch(inputs)
        features.append(hidden.astype(np.float32))
        logits.append(logit[:, 0].astype(np.float32))
        on_progress(start + len(batch), {})
    return Seen(np.concatenate(features), np.concatenate(logits))


# ---------------------------------------------------------------------- the detectors


def fit_detectors(train: Seen, *, seed: int) -> Score:
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
    most = len(train) - 1
    nearest = NearestNeighbors(n_neighbors=min(NEAREST, most)).fit(normalize(train.features))
    forest = IsolationForest(random_state=seed).fit(train.features)
    local = LocalOutlierFactor(n_neighbors=min(LOCAL_NEIGHBORS, most), novelty=True)
    local.fit(train.features)

    def score(seen: Seen) -> Scores:
        distances, _ = nearest.kneighbors(normalize(seen.features))
        return {
            "logit": -seen.logits.astype(np.float64),
            "feature-distance": distances.mean(axis=1, dtype=np.float64),
            "isolation-forest": -forest.score_samples(seen.features).astype(np.float64),
            "local-outlier-factor": -local.score_samples(seen.features).astype(np.float64),
        }

    return score


def draw_sample(count: int, *, seed: int) -> NDArray[np.intp]:
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
        score = fit_detectors(train.take(fitted[:FITTED_IMAGES]), seed=seed)
        for detector, values in score(train.take(scored)).items():
            scores[detector][scored] = values
    return scores


# ------------------------------------------------------------------------- the truth


def draw_halves(count: int, *, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw the places of one half of ``count`` images and those of the other, in any order."""
    order = np.random.default_rng(seed).permutation(count)
    return order[: count // 2], order[count // 2 :]


def make_foreign(images: Images, others: Images | None, *, seed: int) -> dict[str, Images]:
    """Make images that are no handwriting of the data set.

    Args:
        images: ``(n, 28, 28)`` uint8 of the data set: to be turned by 90° and inverted. None of
            those that the foreign ones are to be told from.
        others: ``(m, 28, 28)`` uint8 digits of another data set, if there is another.
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


def check_digits(train: UInt8, validation: UInt8) -> None:
    """Refuse labels of which none can be left out.

    Raises:
        UserError: A digit is missing among the training or the validation images.
    """
    for part, labels in {"training": train, "validation": validation}.items():
        missing = np.flatnonzero(np.bincount(labels, minlength=CLASSES) == 0)
        if len(missing):
            raise UserError(
                f"leave-one-out: expected every digit among the {part} images, found no "
                f"{missing[0]}; shuffle the data, or leave --leave-one-out away"
            )


def draw_left_out(
    labels: UInt8, digit: int, *, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw the places of images of other digits, and as many of one digit, in any order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    own = labels[order] == digit
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
    count = min(len(ordinary), len(foreign))
    truth = np.repeat([0, 1], count)
    scores = np.concatenate([ordinary[:count], foreign[:count]])
    interval = stats.bootstrap(
        (foreign[:count], ordinary[:count]),
        share_of_wins,
        n_resamples=RESAMPLES,
        batch=50,
        confidence_level=CONFIDENCE_LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Separation(
        kind=kind,
        detector=detector,
        images=count,
        auroc=float(roc_auc_score(truth, scores)),
        low=float(interval.low),
        high=float(interval.high),
        average_precision=float(average_precision_score(truth, scores)),
    )


def share_of_wins(
    foreign: NDArray[np.float64], ordinary: NDArray[np.float64], axis: int = -1
) -> NDArray[np.float64]:
    """AUROC along an axis: Mann and Whitney's U over the number of pairs."""
    wins = stats.mannwhitneyu(foreign, ordinary, axis=axis, method="asymptotic").statistic
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
    parts = {"foreign images": foreign, "digits that were left out": left_out}
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
