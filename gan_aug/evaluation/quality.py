"""How good synthetic images are, in the eyes of a frozen classifier, the judge.

Distances compare the activations of the judge's 256-unit layer, which know the classes of the data
set, where those of a network trained on photographs may not. The judge is trained once, on all
training labels. It labels nothing and selects nothing: it is never the teacher, and no setting
depends on it in a run.
"""

import hashlib
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, computed_field

from gan_aug.arms import build_original_set
from gan_aug.classifiers.cnn import CnnConfig, train_cnn
from gan_aug.data.dataset import Dataset, Provenance
from gan_aug.device import Compute
from gan_aug.errors import UserError
from gan_aug.evaluation.showing import show_each
from gan_aug.images import Images, LabeledImages, Labels, to_unit
from gan_aug.prediction import predict_batches
from gan_aug.progress import OnProgress, ignore_progress
from gan_aug.settings.base import Precision

if TYPE_CHECKING:
    import keras

__all__ = [
    "JUDGE_PRECISION",
    "JUDGE_SEED",
    "Duplicates",
    "Features",
    "JudgeInfo",
    "Metrics",
    "Quality",
    "class_distance",
    "count_judged",
    "describe_judge",
    "extract_features",
    "find_duplicates",
    "find_nearest",
    "frechet_distance",
    "inception_score",
    "judge_images",
    "kernel_distance",
    "manifold_metrics",
    "measure",
    "measure_quality",
    "train_judge",
]

logger = logging.getLogger(__name__)

# All runs on a data set and a kind of device have one judge: it depends on no setting of theirs.
JUDGE_SEED = 0
JUDGE_PRECISION: Precision = "float32"

CHUNK = 1000
CHUNK_MIB = 80
BLOCK_FLOATS = 2**26
DUPLICATE_QUANTILE = 0.01

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """What the judge sees in images.

    Attributes:
        activations: ``(n, 256)`` float64.
        probabilities: ``(n, classes)`` float64.

    Raises:
        UserError: An activation is not finite.
    """

    activations: Float64
    probabilities: Float64

    def __post_init__(self) -> None:
        if not np.isfinite(self.activations).all():
            raise UserError(
                "quality: expected finite activations of the judge, found infinite ones or NaN; "
                "train the judge again with a lower --quality.judge.learning-rate"
            )

    def __len__(self) -> int:
        return len(self.activations)

    @property
    def labels(self) -> Labels:
        """``(n,)`` uint16: the judge's most probable class."""
        labels: Labels = self.probabilities.argmax(axis=1).astype(np.uint16)
        return labels


class Metrics(BaseModel):
    """How one set of images compares with the reference images.

    Attributes:
        frechet_distance: Heusel et al. (2017), in the judge's activations; 0 is best.
        kernel_distance: Bińkowski et al. (2018), in the same; 0 is best, noise may be negative.
        precision: Kynkäänniemi et al. (2019), in [0, 1]: share of the images that look real.
        recall: The same authors', in [0, 1]: share of the reference images that are covered.
        density: Naeem et al. (2020), from 0, 1 for real images: how deep among real images.
        coverage: The same authors', in [0, 1]: share of reference images with a neighbour.
        inception_score: Salimans et al. (2016), in the judge's probabilities, in [1, classes]: how
            sure it is of each image, and how different it finds them. It knows no reference.
        class_distance: Total variation in [0, 1] between the class shares the judge sees.
    """

    model_config = ConfigDict(frozen=True)

    frechet_distance: float
    kernel_distance: float
    precision: float
    recall: float
    density: float
    coverage: float
    inception_score: float
    class_distance: float


class Duplicates(BaseModel):
    """Synthetic images that look copied from a training image.

    Attributes:
        count: Synthetic images closer to a training image than 1% of the reference images are.
        share: The same as a share, in [0, 1]; 0.01 is what fresh real images score.
        distance: That Euclidean distance, between images with pixels in [0, 1].
    """

    model_config = ConfigDict(frozen=True)

    count: int
    share: float
    distance: float


