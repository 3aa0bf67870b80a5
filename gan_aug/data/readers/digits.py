"""scikit-learn's 1,797 digits of 8×8 pixels: small, real, and always there."""

import numpy as np

from gan_aug.data.readers.arrays import ArrayHeader, open_arrays
from gan_aug.data.source import Part, Source
from gan_aug.images import Images, Shape

__all__ = ["enlarge_digits", "open_digits"]

SIDE = 28
FRAME_SHARE = 7  # of the side, to either side: MNIST's digits are 20 pixels in 28
TRAIN_IMAGES = 1250
VALIDATION_IMAGES = 250  # 297 are left for the test
LABELED: tuple[Part, ...] = ("train", "validation", "test")


def open_digits() -> Source:
    """Open the digits, enlarged to 20×20 inside a 28×28 frame, as MNIST's are."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - only this source needs it

    images, labels = enlarge_digits((SIDE, SIDE, 1)), load_digits().target
    cuts = np.cumsum([TRAIN_IMAGES, VALIDATION_IMAGES])
    parts = zip(LABELED, np.split(images, cuts), np.split(labels, cuts), strict=True)
    named = [(part, own, ArrayHeader.of("digits", held)) for part, held, own in parts]
    return open_arrays(
        "digits",
        {part: header for part, _, header in named},
        {part: ArrayHeader.of("digits", own) for part, own, _ in named},
    )


def enlarge_digits(shape: Shape) -> Images:
    """Return the digits as images of a shape, bright on dark, within a frame of a seventh."""
    from scipy import ndimage  # noqa: PLC0415 - only this source needs it
    from sklearn.datasets import load_digits  # noqa: PLC0415 - only this source needs it

    side, _, channels = shape
    margin = side // FRAME_SHARE
    small = load_digits().images * (255 / 16)
    zoom = (side - 2 * margin) / 8
    enlarged = ndimage.zoom(small, (1, zoom, zoom), order=1, grid_mode=True, mode="nearest")
    framed = np.pad(enlarged, ((0, 0), (margin, margin), (margin, margin)))
    grey: Images = np.rint(framed).clip(0, 255).astype(np.uint8)
    return grey if channels == 1 else np.repeat(grey[..., None], channels, axis=-1)
