import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from gan_aug.gan.clustering import cluster_images


def test_clusters_follow_the_digits_though_no_label_was_seen(digits):
    clusters = cluster_images(digits.train.images, 20, seed=0)
    assert clusters.shape == (len(digits.train),)
    assert clusters.dtype == np.int32
    assert set(clusters) <= set(range(20))
    assert adjusted_mutual_info_score(digits.train.labels, clusters) > 0.5


def test_clusters_depend_on_the_seed_only(digits):
    images = digits.train.images[:300]
    one, same, other = (cluster_images(images, 5, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_more_clusters_than_images_leave_some_empty(digits):
    clusters = cluster_images(digits.train.images[:6], 50, seed=0)
    assert set(clusters) <= set(range(6))
