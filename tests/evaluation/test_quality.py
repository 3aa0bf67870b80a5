import json
from functools import partial

import keras
import numpy as np
import pytest
from pets import make_pets
from scipy.linalg import sqrtm
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from gan_aug.classifiers.cnn import build_cnn
from gan_aug.errors import UserError
from gan_aug.evaluation import quality
from gan_aug.evaluation.quality import Duplicates, Features, JudgeInfo, Quality

MNIST = ((28, 28, 1), 10)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def samples(rng):
    """Two overlapping clouds of different size, spread and place."""
    return rng.normal(size=(70, 6)), 1.3 * rng.normal(size=(90, 6)) + 0.4


def test_frechet_distance_equals_the_formula(samples):
    a, b = samples
    covariances = np.cov(a.T), np.cov(b.T)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(
        covariances[0] + covariances[1] - 2 * sqrtm(covariances[0] @ covariances[1]).real
    )
    assert quality.frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert quality.frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_a_set_to_itself_is_zero_and_shift_counts_squared(samples):
    a, _ = samples
    assert quality.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert quality.frechet_distance(a, a + 2) == pytest.approx(6 * 4, rel=1e-9)


def test_frechet_distance_bears_singular_covariances(rng):
    """Fewer images than activations, and an activation that never fires."""
    a, b = rng.normal(size=(5, 8)), rng.normal(size=(6, 8))
    a[:, 0] = b[:, 0] = 0
    covariances = np.cov(a.T), np.cov(b.T)
    eigenvalues = np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(min=0)
    expected = (
        ((a.mean(0) - b.mean(0)) ** 2).sum()
        + np.trace(covariances[0] + covariances[1])
        - 2 * np.sqrt(eigenvalues).sum()
    )
    assert quality.frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dead", [np.zeros((20, 6)), np.ones((20, 6))])
def test_frechet_distance_bears_activations_that_never_change(dead, rng):
    other = rng.normal(size=(30, 6))
    expected = ((dead[0] - other.mean(0)) ** 2).sum() + np.trace(np.cov(other.T))
    assert quality.frechet_distance(dead, dead) == 0
    assert quality.frechet_distance(dead, other) == pytest.approx(expected)


def test_kernel_distance_equals_the_unbiased_estimate(samples):
    a, b = samples

    def kernel(x, y):
        return polynomial_kernel(x, y, degree=3, gamma=1 / x.shape[1], coef0=1)

    def off_diagonal_mean(x):
        k = kernel(x, x)
        return (k.sum() - np.trace(k)) / (len(x) * (len(x) - 1))

    expected = off_diagonal_mean(a) + off_diagonal_mean(b) - 2 * kernel(a, b).mean()
    assert quality.kernel_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_manifold_metrics_equal_their_definitions(samples):
    images, reference = samples
    k = 5

    def radii(points):
        return NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, k]

    distances = pairwise_distances(images, reference)
    inside = distances <= radii(reference)
    expected = {
        "precision": inside.any(axis=1).mean(),
        "recall": (distances <= radii(images)[:, None]).any(axis=0).mean(),
        "density": inside.sum() / (k * len(images)),
        "coverage": inside.any(axis=0).mean(),
    }
    assert quality.manifold_metrics(images, reference, neighbors=k) == pytest.approx(expected)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_chunk_size_changes_nothing(samples, chunk):
    a, b = samples
    assert quality.kernel_distance(a, b, chunk=chunk) == pytest.approx(
        quality.kernel_distance(a, b), rel=1e-12
    )
    mib = chunk * b.shape[0] * 8 / 2**20
    assert quality.manifold_metrics(a, b, neighbors=3, chunk_mib=mib) == pytest.approx(
        quality.manifold_metrics(a, b, neighbors=3)
    )


def test_the_order_of_the_images_changes_nothing(samples, rng):
    a, b = samples
    shuffled = a[rng.permutation(len(a))]
    assert quality.frechet_distance(shuffled, b) == pytest.approx(quality.frechet_distance(a, b))
    assert quality.manifold_metrics(shuffled, b, neighbors=3) == pytest.approx(
        quality.manifold_metrics(a, b, neighbors=3)
    )


def test_a_set_compared_with_itself_is_perfect(samples):
    """Its density is (k + 1) / k, less the neighbours that rounding puts outside their ball."""
    a, _ = samples
    metrics = quality.manifold_metrics(a, a, neighbors=3)
    assert (metrics["precision"], metrics["recall"], metrics["coverage"]) == (1, 1, 1)
    assert metrics["density"] == pytest.approx(4 / 3, rel=0.02)
    assert quality.kernel_distance(a, a) < 0


