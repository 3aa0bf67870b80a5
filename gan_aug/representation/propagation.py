"""From few labels to all images: a graph of neighbours, and labels that spread along it.

Poisson learning: J. Calder, B. Cook, M. Thorpe and D. Slepčev, "Poisson learning: graph based
semi-supervised learning at very low label rates" (ICML 2020), algorithm 1.
"""

import logging
from collections.abc import Iterator
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
    "name_images",
    "part_labels",
    "propagate",
    "rank_images",
    "spread_labels",
]

logger = logging.getLogger(__name__)

Float64 = NDArray[np.float64]

CLOSENESS = 4.0  # of the Gaussian whose width is the distance of the farthest neighbour
MIXING_STEPS = 300
BALANCING_STEPS = 500
BALANCING_RATE = 0.1
TOLERANCE = 0.005
PARTS = 4  # of the labels, that are held out in turn
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
        ranks: ``(n,)`` float32 in [0, 1]: place of an image among those of its class, by the lead
            of that class over the second; the surest has the lowest, labeled images have 0.
        tested_ranks: ``(m,)`` float32, ranks that labeled images had when their own labels were
            held out.
        tested_wrong: ``(m,)`` bool, whether the other labels then said the wrong class.
    """

    labels: Labels
    ranks: Float32
    tested_ranks: Float32
    tested_wrong: Marks

    def trust(self, share: float, most_wrong: float) -> Marks:
        """Mark the surest images of each class, and the labeled ones.

        Args:
            share: Of the images of a class, in [0, 1], at most.
            most_wrong: Fewer are marked where more than this share of the labels that were held
                out were wrong among images as sure.

        Returns:
            ``(n,)`` bool.
        """
        marks: Marks = self.ranks <= min(share, self.find_reliable(most_wrong))
        return marks

    def find_reliable(self, most_wrong: float) -> float:
        """Return the largest rank up to which held-out labels were wrong in at most that share.

        It is 1 where none were held out, and 0 where not even the surest are right as often.
        """
        order = np.argsort(self.tested_ranks, kind="stable")
        wrong = np.cumsum(self.tested_wrong[order]) / np.arange(1, len(order) + 1)
        good = np.flatnonzero(wrong <= most_wrong)
        if not len(order) or wrong[-1] <= most_wrong:
            return 1.0
        return float(self.tested_ranks[order[good[-1]]]) if len(good) else 0.0


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
) -> Float32:
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
        ``(n, classes)`` float32. Images that no link connects with a label have zeros.
    """
    from scipy import sparse  # noqa: PLC0415 - a fifth of a second

    degrees = np.asarray(graph.sum(axis=1)).ravel()
    sources = np.zeros((graph.shape[0], classes))
    known = one_hot(labels, classes).astype(np.float64)
    sources[drawn] = known - known.mean(axis=0)
    # Single precision takes a third of the time, and decides a class as well.
    inflow = (sources / degrees[:, None]).astype(np.float32)
    walk = (sparse.diags_array(1 / degrees) @ graph).astype(np.float32)
    scores = np.zeros_like(inflow)
    for _ in range(MIXING_STEPS):
        scores = walk @ scores + inflow
    return np.asarray(scores)


def balance_classes(scores: Float32, expected: Float64, slack: float) -> Float32:
    """Scale the scores of each class until no class is far larger or smaller than expected.

    Args:
        scores: ``(n, classes)``; the highest of a row is an image's class.
        expected: ``(classes,)`` shares of all images, summing to 1.
        slack: By how much a class may be larger or smaller, as a share of what is expected; within
            that, sizes are what the graph says.

    Returns:
        ``(n, classes)`` scaled scores.
    """
    scales = np.ones(scores.shape[1], np.float32)
    for _ in range(BALANCING_STEPS):
        sizes = np.bincount((scores * scales).argmax(axis=1), minlength=len(scales)) / len(scores)
        found = sizes / expected
        excess = found - np.clip(found, 1 - slack, 1 + slack)
        if np.abs(excess).max() <= TOLERANCE:
            break
        scales *= np.exp(-BALANCING_RATE * excess).astype(np.float32)
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
    check_labeled(np.bincount(own, minlength=classes))
    graph = build_graph(neighbors)
    found, ranks = name_images(graph, drawn, own, classes, slack)
    tested = list(hold_out_labels(graph, drawn, own, classes, slack))
    found[drawn], ranks[drawn] = own, 0
    tested_ranks, tested_wrong = (np.concatenate(parts) for parts in zip(*tested, strict=True))
    return Propagated(found, ranks, tested_ranks, tested_wrong)


def name_images(
    graph: "sparse.csr_array", drawn: Indices, labels: Labels, classes: int, slack: float
) -> tuple[Labels, Float32]:
    """Say which class the labeled images make every image.

    Args:
        graph: ``(n, n)`` weights of links.
        drawn: ``(labels,)`` places of the labeled images.
        labels: ``(labels,)`` theirs, at least one of every class.
        classes: How many there are.
        slack: As for :func:`balance_classes`; sizes are expected in the proportions of the labels.

    Returns:
        The ``(n,)`` classes, and the place of each image in (0, 1] among those of its class, the
        surest first.
    """
    sizes = np.bincount(labels, minlength=classes)
    scores = spread_labels(graph, drawn, labels, classes)
    scores = balance_classes(scores, sizes / sizes.sum(), slack)
    found = scores.argmax(axis=1).astype(np.uint16)
    second, first = np.partition(scores, classes - 2, axis=1)[:, -2:].T
    return found, rank_images(found, first - second)


def rank_images(labels: Labels, margins: Float32) -> Float32:
    """Return each image's place in (0, 1] among those of its class, the largest margin first."""
    ranks = np.empty(len(labels), np.float32)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order = np.argsort(-margins[members], kind="stable")
        ranks[members[order]] = np.arange(1, len(members) + 1) / len(members)
    return ranks


def hold_out_labels(
    graph: "sparse.csr_array", drawn: Indices, labels: Labels, classes: int, slack: float
) -> Iterator[tuple[Float32, Marks]]:
    """Hold out a part of the labels at a time; yield their ranks, and whether they came out wrong.

    Of a class with a single label none is held out.
    """
    parts = part_labels(labels)
    yield np.empty(0, np.float32), np.empty(0, bool)
    for part in range(parts.max() + 1):
        held = parts == part
        found, ranks = name_images(graph, drawn[~held], labels[~held], classes, slack)
        yield ranks[drawn[held]], found[drawn[held]] != labels[held]


def part_labels(labels: Labels) -> Indices:
    """Return the ``(labels,)`` part that each label is held out with: -1 for a class's only one."""
    parts = np.full(len(labels), -1)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) > 1:
            parts[members] = np.arange(len(members)) % PARTS
    return parts


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
