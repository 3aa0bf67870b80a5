import json

import keras
import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from gan_aug import quality
from gan_aug.cnn import build_cnn
from gan_aug.errors import UserError
from gan_aug.quality import Features, JudgeInfo, Quality


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
    assert quality.manifold_metrics(a, b, neighbors=3, chunk=chunk) == pytest.approx(
        quality.manifold_metrics(a, b, neighbors=3)
    )


def test_the_order_of_the_images_changes_nothing(samples, rng):
    a, b = samples
    shuffled = a[rng.permutation(len(a))]
    assert quality.frechet_distance(shuffled, b) == pytest.approx(quality.frechet_distance(a, b))
    assert quality.manifold_metrics(shuffled, b, neighbors=3) == pytest.approx(
        quality.manifold_metrics(a, b, neighbors=3)
    )


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
    sevens, mixed = np.full(4, 7, np.uint8), np.array([7, 7, 7, 1], np.uint8)
    assert quality.class_distance(sevens, sevens) == 0
    assert quality.class_distance(sevens, mixed) == 0.25
    assert quality.class_distance(sevens, np.zeros(9, np.uint8)) == 1


def test_copies_of_training_images_are_found(real):
    train, reference, fresh = real.images[:600], real.images[600:900], real.images[900:]
    share, distance = quality.find_duplicates(
        np.concatenate([train[:30], fresh[:70]]), train, reference, chunk=64
    )
    nearest = [
        pairwise_distances(images.reshape(len(images), -1) / 255, train.reshape(600, -1) / 255)
        for images in (reference, fresh[:70])
    ]
    expected = np.quantile(nearest[0].min(axis=1), 0.01)
    assert distance == pytest.approx(expected, rel=1e-4)
    assert share == pytest.approx((30 + (nearest[1].min(axis=1) < expected).sum()) / 100)


def test_the_judges_activations_are_those_of_its_last_hidden_layer(real):
    judge = build_cnn()
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
    judge, other = build_cnn(), build_cnn()
    seen = Features(np.zeros((4, 256)), np.array([1, 2, 3, 4], np.uint8))
    truth = np.array([1, 2, 3, 9], np.uint8)
    info = quality.describe_judge(judge, seen, truth)
    assert info.validation_accuracy == 0.75
    assert info != quality.describe_judge(other, seen, truth)
    other.set_weights(judge.get_weights())
    assert info == quality.describe_judge(other, seen, truth)


def measured(images, reference, neighbors=3):
    as_features = [Features(a, np.zeros(len(a), np.uint8)) for a in (images, images, reference)]
    info = JudgeInfo(sha256="0", validation_accuracy=1.0)
    return quality.measure_quality(
        *as_features, neighbors=neighbors, duplicates=(0.0, 1.0), judge=info
    )


def test_real_images_score_the_floor_and_the_json_comes_back_whole(samples):
    found = measured(*samples)
    assert found.synthetic == found.floor
    assert found.frechet_ratio == 1
    assert Quality.model_validate(json.loads(found.model_dump_json())) == found


def test_fewer_images_than_neighbours_are_refused(samples):
    with pytest.raises(UserError, match=r"more than 90 images .*found 70; raise"):
        measured(*samples, neighbors=90)


def test_activations_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="expected finite activations"):
        Features(np.full((2, 256), np.nan), np.zeros(2, np.uint8))
