from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gan_aug.errors import UserError
from gan_aug.images import ImageSpec, LabeledImages, one_hot
from gan_aug.representation.propagation import (
    Propagated,
    balance_classes,
    build_graph,
    estimate_graph,
    find_neighbors,
    part_labels,
    propagate,
    rank_images,
    spread_labels,
)


@pytest.fixture
def blobs():
    """Directions around three poles, and which pole each is of."""
    rng = np.random.default_rng(0)
    labels = (np.arange(150) % 3).astype(np.uint16)
    points = np.eye(3)[labels] + rng.normal(0, 0.15, (150, 3))
    features = points / np.linalg.norm(points, axis=1, keepdims=True)
    return features.astype(np.float32), labels


def spread(features, labels, drawn, slack):
    """Propagate among images that nobody looks at."""
    images = np.zeros((len(labels), 16, 16), np.uint8)
    train = LabeledImages(images, labels, ImageSpec((16, 16, 1), ("x", "y", "z")))
    return propagate(find_neighbors(features, 8), train, drawn, slack=slack)


def test_neighbors_are_the_nearest_others(blobs):
    features, _ = blobs
    found = find_neighbors(features, 5)
    distances = cdist(features, features)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(found.places, distances.argsort(axis=1)[:, :5])
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :5], atol=1e-3)


def test_copies_of_an_image_are_neighbors_of_each_other():
    features = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    found = find_neighbors(features, 2)
    assert all(place not in row for place, row in enumerate(found.places.tolist()))
    graph = build_graph(found)
    assert np.isfinite(graph.data).all()
    assert graph.data.min() > 0


def test_there_are_no_more_neighbors_than_others():
    assert find_neighbors(np.eye(4, dtype=np.float32), 12).places.shape == (4, 3)


def test_links_go_both_ways(blobs):
    graph = build_graph(find_neighbors(blobs[0], 5))
    assert (graph != graph.T).nnz == 0
    assert graph.diagonal().sum() == 0
    assert 0 < graph.data.min() <= graph.data.max() <= 1