class JudgeInfo(BaseModel):
    """Which network judged.

    Attributes:
        sha256: Digest of its weights.
        validation_accuracy: In [0, 1], on the validation images.
    """

    model_config = ConfigDict(frozen=True)

    sha256: str
    validation_accuracy: float


class Quality(BaseModel):
    """The synthetic images beside as many real ones, which are the floor.

    Attributes:
        images: Number of synthetic images, and of training images in the floor.
        reference_images: Number of test images both are compared with.
        synthetic: Of the synthetic images.
        floor: Of the training images: what no generator can be expected to beat.
        duplicates: Synthetic images that look copied.
        judge: The network that judged.
    """

    model_config = ConfigDict(frozen=True)

    images: int
    reference_images: int
    synthetic: Metrics
    floor: Metrics
    duplicates: Duplicates
    judge: JudgeInfo

    @computed_field  # type: ignore[prop-decorator]  # mypy takes no decorator there
    @property
    def frechet_ratio(self) -> float:
        """The Fréchet distance of the synthetic images over that of the floor."""
        return self.synthetic.frechet_distance / self.floor.frechet_distance


def train_judge(
    train: LabeledImages,
    config: CnnConfig,
    *,
    compute: Compute,
    on_progress: OnProgress = ignore_progress,
) -> "keras.Model":
    """Train the network that judges synthetic images, on all training labels.

    Args:
        train: All training images, with their labels.
        config: Settings of the training.
        compute: Device, precision and compilation.
        on_progress: Called after each update.
    """
    training_set = build_original_set(train)
    return train_cnn(
        training_set, config, seed=JUDGE_SEED, compute=compute, on_progress=on_progress
    )


def judge_images(
    judge: "keras.Model",
    synthetic: Images,
    data: Dataset,
    *,
    images: int,
    neighbors: int,
    on_progress: OnProgress = ignore_progress,
) -> Quality:
    """Compare synthetic images, and as many training images, with the test images.

    Args:
        judge: A network of :func:`gan_aug.classifiers.cnn.build_cnn`, trained on all labels.
        synthetic: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        data: The data set.
        images: Synthetic images to measure: the first ones, no more than there are training images.
        neighbors: The k of precision, recall, density and coverage.
        on_progress: Called with the number of images that the judge has seen, which ends at
            :func:`count_judged`.

    Raises:
        UserError: As :func:`measure_quality`.
    """
    shown = synthetic[: min(images, len(data.train))]
    floor, test, validation = data.train.images[: len(shown)], data.test, data.validation
    parts = (shown, floor, test.images, validation.images)
    of_shown, of_floor, of_test, of_validation = show_each(
        partial(extract_features, judge), parts, on_progress
    )
    measured = measure_quality(
        of_shown,
        of_floor,
        of_test,
        neighbors=neighbors,
        duplicates=find_duplicates(shown, data.train.images, test.images),
        judge=describe_judge(judge, of_validation, validation.labels),
    )
    log_distance(measured)
    return measured


def log_distance(measured: Quality) -> None:
    """Tell the log how far the synthetic images are from real ones."""
    logger.info(
        "quality: Fréchet distance %.1f, %.1f times the floor's %.1f",
        measured.synthetic.frechet_distance,
        measured.frechet_ratio,
        measured.floor.frechet_distance,
    )


def count_judged(provenance: Provenance, *, synthetic: int, images: int) -> int:
    """Count the images that :func:`judge_images` shows to the judge.

    Args:
        provenance: Of the data set.
        synthetic: How many synthetic images there are.
        images: How many are to be measured.
    """
    of = provenance.images
    return 2 * min(images, synthetic, of["train"]) + of["test"] + of["validation"]


def extract_features(
    judge: "keras.Model", images: Images, on_progress: OnProgress = ignore_progress
) -> Features:
    """Show images to the judge.

    Args:
        judge: A network of :func:`gan_aug.classifiers.cnn.build_cnn`, trained.
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        on_progress: Called after each batch with the number of images done.
    """
    import keras  # noqa: PLC0415 - reading a Quality from a file must not wait for it

    network = keras.Model(judge.inputs, [judge.get_layer("features").output, *judge.outputs])
    activations, probabilities = predict_batches(
        lambda rows: tuple(network.predict_on_batch(to_unit(images[rows]))),
        len(images),
        on_progress,
    )
    return Features(activations.astype(np.float64), probabilities.astype(np.float64))


