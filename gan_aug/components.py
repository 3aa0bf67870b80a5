"""Principal components: what pixels alone say of how alike images are."""

import math

from sklearn.decomposition import PCA

from gan_aug.images import Float32, Images, Shape, to_unit
from gan_aug.memory import FLOAT_BYTES

__all__ = ["estimate_components", "reduce_images"]

COMPONENTS = 40
COPIES = 2  # of the pixels as floats: the images, and what is left of them without their mean


def reduce_images(images: Images, *, seed: int) -> Float32:
    """Return the ``(n, components)`` float32 principal components of images, 40 at most.

    Args:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        seed: Of the randomized decomposition.
    """
    pixels = to_unit(images).reshape(len(images), -1)
    components = min(COMPONENTS, *pixels.shape)
    reduced: Float32 = PCA(components, svd_solver="randomized", random_state=seed).fit_transform(
        pixels
    )
    return reduced


def estimate_components(shape: Shape, images: int) -> float:
    """Estimate the bytes that it takes to find the components of so many images of a shape."""
    return float(COPIES * FLOAT_BYTES * images * math.prod(shape))