def test_far_away_nothing_is_covered(samples):
    a, b = samples
    metrics = quality.manifold_metrics(a + 100, b, neighbors=3)
    assert set(metrics.values()) == {0.0}


def test_mode_collapse_lowers_recall_and_coverage_but_not_precision(samples, rng):
    _, reference = samples
    collapsed = reference[:1] + 1e-3 * rng.normal(size=(70, 6))
    metrics = quality.manifold_metrics(collapsed, reference, neighbors=3)
    assert metrics["precision"] == 1
    assert metrics["recall"] < 0.1
    assert metrics["coverage"] < 0.2


def test_class_distance_is_half_the_sum_of_differences():
    sevens, mixed = np.full(4, 7, np.uint16), np.array([7, 7, 7, 1], np.uint16)
    assert quality.class_distance(sevens, sevens, classes=10) == 0
    assert quality.class_distance(sevens, mixed, classes=47) == 0.25
    assert quality.class_distance(sevens, np.zeros(9, np.uint16), classes=8) == 1


def test_copies_of_training_images_are_found(real):
    train, reference, fresh = real.images[:600], real.images[600:900], real.images[900:]
    synthetic = np.concatenate([train[:30], fresh[:70]])
    found = quality.find_duplicates(synthetic, train, reference)
    nearest = [
        pairwise_distances(images.reshape(len(images), -1) / 255, train.reshape(600, -1) / 255)
        for images in (reference, fresh[:70])
    ]
    expected = np.quantile(nearest[0].min(axis=1), 0.01)
    assert found.distance == pytest.approx(expected, rel=1e-4)
    assert found.count == 30 + (nearest[1].min(axis=1) < expected).sum()
    assert found.share == found.count / 100
    for chunk in (7, 64):
        again = quality.find_duplicates(synthetic, train, reference, chunk=chunk)
        assert again.model_dump() == pytest.approx(found.model_dump(), rel=1e-5)


@pytest.mark.parametrize("block_floats", [1, 784 * 7, 10**9])
def test_the_originals_may_be_taken_in_blocks(real, block_floats):
    images, originals = real.images[:20], real.images[20:80]
    places, distances = quality.find_nearest(images, originals, chunk=6, block_floats=block_floats)
    flat = [part.reshape(len(part), -1) / 255 for part in (images, originals)]
    expected = pairwise_distances(*flat)
    np.testing.assert_array_equal(places, expected.argmin(axis=1))
    np.testing.assert_allclose(distances, expected.min(axis=1), rtol=1e-4)


def test_the_first_of_equal_originals_is_the_nearest(rng):
    originals = np.repeat(rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8), 2, axis=0)
    places, distances = quality.find_nearest(originals, originals, chunk=2, block_floats=768 * 3)
    np.testing.assert_array_equal(places, [0, 0, 2, 2, 4, 4])
    assert distances.max() < 0.02


def test_the_judges_activations_are_those_of_its_last_hidden_layer(real):
    judge = build_cnn(*MNIST)
    features = quality.extract_features(judge, real.images[:3])
    assert features.activations.shape == (3, 256)
    assert features.activations.min() >= 0
    unit = real.images[:3, ..., None] / np.float32(255)
    last = judge.layers[-1]
    probabilities = keras.ops.softmax(
        features.activations.astype(np.float32) @ last.kernel.numpy() + last.bias.numpy()
    )
    np.testing.assert_allclose(probabilities, judge.predict_on_batch(unit), atol=1e-5)
    np.testing.assert_array_equal(features.labels, np.argmax(probabilities, axis=1))


def test_the_judge_is_known_by_its_weights():
    judge, other = build_cnn(*MNIST), build_cnn(*MNIST)
    seen = Features(np.zeros((4, 256)), np.eye(10)[[1, 2, 3, 4]])
    truth = np.array([1, 2, 3, 9], np.uint16)
    info = quality.describe_judge(judge, seen, truth)
    assert info.validation_accuracy == 0.75
    assert info != quality.describe_judge(other, seen, truth)
    other.set_weights(judge.get_weights())
    assert info == quality.describe_judge(other, seen, truth)


def measured(images, floor, reference, neighbors=3):
    as_features = [Features(a, np.eye(10)[[0] * len(a)]) for a in (images, floor, reference)]
    return quality.measure_quality(
        *as_features,
        neighbors=neighbors,
        duplicates=Duplicates(count=0, share=0.0, distance=1.0),
        judge=JudgeInfo(sha256="0", validation_accuracy=1.0),
    )


