"""From few labels to all images: a graph of neighbours, and labels that spread along it.

Poisson learning: J. Calder, B. Cook, M. Thorpe and D. Slepčev, "Poisson learning: graph based
semi-supervised learning at very low label rates" (ICML 2020), algorithm 1.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gan_aug.errors import UserError
from gan_aug.images import Float32, Indices, LabeledImages, Labels, Marks, one_hot

if TYPE_CHECKING:
    from scipy import sparse

__all__ = [
    "Neighbors",
    "Propagated",
    "balance_classes",
    "build_graph",
    "estimate_graph",
    "find_neighbors",
    "propagate",
    "spread_labels",
]

logger = logging.getLogger(__name__)

Float64 = NDArray[np.float64]

CLOSENESS = 4.0  # of the Gaussian whose width is the distance of the farthest neighbour
MIXING_STEPS = 300
BALANCING_STEPS = 500
BALANCING_RATE = 0.1
TOLERANCE = 0.005
EDGE_BYTES = 60  # of a link, both ways, while the graph is made
SCORE_BYTES = 32  # of a class of an image: scores, their sources and two products


@dataclass(frozen=True)
class Neighbors:
    """The nearest other images of every image.

    Attributes:
        places: ``(n, k)`` int32, nearest first.
        distances: ``(n, k)`` float32.
    """

    places: NDArray[np.int32]
    distances: Float32


@dataclass(frozen=True)
class Propagated:
    """What few labels say of all training images.

    Attributes:
        labels: ``(n,)`` uint16; of the labeled images their own.
        margins: ``(n,)`` float32, at least 0: the lead of the best class over the second; infinite
            for labeled images. Only the order means something.
    """

    labels: Labels
    margins: Float32

    def trust(self, share: float) -> Marks:
        """Mark the images of each class with the largest margins, and the labeled ones.

        Args:
            share: Of the images of a class, in [0, 1].

        Returns:
            ``(n,)`` bool.
        """
        trusted = np.isinf(self.margins)
        for label in np.unique(self.labels):
            members = np.flatnonzero(self.labels == label)
            order = np.argsort(-self.margins[members], kind="stable")
            trusted[members[order[: round(share * len(members))]]] = True
        return trusted


def find_neighbors(features: Float32, count: int) -> Neighbors:
    """Find the nearest other images of every image, exactly.

    Args:
        features: ``(n, d)`` float32, rows of length 1.
        count: Neighbours of an image; at most n - 1 are found.
    """
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415 - a second to import

    count = min(count, len(features) - 1)
    searcher = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(features)
    # Without arguments it leaves every image out of its own neighbours.
    distances, places = searcher.kneighbors()
    return Neighbors(places.astype(np.int32), distances.astype(np.float32))


def build_graph(neighbors: Neighbors) -> "sparse.csr_array":
    """Return the symmetric ``(n, n)`` weights of links between neighbours, in (0, 1].

    A link's weight is a Gaussian of its length, as wide as the neighbourhood it starts from; of two
    directions the heavier counts.
    """
    from scipy import sparse  # noqa: PLC0415 - a fifth of a second; --help must not wait

    count, degree = neighbors.places.shape
    reach = np.maximum(neighbors.distances[:, -1:], np.finfo(np.float32).tiny)
    weights = np.exp(-CLOSENESS * (neighbors.distances / reach).astype(np.float64) ** 2)
    starts = np.repeat(np.arange(count), degree)
    graph = sparse.csr_array(
        (weights.ravel(), (starts, neighbors.places.ravel())), shape=(count, count)
    )
    return graph.maximum(graph.T).tocsr()


def spread_labels(
    graph: "sparse.csr_array", drawn: Indices, labels: Labels, classes: int
) -> Float64:
    """Return a score of every class for every image: algorithm 1 of Poisson learning.

    Each labeled image is a source of its class, and a sink of what its label has too much of; what
    flows along the links settles at the solution of ``L u = sources``, ``L`` being the graph's
    Laplacian.

    Args:
        graph: ``(n, n)`` weights of links.
        drawn: ``(labels,)`` places of the labeled images.
        labels: ``(labels,)`` theirs.
        classes: How many there are.

    Returns:
        ``(n, classes)`` float64. Images that no link connects with a label have zeros.
    """
    from scipy import sparse  # noqa: PLC0415 - a fifth of a second

    degrees = np.asarray(graph.sum(axis=1)).ravel()
    sources = np.zeros((graph.shape[0], classes))
    known = one_hot(labels, classes).astype(np.float64)
    sources[drawn] = known - known.mean(axis=0)
    inflow = sources / degrees[:, None]
    walk = sparse.diags_array(1 / degrees) @ graph
    scores = np.zeros_like(sources)
    for _ in range(MIXING_STEPS):
        scores = walk @ scores + inflow
    return np.asarray(scores)


def balance_classes(scores: Float64, expected: Float64, slack: float) -> Float64:
    """Scale the scores of each class until no class is far larger or smaller than expected.

    Args:
        scores: ``(n, classes)``; the highest of a row is an image's class.
        expected: ``(classes,)`` shares of all images, summing to 1.
        slack: By how much a class may be larger or smaller, as a share of what is expected; within
            that, sizes are what the graph says.

    Returns:
        ``(n, classes)`` scaled scores.
    """
    scales = np.ones(scores.shape[1])
    for _ in range(BALANCING_STEPS):
        sizes = np.bincount((scores * scales).argmax(axis=1), minlength=len(scales)) / len(scores)
        found = sizes / expected
        excess = found - np.clip(found, 1 - slack, 1 + slack)
        if np.abs(excess).max() <= TOLERANCE:
            break
        scales *= np.exp(-BALANCING_RATE * excess)
        scales /= scales.mean()
    return scores * scales


def propagate(
    neighbors: Neighbors, train: LabeledImages, drawn: Indices, *, slack: float
) -> Propagated:
    """Say of every training image which class the labeled ones make it.

    Args:
        neighbors: Of all training images.
        train: Those with labels; only the labels of drawn ones are looked at. They are the first.
        drawn: ``(labels,)`` places of the labeled ones.
        slack: As for :func:`balance_classes`; sizes are expected in the proportions of the labels.

    Raises:
        UserError: A class has no label.
    """
    own, classes = train.labels[drawn], len(train.spec.classes)
    counts = np.bincount(own, minlength=classes)
    check_labeled(counts)
    scores = spread_labels(build_graph(neighbors), drawn, own, classes)
    scores = balance_classes(scores, counts / counts.sum(), slack)
    found = scores.argmax(axis=1).astype(np.uint16)
    second, first = np.partition(scores, classes - 2, axis=1)[:, -2:].T
    margins = (first - second).astype(np.float32)
    found[drawn], margins[drawn] = own, np.inf
    return Propagated(found, margins)


def check_labeled(counts: NDArray[np.integer[Any]]) -> None:
    """Raise :class:`UserError` unless every class has a label."""
    missing = int((counts == 0).sum())
    if missing:
        raise UserError(
            f"labels: expected at least one of every class to spread, found none of {missing} "
            "classes; raise --labels, or choose another --pseudo-labels.teacher"
        )


def estimate_graph(images: int, neighbors: int, classes: int) -> float:
    """Estimate the bytes of the graph and of the scores."""
    return float(images * (neighbors * EDGE_BYTES + classes * SCORE_BYTES))
