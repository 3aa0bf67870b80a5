"""``gan-aug view``: images of a data set, or images that the generator of a run makes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gan_aug.errors import UserError
from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.completion import complete_run
from gan_aug.flows.cli.options import ARTIFACTS, Artifacts, Integer
from gan_aug.flows.cli.prepare import silence_libraries
from gan_aug.quiet import mute_native_output
from gan_aug.settings.anomalies import Part
from gan_aug.settings.data import NAMED_SETS, DataConfig

if TYPE_CHECKING:
    # Only named here: importing them would make `gan-aug --help` wait for NumPy.
    from gan_aug.images import Images, LabeledImages
    from gan_aug.reporting.folders import Run

__all__ = ["View", "view", "view_image", "view_images", "view_run"]

GRID_IMAGES = 16
PNG_SCALE = 8


@dataclass(frozen=True)
class View:
    """Images to look at, and what they are.

    Attributes:
        images: ``(n, side, side)`` or ``(n, side, side, 3)`` uint8.
        caption: A line for people.
        name: Name of the file to write, without its ending.
    """

    images: "Images"
    caption: str
    name: str


def view(
    source: Annotated[str, Parameter(completer=complete_run)],
    *,
    index: Integer | None = None,
    part: Part = "train",
    output: Path | None = None,
    artifacts: Artifacts = ARTIFACTS,
) -> None:
    """Draw images of a data set, or images that the generator of a run makes, as a PNG.

    Args:
        source: A run: its name, as `gan-aug runs` lists it, the beginning of its name, or `latest`.
            Or a data set, as `--dataset` takes it.
        index: Which image of the data set to draw, counted from 0; by default the first sixteen.
        part: Part of the data set.
        output: File to write; by default a PNG in the current folder, named after what it shows.
    """
    from gan_aug.reporting.galleries import render_grid  # noqa: PLC0415 - a second to import
    from gan_aug.store.files import atomic_file, check_target  # noqa: PLC0415 - a second to import

    if output:
        check_target(output)
    found = find_view(source, index, part, artifacts)
    path = output or Path(f"{found.name}.png")
    with atomic_file(path) as file:
        file.write(render_grid(found.images, scale=PNG_SCALE))
    terminal.draw(render_grid(found.images, scale=1))
    terminal.OUT.print(found.caption, markup=False)
    terminal.OUT.print(str(path), markup=False)


def find_view(source: str, index: int | None, part: Part, artifacts: Path) -> View:
    """Find out whether the source is a run or a data set, and look at it."""
    from gan_aug.reporting.folders import (  # noqa: PLC0415 - a second to import
        complete_name,
        find_run,
        is_run,
    )

    is_data = source in NAMED_SETS or os.path.exists(source)  # noqa: PTH110 - names may have a zero byte
    name = source if is_data else complete_name(artifacts, source)
    if not is_run(artifacts, name):
        return view_images(source, part) if index is None else view_image(source, part, index)
    if index is not None:
        raise UserError(f"index: expected none for the run {name}, found {index}; leave it out")
    return view_run(find_run(artifacts, name))


def view_image(source: str, part: Part, index: int) -> View:
    """Look at one image of a data set.

    Args:
        source: The data set, as ``--dataset`` takes it.
        part: Part of the data set.
        index: Place of the image in that part, from 0.

    Raises:
        UserError: There is no such data set or image.
    """
    name, labeled = load_part(source, part)
    if not 0 <= index < len(labeled.images):
        raise UserError(
            f"index: expected 0 to {len(labeled.images) - 1} for the {part} images of {name}, "
            f"found {index}"
        )
    (label,) = name_classes(labeled, [index])
    return View(
        labeled.images[[index]], f"{name}, {part} {index}: {label}", f"{name}-{part}-{index}"
    )


def view_images(source: str, part: Part) -> View:
    """Look at the first images of a data set.

    Args:
        source: The data set, as ``--dataset`` takes it.
        part: Part of the data set.

    Raises:
        UserError: There is no such data set.
    """
    name, labeled = load_part(source, part)
    images = labeled.images[:GRID_IMAGES]
    labels = ", ".join(name_classes(labeled, range(len(images))))
    return View(images, f"{name}, {part}: {labels}", f"{name}-{part}")


def view_run(run: "Run") -> View:
    """Look at images that the generator of a run makes, unselected.

    Args:
        run: The run.

    Raises:
        UserError: The run has no generator yet, or another file in its place.
    """
    silence_libraries()
    with mute_native_output():
        import gan_aug.gan.networks  # noqa: F401, PLC0415 - Keras finds the layers of a generator by it
        from gan_aug.gan.synthesis import generate_images  # noqa: PLC0415 - seconds to import

        generator = run.load_generator()
    images = generate_images(generator, GRID_IMAGES, seed=run.read_config().seed)
    return View(images, f"{run.name}: generated", f"{run.name}-generated")


def load_part(source: str, part: Part) -> tuple[str, "LabeledImages"]:
    """Return the name of a data set, and one part of it."""
    from gan_aug.data.load import load_dataset  # noqa: PLC0415 - it imports NumPy
    from gan_aug.data.local import find_local_sets  # noqa: PLC0415

    data = load_dataset(DataConfig(dataset=source), find_local_sets())
    return data.provenance.name, getattr(data, part)


def name_classes(labeled: "LabeledImages", places: Sequence[int]) -> list[str]:
    """Return the class of each of these images."""
    return [labeled.spec.classes[labeled.labels[place]] for place in places]
