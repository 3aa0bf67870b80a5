"""Groups of similar images, found without labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA

from gan_aug.images import Images, to_unit

__all__ = ["cluster_images"]

COMPONENTS = 40
BATCH_SIZE = 2048
STARTS = 3


def cluster_images(images: Images, clusters: int, *, seed: int) -> NDArray[np.int32]:
    """Group images by k-means on their principal components.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        clusters: How many groups to look for; at most one an image.
        seed: Determines the starting points.

    Returns:
        ``(n,)`` group of each image, in 0..clusters - 1; a group may be empty.
    """
    pixels = to_unit(images).reshape(len(images), -1)
    components = min(COMPONENTS, *pixels.shape)
    reduced = PCA(components, svd_solver="randomized", random_state=seed).fit_transform(pixels)
    means: Any = MiniBatchKMeans(
        min(clusters, len(images)), random_state=seed, batch_size=BATCH_SIZE, n_init=STARTS
    )
    groups: NDArray[np.int32] = means.fit_predict(reduced).astype(np.int32)
    return groups