def test_labels_spread_as_the_dense_equation_says():
    """``L u = sources``, whose solution is unique but for a constant a class."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(150, 3)), (np.arange(150) % 3).astype(np.uint16)
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    graph = build_graph(find_neighbors(features, 30))
    drawn = np.array([0, 1, 2, 33, 67])
    scores = spread_labels(graph, drawn, labels[drawn], 3)
    weights = graph.toarray()
    laplacian = np.diag(weights.sum(axis=1)) - weights
    sources = np.zeros((150, 3))
    sources[drawn] = one_hot(labels[drawn], 3) - one_hot(labels[drawn], 3).mean(axis=0)
    np.testing.assert_allclose(laplacian @ scores, sources, atol=1e-3)
    exact = np.linalg.pinv(laplacian) @ sources
    np.testing.assert_allclose(scores - scores.mean(axis=0), exact - exact.mean(axis=0), atol=0.02)


def test_one_label_a_class_names_all_images_of_well_parted_classes(blobs):
    features, labels = blobs
    drawn = np.array([0, 1, 2])
    found = spread(features, labels, drawn, slack=0.5)
    assert (found.labels == labels).mean() > 0.98
    np.testing.assert_array_equal(found.labels[drawn], labels[drawn])
    assert (found.ranks[drawn] == 0).all()
    assert found.ranks.max() <= 1


def test_labels_that_were_not_drawn_are_not_looked_at(blobs):
    features, labels = blobs
    drawn = np.array([0, 1, 2, 3, 4, 5])
    hidden = labels.copy()
    hidden[6:] = 0
    either = [spread(features, known, drawn, slack=0.2) for known in (labels, hidden)]
    np.testing.assert_array_equal(either[0].labels, either[1].labels)


def test_the_surest_images_of_each_class_are_trusted(blobs):
    features, labels = blobs
    found = spread(features, labels, np.arange(6), slack=0.2)
    trusted = found.trust(0.6, most_wrong=1.0)
    assert trusted[:6].all()
    for label in range(3):
        own = found.labels == label
        assert trusted[own].sum() == pytest.approx(0.6 * own.sum(), abs=1)
        assert found.ranks[own & trusted].max() < found.ranks[own & ~trusted].min()
    assert found.trust(1.0, most_wrong=1.0).all()


def test_those_with_the_largest_margins_have_the_lowest_ranks():
    labels = np.array([0, 1, 0, 1, 0])
    ranks = rank_images(labels, np.array([0.1, 0.5, 0.9, 0.7, 0.3]))
    np.testing.assert_allclose(ranks, [1, 1, 1 / 3, 1 / 2, 2 / 3], rtol=1e-6)


def test_every_label_is_held_out_once_but_a_class_keeps_one():
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 2], dtype=np.uint16)
    parts = part_labels(labels)
    assert parts[7] == -1
    assert (parts[:7] >= 0).all()
    for part in range(parts.max() + 1):
        assert set(labels[parts != part]) == {0, 1, 2}


def test_held_out_labels_show_how_often_spread_ones_are_wrong(blobs):
    features, labels = blobs
    drawn = np.arange(60)
    clean = spread(features, labels, drawn, slack=0.5)
    assert len(clean.tested_wrong) == 60
    assert clean.tested_wrong.mean() < 0.05
    rng = np.random.default_rng(0)
    noisy = spread(features, rng.permutation(labels), drawn, slack=0.5)
    assert noisy.tested_wrong.mean() == pytest.approx(2 / 3, abs=0.2)
    assert noisy.find_reliable(0.05) < 0.1


def test_labels_are_reliable_as_far_as_held_out_ones_are_right():
    ranks = np.array([0.9, 0.2, 0.4, 0.6], np.float32)
    wrong = np.array([True, False, False, True])
    found = Propagated(np.zeros(9, np.uint16), np.linspace(0, 1, 9, dtype=np.float32), ranks, wrong)
    assert found.find_reliable(0.0) == pytest.approx(0.4)
    assert found.find_reliable(0.34) == pytest.approx(0.6)
    assert found.find_reliable(0.5) == 1
    np.testing.assert_array_equal(found.trust(1.0, 0.0), found.ranks <= 0.4)
    np.testing.assert_array_equal(found.trust(0.3, 0.0), found.ranks <= 0.3)
    early = replace(found, tested_wrong=np.array([False, True, False, False]))
    assert early.find_reliable(0.25) == 1
    assert replace(found, tested_wrong=~wrong).find_reliable(0.0) == 0
    nothing = replace(found, tested_ranks=ranks[:0], tested_wrong=wrong[:0])
    assert nothing.find_reliable(0.0) == 1


@pytest.mark.parametrize("slack", [0.0, 0.3])
def test_classes_are_brought_to_size_but_for_the_slack(slack):
    rng = np.random.default_rng(0)
    scores = rng.random((3000, 3)) * [1.0, 1.3, 0.9]
    expected = np.array([0.5, 0.3, 0.2])
    sizes = np.bincount(balance_classes(scores, expected, slack).argmax(axis=1)) / 3000
    assert np.abs(sizes / expected - 1).max() <= slack + 0.01


def test_sizes_within_the_slack_are_left_alone():
    scores = np.random.default_rng(0).random((3000, 3))
    np.testing.assert_array_equal(balance_classes(scores, np.full(3, 1 / 3), 0.3), scores)


def test_a_class_without_a_label_is_refused(blobs):
    features, labels = blobs
    with pytest.raises(UserError, match=r"labels: expected at least one of every class.*--labels"):
        spread(features, labels, np.array([0, 3]), slack=0.2)


def test_an_estimate_of_memory_grows_with_images_and_classes():
    assert 0 < estimate_graph(1000, 12, 10) < estimate_graph(1000, 12, 100)
    assert estimate_graph(1000, 12, 10) < estimate_graph(2000, 12, 10)