def describe_judge(judge: "keras.Model", seen: Features, truth: Labels) -> JudgeInfo:
    """Identify the judge.

    Args:
        judge: The network.
        seen: What it sees in the validation images.
        truth: Their ``(n,)`` labels.
    """
    digest = hashlib.sha256()
    for weight in judge.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return JudgeInfo(
        sha256=digest.hexdigest(), validation_accuracy=float((seen.labels == truth).mean())
    )


def measure_quality(
    synthetic: Features,
    floor: Features,
    reference: Features,
    *,
    neighbors: int,
    duplicates: Duplicates,
    judge: JudgeInfo,
) -> Quality:
    """Measure synthetic images beside real ones.

    Args:
        synthetic: What the judge sees in the synthetic images.
        floor: What it sees in as many training images.
        reference: What it sees in the test images.
        neighbors: The k of precision, recall, density and coverage.
        duplicates: As from :func:`find_duplicates`.
        judge: As from :func:`describe_judge`.

    Raises:
        UserError: A set has no more than ``neighbors`` images, the floor has not as many as there
            are synthetic ones, or the judge sees no difference between it and the reference.
    """
    check_floor(synthetic, floor)
    floor_metrics = measure(floor, reference, neighbors=neighbors)
    if floor_metrics.frechet_distance == 0:
        raise UserError(
            "quality: expected training and test images to differ for the judge, found the Fréchet "
            "distance 0; train the judge with a lower --quality.judge.learning-rate"
        )
    return Quality(
        images=len(synthetic),
        reference_images=len(reference),
        synthetic=measure(synthetic, reference, neighbors=neighbors),
        floor=floor_metrics,
        duplicates=duplicates,
        judge=judge,
    )


def check_floor(synthetic: Features, floor: Features) -> None:
    """Raise :class:`UserError` unless the floor is of as many images."""
    if len(floor) != len(synthetic):
        raise UserError(
            f"quality: expected as many training images as the {len(synthetic)} synthetic ones, "
            f"found {len(floor)}; lower --quality.images"
        )


def measure(images: Features, reference: Features, *, neighbors: int) -> Metrics:
    """Compare one set of images with the reference images."""
    return Metrics(
        frechet_distance=frechet_distance(images.activations, reference.activations),
        kernel_distance=kernel_distance(images.activations, reference.activations),
        **manifold_metrics(images.activations, reference.activations, neighbors=neighbors),
        inception_score=inception_score(images.probabilities),
        class_distance=class_distance(
            images.labels, reference.labels, classes=images.probabilities.shape[1]
        ),
    )


def check_samples(first: Float64, second: Float64, *, more_than: int) -> None:
    """Raise :class:`UserError` unless both are ``(n, d)`` with the same d and large enough."""
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise UserError(
            "quality: expected two sets of activations of one length, found shapes "
            f"{first.shape} and {second.shape}; show both sets to the same judge"
        )
    smallest = min(len(first), len(second))
    if smallest <= more_than:
        raise UserError(
            f"quality: expected more than {more_than} images of each kind, found {smallest}; raise "
            "--synthesis.images and --quality.images, or lower --quality.neighbors"
        )


def frechet_distance(first: Float64, second: Float64) -> float:
    """Fréchet distance of two Gaussians with the means and covariances of the samples.

    Heusel et al., "GANs trained by a two time-scale update rule" (2017), eq. 6. The trace of the
    root of the covariances' product is taken from a symmetric matrix of the same eigenvalues,
    which is real and finite for singular covariances too.

    Args:
        first: ``(n, d)`` activations, n ≥ 2.
        second: ``(m, d)`` activations, m ≥ 2.

    Raises:
        UserError: A set is too small, or the activations differ in length.
    """
    check_samples(first, second, more_than=1)
    covariances = [np.atleast_2d(np.cov(sample, rowvar=False)) for sample in (first, second)]
    root = matrix_root(covariances[0])
    eigenvalues = np.linalg.eigvalsh(root @ covariances[1] @ root)
    trace_of_root = np.sqrt(eigenvalues.clip(min=0)).sum()
    means = first.mean(axis=0) - second.mean(axis=0)
    distance = means @ means + sum(np.trace(c) for c in covariances) - 2 * trace_of_root
    return max(0.0, float(distance))


