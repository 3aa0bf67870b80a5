"""Load pictures of any kind for a DCGAN: image files, an array, or colored digits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage
from sklearn.datasets import load_digits

from gan_aug.data.dataset import PROVENANCE_FILE, Provenance
from gan_aug.errors import UserError
from gan_aug.images import Images, check_shape, digest_array, image_shape
from gan_aug.stage import Given, Stage
from gan_aug.store.files import write_json
from gan_aug.store.formats import map_array, refuse_broken, save_array

__all__ = ["Pictures", "PicturesFormat", "describe_pictures", "load_pictures"]

COLORED_DIGITS = "colored-digits"
DEFAULT_SIDE = 64
ARRAY_NAMES = ("images", "x_train")
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


def load_pictures(source: str, side: int | None = None) -> Pictures:
    """Load pictures.

    Args:
        source: ``colored-digits``: scikit-learn's digits, enlarged and tinted. Or a path: a folder,
            whose image files are found at any depth, or an ``.npz`` with an array ``images`` or
            ``x_train``, ``(n, height, width)`` or ``(n, height, width, 1 or 3)`` uint8.
        side: Pixels a side. Pictures of another shape are resized, and cut where they are no
            squares; by default 64, and for an array as it is.

    Raises:
        UserError: The source can't be had or isn't what it should be.
    """
    path = Path(source)
    if source == COLORED_DIGITS:
        name, images = source, color_digits(side or DEFAULT_SIDE)
    elif path.is_dir():
        name, images = path.resolve().name, read_folder(path, side or DEFAULT_SIDE)
    elif path.suffix == ".npz" and path.is_file():
        name, images = path.stem, read_array(path)
        if side:
            images = np.stack([fit(Image.fromarray(image), side) for image in images])
    else:
        raise UserError(
            f"{source}: expected {COLORED_DIGITS}, a folder of image files or an .npz, found "
            f"{'another file' if path.exists() else 'nothing there'}"
        )
    if len(images) < FEWEST:
        raise UserError(f"{source}: expected at least {FEWEST} pictures, found {len(images)}")
    check_shape(image_shape(images))
    provenance = Provenance(
        name=name,
        sha256={"images": digest_array(images)},
        verified_mnist=False,
        images={"train": len(images)},
        shape=image_shape(images),
        classes=(),
    )
    return Pictures(images, provenance)


def read_folder(folder: Path, side: int) -> Images:
    """Read all image files below a folder, as RGB."""
    endings = Image.registered_extensions()
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings)
    if not files:
        raise UserError(f"{folder}: expected image files in it (.png, .jpg, …), found none")
    return np.stack([read_file(file, side) for file in files])


def read_file(path: Path, side: int) -> Images:
    """Read an image file as ``(side, side, 3)``."""
    try:
        with Image.open(path) as picture:
            return fit(picture.convert("RGB"), side)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(
            f"{path}: expected an image file, found: {error}; mend it or take it away"
        ) from error


def fit(picture: Image.Image, side: int) -> Images:
    """Resize a picture to a square, and cut what is too much of it."""
    return np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS))


def read_array(path: Path) -> Images:
    """Read the array of pictures from an ``.npz``, without pickles."""
    with (
        refuse_broken(path, "a whole .npz of plain arrays"),
        np.load(path, allow_pickle=False) as file,
    ):
        name = next((name for name in ARRAY_NAMES if name in file.files), None)
        if name is None:
            found = ", ".join(file.files) or "none"
            raise UserError(f"{path}: expected an array {' or '.join(ARRAY_NAMES)}, found {found}")
        images: Images = file[name]
    if (
        images.dtype != np.uint8
        or images.ndim not in {3, 4}
        or images.shape[3:]
        not in {
            (),
            (1,),
            (3,),
        }
    ):
        raise UserError(
            f"{path}: expected {name} of (n, height, width) or (n, height, width, 3) uint8, found "
            f"{images.shape} {images.dtype}"
        )
    return images[..., 0] if images.shape[3:] == (1,) else images


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
