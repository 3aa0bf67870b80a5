"""From picture files to images of one shape."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from gan_aug.data.source import Part, Reading
from gan_aug.errors import UserError
from gan_aug.images import SIDE_STEP, SMALLEST_SIDE, Images
from gan_aug.memory import refuse_size
from gan_aug.settings.data import Color, ReadingConfig
from gan_aug.store.files import BROKEN

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["PICTURE_ENDINGS", "PictureFiles", "read_pictures"]

PICTURE_ENDINGS = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".bmp",
    ".tif",
    ".tiff",
    ".gif",
    ".pgm",
    ".ppm",
)
DEFAULT_SIDE = 64
MOST_PIXELS = 50_000_000
LARGE = 4_000_000
NAMED_FILES = 3
CHANNELS = 3

# What a thread frees it keeps for itself: one of them decodes all large pictures.
LARGE_PICTURES = ThreadPoolExecutor(max_workers=1)

File = TypeVar("File")
Result = TypeVar("Result")


@dataclass(frozen=True)
class PictureFiles:
    """Picture files of all parts.

    Attributes:
        parts: Part → its files, or whatever ``open`` opens.
        open: Opens one with Pillow, which reads its header alone.
        name: Names one in an error.
    """

    parts: Mapping[Part, Sequence[Any]]
    open: Callable[[Any], "Image.Image"]
    name: Callable[[Any], str] = str


@dataclass(frozen=True)
class Failure:
    """A file that is no readable picture.

    Attributes:
        message: What it is called, and what is wrong with it.
    """

    message: str


def read_pictures(files: PictureFiles, config: ReadingConfig) -> Reading:
    """Read pictures as squares of one side, grey or RGB.

    A picture is turned as its EXIF orientation says, what is transparent becomes white, and what a
    square has no room for is cut off its ends.

    Args:
        files: Where they are.
        config: Side, color, and whether files that can't be read are left out.

    Raises:
        UserError: A file can't be read, or nothing is left of a part.
    """
    failures: list[Failure] = []
    side = config.side or find_side(files)
    count = sum(len(part) for part in files.parts.values())
    refuse_size("pictures", count * side * side * CHANNELS)
    decoded = {}
    places = {}
    for part, own in files.parts.items():
        found, decoded[part] = read_part(files, own, side, config.color)
        places[part] = np.flatnonzero([not isinstance(failed, Failure) for failed in found])
        failures += [failed for failed in found if isinstance(failed, Failure)]
        if own and not len(places[part]):
            raise UserError(f"expected readable pictures, found {failures[0].message}")
    notes: tuple[str, ...] = (f"pictures are read as {side}x{side}",)
    if failures:
        notes += (report_failures(failures, count, skip=config.skip_unreadable),)
        decoded = {part: images[places[part]] for part, images in decoded.items()}
    images, kind = choose_color(decoded, config.color)
    return Reading(images, places, (*notes, kind))


def find_side(files: PictureFiles) -> int:
    """Return the largest side that pictures have, 64 at most, in the steps that networks take."""

    def measure(file: Any) -> int | Failure:
        return attempt(files, file, lambda picture: min(picture.size))

    measured = [
        size
        for own in files.parts.values()
        for size in map_threads(measure, own)
        if isinstance(size, int)
    ]
    side = min(max(measured, default=DEFAULT_SIDE), DEFAULT_SIDE)
    return max(side - side % SIDE_STEP, SMALLEST_SIDE)


def read_part(
    files: PictureFiles, own: Sequence[Any], side: int, color: Color
) -> tuple[list[Failure | None], Images]:
    """Decode the pictures of a part; what can't be is black."""
    channels = () if color == "grey" else (CHANNELS,)
    images = np.zeros((len(own), side, side, *channels), np.uint8)

    def decode(place: int) -> Failure | None:
        decoded = attempt(files, own[place], lambda picture: fit(picture, side, color))
        if isinstance(decoded, Failure):
            return decoded
        images[place] = decoded
        return None

    return map_threads(decode, range(len(own))), images


def attempt(
    files: PictureFiles, file: Any, use: Callable[["Image.Image"], Result]
) -> Result | Failure:
    """Use a picture, or tell why that can't be."""
    from PIL import Image  # noqa: PLC0415 - only needed where pictures are read

    try:
        with files.open(file) as picture:
            check_picture(picture)
            if count_pixels(picture) > LARGE:
                return LARGE_PICTURES.submit(use, picture).result()
            return use(picture)
    except (*BROKEN, Image.DecompressionBombError) as error:
        said = " ".join(str(error).split())
        return Failure(f"{files.name(file)} ({said})")


def check_picture(picture: "Image.Image") -> None:
    """Refuse a picture by its header."""
    pixels = count_pixels(picture)
    if pixels > MOST_PIXELS:
        raise ValueError(f"{pixels:,} pixels, and {MOST_PIXELS:,} are the most")
    if picture.mode in {"I", "F"}:
        raise ValueError("32 bits a pixel, and 8 or 16 are expected")


def count_pixels(picture: "Image.Image") -> int:
    """Return how many pixels a picture has, by its header."""
    return picture.width * picture.height


def fit(picture: "Image.Image", side: int, color: Color) -> Images:
    """Return a picture as ``(side, side)`` for grey, else ``(side, side, 3)``."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - only needed where pictures are read

    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.format == "JPEG":
        # A JPEG decodes several times faster at an eighth, a quarter or half of its size.
        picture.draft(None, (2 * side, 2 * side))
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    picture = picture.convert("L" if color == "grey" else "RGB")
    return np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS))


def map_threads(function: Callable[[File], Result], items: Sequence[File]) -> list[Result]:
    """Apply a function to all items in threads: Pillow decodes beside Python."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(function, items))


def report_failures(failures: Sequence[Failure], count: int, *, skip: bool) -> str:
    """Return a note on files that were left out.

    Raises:
        UserError: They may not be.
    """
    named = ", ".join(failed.message for failed in failures[:NAMED_FILES])
    more = f" and {len(failures) - NAMED_FILES:,} more" if len(failures) > NAMED_FILES else ""
    if not skip:
        raise UserError(
            f"expected readable pictures, found {len(failures):,} of {count:,} files that are not: "
            f"{named}{more}; mend or remove them, or leave them out with --skip-unreadable"
        )
    return (
        f"{len(failures):,} of {count:,} files could not be read and were left out: {named}{more}"
    )


def choose_color(decoded: Mapping[Part, Images], color: Color) -> tuple[dict[Part, Images], str]:
    """Return images as grey where that is asked for, or where no picture has color."""
    if color == "auto" and not any(has_color(images) for images in decoded.values()):
        grey = {part: np.ascontiguousarray(images[..., 0]) for part, images in decoded.items()}
        return grey, "no picture has color: they are read as grey ones"
    return dict(decoded), f"pictures are read as {'grey' if color == 'grey' else 'RGB'} ones"


def has_color(images: Images) -> bool:
    """Tell whether a channel differs from another in any of ``(n, side, side, 3)`` images."""
    return any(bool((image != image[..., :1]).any()) for image in images)
