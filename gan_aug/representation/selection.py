"""Which images to label, by features that were learned without a label.

``features`` are ``(n, d)`` float32 throughout, rows of length 1, and places are places of rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gan_aug.device import Compute
from gan_aug.errors import UserError
from gan_aug.images import Float32, Indices
from gan_aug.representation.encoder import describe_encoder, describe_features
from gan_aug.settings.suggestion import MethodName, SuggestionConfig
from gan_aug.stage import Inputs, Stage
from gan_aug.store.formats import ArrayFormat

__all__ = [
    "METHODS",
    "check_room",
    "choose_medoids",
    "choose_random",
    "choose_spread",
    "describe_suggestion",
]

STARTS = 4

Choose = Callable[..., Indices]


def describe_suggestion(
    data: Stage[Any], config: SuggestionConfig, chosen: Sequence[int], compute: Compute
) -> Stage[Indices]:
    """Return the stage that chooses images to label; for most methods an encoder comes before.

    Args:
        data: Its output has all images of the pool as ``images``.
        config: How many to choose, and how.
        chosen: Places of images that have a label, or are not to be asked for again.
        compute: Device and precision.
    """
    return Stage(
        "suggestion",
        f"choose {config.labels} images",
        choose_images,
        ArrayFormat("places"),
        settings={
            "method": config.method,
            "count": config.labels,
            "seed": config.seed,
            "chosen": list(chosen),
        },
        inputs={"features": describe_rows(data, config, compute)},
    )


def describe_rows(data: Stage[Any], config: SuggestionConfig, compute: Compute) -> Inputs:
    """Return what images are chosen by: features, or the images where they are drawn blindly."""
    if config.method == "random":
        return data.select("images")
    encoder = describe_encoder(data, config.encoder, seed=config.seed, compute=compute)
    return describe_features(data, encoder, config.encoder, compute=compute)


def choose_images(
    features: Float32, method: MethodName, count: int, *, seed: int, chosen: Sequence[int]
) -> Indices:
    """Choose images by one of :data:`METHODS`: see there."""
    return METHODS[method](features, count, seed=seed, chosen=chosen)


def choose_medoids(
    features: Float32, count: int, *, seed: int, chosen: Sequence[int] = ()
) -> Indices:
    """Choose the middle row of each of ``count`` clusters, those of large clusters first.

    With rows that were chosen before there are so many more clusters, and those that have such a
    row are passed over.

    Args:
        features: One row an image.
        count: How many to choose.
        seed: Of the first centres of k-means.
        chosen: Places of rows that are not to be chosen again.

    Returns:
        ``(count,)`` different places.

    Raises:
        UserError: There are fewer rows left.
    """
    from sklearn.cluster import KMeans  # noqa: PLC0415 - a second to import

    check_room(len(features), count, len(chosen))
    clusters = count + len(chosen)
    means: Any = KMeans(clusters, n_init=STARTS, random_state=seed).fit(features)
    distances = np.linalg.norm(features - means.cluster_centers_[means.labels_], axis=1)
    sizes = np.bincount(means.labels_, minlength=clusters)
    sizes[means.labels_[list(chosen)]] = 0
    largest = [
        cluster for cluster in np.argsort(-sizes, kind="stable")[:count] if sizes[cluster] > 0
    ]
    members = [np.flatnonzero(means.labels_ == cluster) for cluster in largest]
    medoids = np.array([own[distances[own].argmin()] for own in members], dtype=np.intp)
    # Rows of fewer different values than clusters leave some of these empty.
    missing = count - len(medoids)
    if not missing:
        return medoids
    others = choose_spread(features, missing, seed=seed, chosen=[*chosen, *medoids])
    return np.concatenate([medoids, others])


def choose_spread(
    features: Float32, count: int, *, seed: int, chosen: Sequence[int] = ()
) -> Indices:
    """Choose, again and again, the row that is farthest from all chosen before (k-centre, greedy).

    O. Sener and S. Savarese, "Active learning for convolutional neural networks: a core-set
    approach" (ICLR 2018), algorithm 1.

    Args:
        features: One row an image.
        count: How many to choose.
        seed: Draws the first row where none was chosen before.
        chosen: As for :func:`choose_medoids`.

    Returns:
        ``(count,)`` different places.

    Raises:
        UserError: There are fewer rows left.
    """
    check_room(len(features), count, len(chosen))
    found = [] if len(chosen) else [int(np.random.default_rng(seed).integers(len(features)))]
    nearest = np.full(len(features), np.inf)
    for place in (*chosen, *found):
        nearest = np.minimum(nearest, measure_distances(features, place))
    while len(found) < count:
        nearest[[*chosen, *found]] = -1
        found.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, measure_distances(features, found[-1]))
    return np.array(found, dtype=np.intp)


def measure_distances(features: Float32, place: int) -> Float32:
    """Return the ``(n,)`` distances of all rows from one of them."""
    distances: Float32 = np.linalg.norm(features - features[place], axis=1)
    return distances


def choose_random(
    features: Float32, count: int, *, seed: int, chosen: Sequence[int] = ()
) -> Indices:
    """Draw rows, all with the same chance; arguments and result as of :func:`choose_medoids`."""
    check_room(len(features), count, len(chosen))
    left = np.delete(np.arange(len(features)), list(chosen))
    return np.random.default_rng(seed).permutation(left)[:count]


def check_room(images: int, count: int, chosen: int) -> None:
    """Raise :class:`UserError` unless so many images are left that nobody has chosen."""
    if count > images - chosen:
        raise UserError(
            f"labels: expected at most {images - chosen:,}, the images that have no label and were "
            f"not suggested before, found {count:,}; ask for fewer"
        )


METHODS: Mapping[MethodName, Choose] = {
    "medoids": choose_medoids,
    "k-centre": choose_spread,
    "random": choose_random,
}
"""Name → what chooses rows of features."""
