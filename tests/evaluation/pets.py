"""A data set that is not MNIST: three RGB classes of 64x64."""

import numpy as np

from gan_aug.data.dataset import Dataset, Provenance
from gan_aug.images import ImageSpec, LabeledImages

SPEC = ImageSpec((64, 64, 3), ("cat", "dog", "fox"))


def make_pets(*, train, validation, test):
    """Return so many images a part: noise around a brightness that tells the class."""
    rng = np.random.default_rng(0)
    counts = {"train": train, "validation": validation, "test": test}
    parts = {}
    for part, count in counts.items():
        labels = (np.arange(count) % 3).astype(np.uint16)
        noise = rng.integers(0, 80, (count, *SPEC.shape))
        images = (noise + 80 * labels[:, None, None, None]).astype(np.uint8)
        parts[part] = LabeledImages(images, labels, SPEC)
    provenance = Provenance(
        name="pets",
        sha256={},
        verified_mnist=False,
        images=counts,
        shape=SPEC.shape,
        classes=SPEC.classes,
    )
    return Dataset(**parts, provenance=provenance)
