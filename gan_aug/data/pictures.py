"""Pictures of any kind for a DCGAN, without labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits

from gan_aug.data.dataset import PROVENANCE_FILE, Provenance
from gan_aug.data.load import Unlabeled, read_unlabeled
from gan_aug.errors import UserError
from gan_aug.images import Images, check_shape, digest_array, image_shape
from gan_aug.settings.data import ReadingConfig
from gan_aug.stage import Given, Stage
from gan_aug.store.files import write_json
from gan_aug.store.formats import map_array, save_array

__all__ = ["Pictures", "PicturesFormat", "describe_pictures", "load_pictures", "make_pictures"]

COLORED_DIGITS = "colored-digits"
DEFAULT_SIDE = 64
FRAME_SHARE = 8
FEWEST = 2
IMAGES_FILE = "images.npy"


@dataclass(frozen=True)
class Pictures:
    """What a DCGAN is trained on.

    Attributes:
        images: ``(n, height, width)`` or ``(n, height, width, 3)`` uint8.
        provenance: Where they come from.
    """

    images: Images
    provenance: Provenance


class PicturesFormat:
    """The images as an array, and where they come from."""

    def save(self, folder: Path, value: Pictures) -> None:
        """Write pictures."""
        save_array(folder / IMAGES_FILE, value.images)
        write_json(folder / PROVENANCE_FILE, value.provenance.model_dump(mode="json"))

    def load(self, folder: Path) -> Pictures:
        """Read them back."""
        provenance = Provenance.model_validate_json((folder / PROVENANCE_FILE).read_bytes())
        return Pictures(map_array(folder / IMAGES_FILE), provenance)


def describe_pictures(provenance: Provenance, pictures: Pictures | None = None) -> Stage[Pictures]:
    """Return the stage of pictures, which are known by their content.

    Args:
        provenance: Of the pictures.
        pictures: The pictures, where the store does not have them yet.
    """
    return Stage(
        "pictures",
        "load",
        Given(pictures),
        PicturesFormat(),
        settings={"name": provenance.name, "sha256": provenance.sha256},
    )


def load_pictures(source: str, config: ReadingConfig) -> Pictures:
    """Load pictures.

    Args:
        source: ``colored-digits``: scikit-learn's digits, enlarged and tinted. Or the path of data
            in any form that there is a reader for, whose labels, if any, do not count.
        config: Side, by default 64 for the digits; color; and whether unreadable files are left
            out.

    Raises:
        UserError: The source can't be had or isn't what it should be.
    """
    if source == COLORED_DIGITS:
        found = Unlabeled(source, color_digits(config.side or DEFAULT_SIDE), ())
    else:
        found = read_unlabeled(source, config)
    return make_pictures(found)


def make_pictures(found: Unlabeled) -> Pictures:
    """Return images as pictures, if there are networks for their shape, and more than one.

    Raises:
        UserError: They are not so.
    """
    if len(found.images) < FEWEST:
        raise UserError(
            f"{found.name}: expected at least {FEWEST} pictures, found {len(found.images)}"
        )
    check_shape(image_shape(found.images))
    provenance = Provenance(
        name=found.name,
        sha256={"images": digest_array(found.images)},
        verified_mnist=False,
        images={"train": len(found.images)},
        shape=image_shape(found.images),
        classes=(),
        notes=found.notes,
    )
    return Pictures(found.images, provenance)


def color_digits(side: int) -> Images:
    """Enlarge scikit-learn's 1,797 8×8 digits, bright in one color on dark of another."""
    small, _ = load_digits(return_X_y=True)
    frame = side // FRAME_SHARE
    zoom = (side - 2 * frame) / 8
    ink = ndimage.zoom(
        small.reshape(-1, 8, 8) / 16, (1, zoom, zoom), order=1, grid_mode=True, mode="nearest"
    )
    ink = np.pad(ink, ((0, 0), (frame, frame), (frame, frame)))[..., None].clip(0, 1)
    rng = np.random.default_rng(0)
    bright, dark = (
        rng.uniform(low, high, (len(ink), 1, 1, 3)) for low, high in ((0.5, 1.0), (0.0, 0.4))
    )
    images: Images = np.rint(255 * (dark + ink * (bright - dark))).astype(np.uint8)
    return images