def matrix_root(covariance: Float64) -> Float64:
    """Return the symmetric square root of a positive semidefinite matrix."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    root: Float64 = (vectors * np.sqrt(eigenvalues.clip(min=0))) @ vectors.T
    return root


def kernel_distance(first: Float64, second: Float64, *, chunk: int = CHUNK) -> float:
    """Unbiased squared maximum mean discrepancy under the kernel (x·y / d + 1)³.

    Bińkowski et al., "Demystifying MMD GANs" (2018), on all images at once instead of averaged over
    subsets.

    Args:
        first: ``(n, d)`` activations, n ≥ 2.
        second: ``(m, d)`` activations, m ≥ 2.
        chunk: Rows taken at a time; any number gives the same distance.

    Raises:
        UserError: A set is too small, or the activations differ in length.
    """
    check_samples(first, second, more_than=1)

    def kernel_sum(a: Float64, b: Float64) -> float:
        blocks = (a[i : i + chunk] @ b.T / a.shape[1] + 1 for i in range(0, len(a), chunk))
        # Not ** 3: NumPy calls pow for every value, which takes longer than the matrix product.
        return sum(float(np.vdot(block * block, block)) for block in blocks)

    def mean_within(a: Float64) -> float:
        diagonal = (((a * a).sum(axis=1) / a.shape[1] + 1) ** 3).sum()
        return float((kernel_sum(a, a) - diagonal) / (len(a) * (len(a) - 1)))

    across = kernel_sum(first, second) / (len(first) * len(second))
    return mean_within(first) + mean_within(second) - 2 * across


def manifold_metrics(
    images: Float64, reference: Float64, *, neighbors: int, chunk_mib: float = CHUNK_MIB
) -> dict[str, float]:
    """Precision, recall, density and coverage, all from balls around nearest neighbours.

    A ball around a point reaches to its k-th nearest neighbour in its own set. Kynkäänniemi et al.,
    "Improved precision and recall metric" (2019); Naeem et al., "Reliable fidelity and diversity
    metrics" (2020).

    Args:
        images: ``(n, d)`` activations of the images to judge.
        reference: ``(m, d)`` activations of the real ones.
        neighbors: k, less than n and m.
        chunk_mib: Memory for the distances taken at a time; any gives the same metrics.

    Raises:
        UserError: A set has no more than k images, or the activations differ in length.
    """
    from sklearn.metrics import pairwise_distances_chunked  # noqa: PLC0415 - a second to import

    check_samples(images, reference, more_than=neighbors)
    image_radii, reference_radii = (
        find_radii(points, neighbors, chunk_mib) for points in (images, reference)
    )
    balls_around = []
    recalled = np.zeros(len(reference), dtype=bool)
    covered = np.zeros(len(reference), dtype=bool)
    done = 0
    for distances in pairwise_distances_chunked(images, reference, working_memory=chunk_mib):
        radii = image_radii[done : done + len(distances), None]
        inside_reference = distances <= reference_radii
        balls_around.append(inside_reference.sum(axis=1))
        covered |= inside_reference.any(axis=0)
        recalled |= (distances <= radii).any(axis=0)
        done += len(distances)
    counts = np.concatenate(balls_around)
    return {
        "precision": float((counts > 0).mean()),
        "recall": float(recalled.mean()),
        "density": float(counts.mean() / neighbors),
        "coverage": float(covered.mean()),
    }


def find_radii(points: Float64, neighbors: int, chunk_mib: float) -> Float64:
    """Return each point's ``(n,)`` distance to its k-th nearest other point."""
    from sklearn.metrics import pairwise_distances_chunked  # noqa: PLC0415 - a second to import

    # Not NearestNeighbors: its last decimals are others than those of the distances to the balls,
    # and a point on the edge of one would lie outside.
    def take_neighbor(distances: Float64, _start: int) -> Float64:
        itself_first = np.partition(distances, neighbors, axis=1)
        radii: Float64 = itself_first[:, neighbors].copy()
        return radii

    chunks = pairwise_distances_chunked(points, reduce_func=take_neighbor, working_memory=chunk_mib)
    return np.concatenate(list(chunks))


