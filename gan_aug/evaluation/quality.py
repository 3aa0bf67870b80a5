"""How good synthetic images are, in the eyes of a frozen digit classifier, the judge.

Distances compare the activations of the judge's 256-unit layer, which know digits, where those of
a network trained on photographs do not. The judge is trained once, on all training labels. It
labels nothing and selects nothing: it is never the teacher, and no setting depends on it in a run.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, computed_field
from scipy.special import rel_entr

from gan_aug.errors import UserError
from gan_aug.images import CLASSES, Images, UInt8, to_unit
from gan_aug.progress import OnProgress, ignore_progress

if TYPE_CHECKING:
    import keras

__all__ = [
    "Duplicates",
    "Features",
    "JudgeInfo",
    "Metrics",
    "Quality",
    "class_distance",
    "describe_judge",
    "extract_features",
    "find_duplicates",
    "find_nearest",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "manifold_metrics",
    "measure",
    "measure_quality",
]

BATCH_SIZE = 500
CHUNK = 1000
DUPLICATE_QUANTILE = 0.01

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """What the judge sees in images.

    Attributes:
        activations: ``(n, 256)`` float64.
        probabilities: ``(n, 10)`` float64, of the classes.

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
    def labels(self) -> UInt8:
        """``(n,)`` uint8: the judge's most probable class."""
        labels: UInt8 = self.probabilities.argmax(axis=1).astype(np.uint8)
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
        inception_score: Salimans et al. (2016), in the judge's probabilities, in [1, 10]: how sure
            it is of each image, and how different it calls them. It knows no reference.
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
        share: The same as a share, in [0, 1]; 0.01 is what fresh handwriting scores.
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


def extract_features(
    judge: "keras.Model", images: Images, on_progress: OnProgress = ignore_progress
) -> Features:
    """Show images to the judge.

    Args:
        judge: A network of :func:`gan_aug.classifiers.cnn.build_cnn`, trained.
        images: ``(n, 28, 28)`` uint8.
        on_progress: Called after each batch with the number of images done.
    """
    import keras  # noqa: PLC0415 - reading a Quality from a file must not wait for it

    network = keras.Model(judge.inputs, [judge.get_layer("features").output, *judge.outputs])
    activations: list[Float64] = []
    probabilities: list[Float64] = []
    for start in range(0, len(images), BATCH_SIZE):
        batch = images[start : start + BATCH_SIZE]
        for seen, values in zip(
            (activations, probabilities), network.predict_on_batch(to_unit(batch)), strict=True
        ):
            seen.append(values.astype(np.float64))
        on_progress(start + len(batch), {})
    return Features(np.concatenate(activations), np.concatenate(probabilities))


def describe_judge(judge: "keras.Model", seen: Features, truth: UInt8) -> JudgeInfo:
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
    if len(floor) != len(synthetic):
        raise UserError(
            f"quality: expected as many training images as the {len(synthetic)} synthetic ones, "
            f"found {len(floor)}; lower --quality.images"
        )
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


def measure(images: Features, reference: Features, *, neighbors: int) -> Metrics:
    """Compare one set of images with the reference images."""
    return Metrics(
        frechet_distance=frechet_distance(images.activations, reference.activations),
        kernel_distance=kernel_distance(images.activations, reference.activations),
        **manifold_metrics(images.activations, reference.activations, neighbors=neighbors),
        inception_score=inception_score(images.probabilities),
        class_distance=class_distance(images.labels, reference.labels),
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
    images: Float64, reference: Float64, *, neighbors: int, chunk: int = CHUNK
) -> dict[str, float]:
    """Precision, recall, density and coverage, all from balls around nearest neighbours.

    A ball around a point reaches to its k-th nearest neighbour in its own set. Kynkäänniemi et al.,
    "Improved precision and recall metric" (2019); Naeem et al., "Reliable fidelity and diversity
    metrics" (2020).

    Args:
        images: ``(n, d)`` activations of the images to judge.
        reference: ``(m, d)`` activations of the real ones.
        neighbors: k, less than n and m.
        chunk: Images taken at a time; any number gives the same metrics.

    Raises:
        UserError: A set has no more than k images, or the activations differ in length.
    """
    check_samples(images, reference, more_than=neighbors)
    image_radii = neighbor_radii(images, neighbors, chunk)
    reference_radii = neighbor_radii(reference, neighbors, chunk)
    balls_around = np.empty(len(images))
    recalled = np.zeros(len(reference), dtype=bool)
    covered = np.zeros(len(reference), dtype=bool)
    for rows, distances in squared_distances(images, reference, chunk):
        inside_reference = distances <= reference_radii
        balls_around[rows] = inside_reference.sum(axis=1)
        covered |= inside_reference.any(axis=0)
        recalled |= (distances <= image_radii[rows, None]).any(axis=0)
    return {
        "precision": float((balls_around > 0).mean()),
        "recall": float(recalled.mean()),
        "density": float(balls_around.mean() / neighbors),
        "coverage": float(covered.mean()),
    }