def test_real_images_score_the_floor_and_the_json_comes_back_whole(samples):
    a, b = samples
    found = measured(a, a, b)
    assert found.synthetic == found.floor
    assert found.frechet_ratio == 1
    kept = json.loads(found.model_dump_json())
    assert kept["frechet_ratio"] == 1
    assert Quality.model_validate(kept) == found


def test_the_ratio_is_over_the_floor(samples):
    a, b = samples
    found = measured(a + 1, a, b)
    distances = [quality.frechet_distance(images, b) for images in (a + 1, a)]
    assert found.frechet_ratio == pytest.approx(distances[0] / distances[1])


def test_fewer_images_than_neighbours_are_refused(samples):
    a, b = samples
    with pytest.raises(UserError, match=r"more than 90 images .*found 70; raise"):
        measured(a, a, b, neighbors=90)


METRICS = [
    quality.frechet_distance,
    quality.kernel_distance,
    partial(quality.manifold_metrics, neighbors=1),
]


@pytest.mark.parametrize("metric", METRICS)
def test_one_image_has_no_spread(metric, samples):
    a, b = samples
    with pytest.raises(UserError, match="more than 1 images of each kind, found 1;"):
        metric(a, b[:1])


@pytest.mark.parametrize("metric", METRICS)
def test_activations_of_two_judges_are_refused(metric, samples):
    a, b = samples
    with pytest.raises(UserError, match=r"of one length, found shapes \(70, 6\) and \(90, 5\)"):
        metric(a, b[:, :5])


def test_a_floor_of_another_size_is_refused(samples):
    a, b = samples
    with pytest.raises(UserError, match=r"as many training images as the 70 .* found 69"):
        measured(a, a[1:], b)


def test_a_judge_that_sees_no_difference_is_refused():
    blind = np.zeros((20, 6))
    with pytest.raises(UserError, match=r"to differ for the judge.*learning-rate"):
        measured(blind, blind, blind)


def test_activations_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="expected finite activations"):
        Features(np.full((2, 256), np.nan), np.eye(10)[[0, 0]])


@pytest.mark.parametrize("classes", [2, 3, 10, 47, 1000])
def test_the_inception_score_goes_from_one_opinion_to_all_classes(rng, classes):
    one = np.repeat(rng.dirichlet(np.ones(classes))[None], 50, axis=0)
    assert quality.inception_score(one) == pytest.approx(1)
    assert quality.inception_score(np.eye(classes)) == pytest.approx(classes)
    assert quality.inception_score(np.eye(classes)[[0, 1] * 5]) == pytest.approx(2)


def test_the_inception_score_falls_with_doubt(rng):
    sure, doubtful = (rng.dirichlet(np.full(10, share), size=2000) for share in (0.01, 0.3))
    assert 10 > quality.inception_score(sure) > quality.inception_score(doubtful) > 1


def test_images_of_any_shape_are_judged_beside_real_ones(rng):
    """Three RGB classes of 64x64, fewer training images than are asked for."""
    pets = make_pets(train=30, validation=8, test=12)
    judge = build_cnn(pets.spec.shape, 3)
    synthetic = rng.integers(0, 256, (50, 64, 64, 3), dtype=np.uint8)
    synthetic[0] = pets.train.images[7]
    told = []
    found = quality.judge_images(
        judge, synthetic, pets, images=40, neighbors=3, on_progress=lambda n, _: told.append(n)
    )
    assert (found.images, found.reference_images) == (30, 12)
    assert found.duplicates.count >= 1
    assert told[-1] == quality.count_judged(pets.provenance, synthetic=50, images=40) == 80
    assert told == sorted(told)
    seen = [
        quality.extract_features(judge, images)
        for images in (synthetic[:30], pets.train.images, pets.test.images)
    ]
    assert found.synthetic == quality.measure(seen[0], seen[2], neighbors=3)
    assert found.floor == quality.measure(seen[1], seen[2], neighbors=3)
    assert 1 <= found.synthetic.inception_score <= 3
    assert found.judge == quality.describe_judge(
        judge, quality.extract_features(judge, pets.validation.images), pets.validation.labels
    )


def test_labels_beyond_a_byte_are_kept():
    seen = Features(np.zeros((2, 256)), np.eye(1000)[[999, 300]])
    np.testing.assert_array_equal(seen.labels, [999, 300])
    assert seen.labels.dtype == np.uint16
