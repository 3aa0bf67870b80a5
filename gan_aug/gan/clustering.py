"""Groups of similar images, among all of them or within each class."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

from gan_aug.components import reduce_images
from gan_aug.errors import UserError
from gan_aug.images import Float32, Images, Indices, Labels

__all__ = ["ClassClusters", "check_clusters", "cluster_classes", "cluster_images"]

BATCH_SIZE = 2048
STARTS = 3

Groups = NDArray[np.int32]


class ClassClusters(NamedTuple):
    """Groups of which each has images of one class alone.

    Attributes:
        groups: ``(n,)`` group of each image.
        classes: ``(clusters,)`` class of each group.
    """

    groups: Groups
    classes: Labels


def cluster_images(images: Images, clusters: int, *, seed: int) -> Groups:
    """Group images by k-means on their principal components.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        clusters: How many groups to look for; at most one an image.
        seed: Determines the starting points.

    Returns:
        ``(n,)`` group of each image, in 0..clusters - 1; a group may be empty.
    """
    return find_groups(reduce_images(images, seed=seed), clusters, seed=seed)


def cluster_classes(images: Images, labels: Labels, clusters: int, *, seed: int) -> ClassClusters:
    """Group the images of each class for themselves.

    Args:
        images: As for :func:`cluster_images`.
        labels: ``(n,)`` uint16, which class each image is taken for.
        clusters: How many groups there are in all; a large class gets more of them.
        seed: Determines the starting points.

    Returns:
        The groups, those of a class beside each other, in the order of the classes.

    Raises:
        UserError: There are more classes than groups.
    """
    shares = share_clusters(np.bincount(labels), clusters)
    reduced = reduce_images(images, seed=seed)
    groups = np.empty(len(images), dtype=np.int32)
    for label, first in enumerate(np.cumsum(shares) - shares):
        own = labels == label
        if own.any():
            groups[own] = first + find_groups(reduced[own], int(shares[label]), seed=seed)
    return ClassClusters(groups, np.repeat(np.arange(len(shares), dtype=np.uint16), shares))


def share_clusters(sizes: Indices, clusters: int) -> Indices:
    """Share groups among classes in proportion to their images, at least one each.

    Groups are given one by one to the class with the most images a group (Webster's method), after
    every class that has images got its first.

    Args:
        sizes: ``(classes,)`` images of each class.
        clusters: Groups to share.

    Returns:
        ``(classes,)`` groups of each class, with sum ``clusters``; 0 for a class without images.

    Raises:
        UserError: There are more classes than groups.
    """
    check_clusters(clusters, int(np.count_nonzero(sizes)))
    claims = sizes[:, None] / (np.arange(clusters) + 0.5)
    claims[sizes > 0, 0] = np.inf
    winners = np.argsort(-claims, axis=None, kind="stable")[:clusters] // clusters
    return np.bincount(winners, minlength=len(sizes))


def check_clusters(clusters: int, classes: int) -> None:
    """Raise :class:`UserError` if there are fewer groups than classes."""
    if clusters < classes:
        raise UserError(
            f"dcgan.clusters: expected at least {classes}, one a class, for --dcgan.condition "
            f"teacher, found {clusters}; raise it"
        )


def find_groups(reduced: Float32, clusters: int, *, seed: int) -> Groups:
    """Return the ``(n,)`` group of each row by k-means; there is at most one a row."""
    means: Any = MiniBatchKMeans(
        min(clusters, len(reduced)), random_state=seed, batch_size=BATCH_SIZE, n_init=STARTS
    )
    groups: Groups = means.fit_predict(reduced).astype(np.int32)
    return groups