def neighbor_radii(points: Float64, neighbors: int, chunk: int) -> Float64:
    """Return each point's ``(n,)`` squared distance to its k-th nearest other point."""
    radii = np.empty(len(points))
    for rows, distances in squared_distances(points, points, chunk):
        distances[np.arange(len(distances)), rows] = np.inf
        radii[rows] = np.partition(distances, neighbors - 1, axis=1)[:, neighbors - 1]
    return radii


def squared_distances(
    first: NDArray[Any], second: NDArray[Any], chunk: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[Any]]]:
    """Yield row numbers of ``first`` and their ``(rows, m)`` squared distances to ``second``."""
    norms = np.einsum("ij,ij->i", second, second)
    for start in range(0, len(first), chunk):
        block = first[start : start + chunk]
        distances = block @ second.T
        # In place: a block is hundreds of megabytes where all training images are the second set.
        distances *= -2
        distances += norms
        distances += np.einsum("ij,ij->i", block, block)[:, None]
        yield np.arange(start, start + len(block)), np.maximum(distances, 0, out=distances)


def inception_score(probabilities: Float64) -> float:
    """Return exp of the mean Kullback-Leibler divergence of each row from the rows' mean.

    Salimans et al., "Improved techniques for training GANs" (2016), section 4, on all images at
    once and with a classifier of digits in the place of the Inception network.

    Args:
        probabilities: ``(n, 10)``; rows sum to 1.

    Returns:
        1 where all rows are equal, 10 where each is sure of a class and all classes are as many.
    """
    divergences = rel_entr(probabilities, probabilities.mean(axis=0)).sum(axis=1)
    return float(np.exp(divergences.mean()))


def class_distance(first: UInt8, second: UInt8) -> float:
    """Total variation, in [0, 1], between the class shares of two sets of labels."""
    shares = [np.bincount(labels, minlength=CLASSES) / len(labels) for labels in (first, second)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def find_duplicates(
    synthetic: Images, train: Images, reference: Images, *, chunk: int = CHUNK
) -> Duplicates:
    """Look for copies of training images among the synthetic ones.

    Args:
        synthetic: ``(n, 28, 28)`` uint8.
        train: ``(m, 28, 28)`` uint8: what the generator may have copied.
        reference: ``(r, 28, 28)`` uint8 real images that it never saw.
        chunk: Images taken at a time; any number gives the same answer.
    """
    _, expected = find_nearest(reference, train, chunk=chunk)
    _, found = find_nearest(synthetic, train, chunk=chunk)
    distance = float(np.quantile(expected, DUPLICATE_QUANTILE))
    copied = found < distance
    return Duplicates(count=int(copied.sum()), share=float(copied.mean()), distance=distance)


def find_nearest(
    images: Images, originals: Images, *, chunk: int = CHUNK
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Find each image's nearest original, pixel by pixel.

    Args:
        images: ``(n, 28, 28)`` uint8.
        originals: ``(m, 28, 28)`` uint8.
        chunk: Images taken at a time; any number gives the same answer.

    Returns:
        ``(n,)`` places among the originals, and ``(n,)`` Euclidean distances, a pixel being 0 to 1.
    """
    places, minima = [], []
    for _, distances in squared_distances(flatten(images), flatten(originals), chunk):
        nearest = distances.argmin(axis=1)
        places.append(nearest)
        minima.append(distances[np.arange(len(nearest)), nearest])
    return np.concatenate(places), np.sqrt(np.concatenate(minima))


def flatten(images: Images) -> NDArray[np.float32]:
    return to_unit(images).reshape(len(images), -1)
