"""Semi-supervised augmentation with a GAN, and an honest account of what it is worth.

The domain of the pipeline. Each stage is a plain function from values to values; nothing here
knows Prefect.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_aug.api.augmentation import Augmentation, augment
    from gan_aug.api.sampler import GanAugmenter
    from gan_aug.api.suggestion import suggest
    from gan_aug.errors import UserError

__all__ = ["Augmentation", "GanAugmenter", "UserError", "augment", "suggest"]

# TensorFlow reads this once, when it is imported, and by itself leaves oneDNN off on a CPU without
# AVX512-VNNI, where it is far faster too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# LightGBM's threads wait for each other by spinning, which beside another busy process makes a
# training ten times slower; the GNU runtime spins this little before it sleeps.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

HOMES = {
    "Augmentation": "gan_aug.api.augmentation",
    "GanAugmenter": "gan_aug.api.sampler",
    "UserError": "gan_aug.errors",
    "augment": "gan_aug.api.augmentation",
    "suggest": "gan_aug.api.suggestion",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: the command must not wait for all of them."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)
