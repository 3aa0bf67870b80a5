"""Principal components: what pixels alone say of how alike images are."""

from sklearn.decomposition import PCA

from gan_aug.images import Float32, Images, to_unit

__all__ = ["reduce_images"]

COMPONENTS = 40


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