def inception_score(probabilities: Float64) -> float:
    """Return exp of the mean Kullback-Leibler divergence of each row from the rows' mean.

    Salimans et al., "Improved techniques for training GANs" (2016), section 4, on all images at
    once and with the judge in the place of the Inception network.

    Args:
        probabilities: ``(n, classes)``; rows sum to 1.

    Returns:
        1 where all rows are equal; the number of classes where each row is sure of one and all
        classes are as many.
    """
    divergences = scipy.special.rel_entr(probabilities, probabilities.mean(axis=0)).sum(axis=1)
    return float(np.exp(divergences.mean()))


def class_distance(first: Labels, second: Labels, *, classes: int) -> float:
    """Total variation, in [0, 1], between the class shares of two sets of labels.

    Args:
        first: ``(n,)`` labels below ``classes``.
        second: ``(m,)`` likewise.
        classes: How many there are.
    """
    shares = [np.bincount(labels, minlength=classes) / len(labels) for labels in (first, second)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def find_duplicates(
    synthetic: Images, train: Images, reference: Images, *, chunk: int = CHUNK
) -> Duplicates:
    """Look for copies of training images among the synthetic ones.

    Args:
        synthetic: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        train: ``(m, ...)`` uint8: what the generator may have copied.
        reference: ``(r, ...)`` uint8 real images that it never saw.
        chunk: Images taken at a time; any number gives the same answer.
    """
    _, expected = find_nearest(reference, train, chunk=chunk)
    _, found = find_nearest(synthetic, train, chunk=chunk)
    distance = float(np.quantile(expected, DUPLICATE_QUANTILE))
    copied = found < distance
    return Duplicates(count=int(copied.sum()), share=float(copied.mean()), distance=distance)


def find_nearest(
    images: Images,
    originals: Images,
    *,
    chunk: int = CHUNK,
    block_floats: int = BLOCK_FLOATS,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Find each image's nearest original, pixel by pixel.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        originals: ``(m, ...)`` uint8, of the same shape each.
        chunk: Images taken at a time; any number gives the same answer.
        block_floats: Bounds the pixels of originals, and the distances, taken at a time; likewise.

    Returns:
        ``(n,)`` places among the originals, and ``(n,)`` Euclidean distances, a pixel being 0 to 1.
    """
    pixels = int(np.prod(images.shape[1:]))
    rows = max(1, block_floats // max(pixels, chunk))
    step = min(chunk, rows)
    places = np.zeros(len(images), dtype=np.intp)
    nearest = np.full(len(images), np.inf, dtype=np.float32)
    for first in range(0, len(originals), rows):
        block = flatten(originals[first : first + rows])
        for start in range(0, len(images), step):
            part = slice(start, start + step)
            distances = square_distances(flatten(images[part]), block)
            best = distances.argmin(axis=1)
            found = distances[np.arange(len(best)), best]
            closer = found < nearest[part]
            nearest[part] = np.where(closer, found, nearest[part])
            places[part] = np.where(closer, first + best, places[part])
    return places, np.sqrt(nearest)


# Not scikit-learn's pairwise_distances_argmin_min: for 10,000 images among 50,000 of MNIST it found
# the same places in 65 s instead of 21, and other last decimals of the distances. It would also
# need all originals as floats at once, 39 GB for 50,000 RGB images of 256 pixels a side.
def square_distances(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the ``(n, m)`` squared distances of ``(n, d)`` rows to ``(m, d)`` ones."""
    distances: NDArray[np.float32] = first @ second.T
    # In place: they are hundreds of megabytes.
    distances *= -2
    distances += np.einsum("ij,ij->i", second, second)
    distances += np.einsum("ij,ij->i", first, first)[:, None]
    return np.maximum(distances, 0, out=distances)


def flatten(images: Images) -> NDArray[np.float32]:
    """Return ``(n, pixels)`` float32 in [0, 1]."""
    return to_unit(images).reshape(len(images), -1)
