"""``gan-aug suggest``."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from gan_aug.errors import UserError
from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.options import ARTIFACTS, Artifacts, Setup, Verbosity
from gan_aug.flows.cli.panels import DATA
from gan_aug.flows.cli.prepare import silence_libraries
from gan_aug.settings.presets import resolve_suggestion_config
from gan_aug.settings.suggestion import SuggestionConfig

if TYPE_CHECKING:
    # Only named here: importing them would make `gan-aug --help` wait for NumPy.
    from gan_aug.data.chosen import Row
    from gan_aug.data.pool import Pool
    from gan_aug.images import Images

__all__ = ["suggest"]

OUTPUT = Path("suggested.csv")
Purpose = Literal["train", "validation", "test"]


def suggest(
    dataset: Annotated[str, Parameter(group=DATA)],
    *,
    output: Path | None = None,
    split: Purpose = "train",
    setup: Setup = Setup(),
    artifacts: Artifacts = ARTIFACTS,
    verbosity: Verbosity = Verbosity(),
    config: Annotated[SuggestionConfig, Parameter(name="*")] = SuggestionConfig(),
) -> None:
    """Choose the images to label: a table to write the labels into, and a sheet that shows them.

    `gan-aug run --labels-from TABLE` takes the labels from the table.

    Args:
        dataset: The images: a folder of pictures, or any other form that a run's data set may
            have. Those without a label are suggested; those that validate or test are left alone.
        output: Table to write. By default `suggested.csv`, or the table of `--labels-from`, which
            gets further rows.
        split: What the images are for. Those that are to validate or test must be drawn with
            `--method random`: chosen ones would not be like the others.
    """
    changes = config.model_dump(exclude_unset=True)
    resolved = resolve_suggestion_config(setup.preset, changes | {"dataset": dataset})
    if setup.dry_run:
        terminal.OUT.print_json(resolved.model_dump_json())
        return
    table = choose_output(output, resolved)
    check_purpose(split, resolved)
    pool = open_checked(resolved)
    silence_libraries()
    terminal.log_to_terminal(verbosity.level)
    rows, images = choose(pool, resolved, table, split, artifacts, shown=not verbosity.quiet)
    sheet = write(table, rows, images)
    terminal.OUT.print(
        f"{table}: write a label for each of the last {len(images):,} rows; {sheet} shows the "
        "images under the same numbers. Then:\n"
        f"gan-aug run --dataset {shlex.quote(dataset)} --labels-from {shlex.quote(str(table))}",
        markup=False,
    )


def choose_output(output: Path | None, config: SuggestionConfig) -> Path:
    """Return the table to write.

    Raises:
        UserError: Labels, or other files, would be lost there.
    """
    from gan_aug.data.chosen import check_output  # noqa: PLC0415 - it imports NumPy

    known = Path(config.labels_from) if config.labels_from else None
    table = output or known or OUTPUT
    check_output(table, known)
    if Path(config.dataset).resolve() in table.resolve().parents:
        raise UserError(
            f"output: expected a place outside the folder {config.dataset}, where the sheet would "
            f"be one of the pictures, found {table}; choose another --output"
        )
    return table


def check_purpose(split: Purpose, config: SuggestionConfig) -> None:
    """Refuse to choose images that judge."""
    if split != "train" and config.method != "random":
        raise UserError(
            f"method: expected random for {split} images, which must be like all others, found "
            f"{config.method}; add --method random"
        )


def open_checked(config: SuggestionConfig) -> "Pool":
    """Open the pool, if it has as many images as are to be labeled.

    Raises:
        UserError: It has not, or data or table are not what they should be.
    """
    from gan_aug.data.local import find_local_sets  # noqa: PLC0415
    from gan_aug.data.pool import open_pool  # noqa: PLC0415 - it imports NumPy
    from gan_aug.representation.selection import check_room  # noqa: PLC0415

    pool = open_pool(config, find_local_sets())
    check_room(pool.left, config.labels, 0)
    return pool


def choose(
    pool: "Pool",
    config: SuggestionConfig,
    table: Path,
    split: Purpose,
    artifacts: Path,
    *,
    shown: bool,
) -> "tuple[list[Row], Images]":
    """Return the rows of the table, and the images of the new ones."""
    from gan_aug.api.session import open_session  # noqa: PLC0415 - it looks for GPUs
    from gan_aug.api.suggestion import choose_pictures  # noqa: PLC0415

    read = pool.read(config)
    session = open_session(config, artifacts / "store", verbose=int(shown))
    found = choose_pictures(read.pictures, config, read.chosen, session)
    rows = pool.list_rows(read.places[found], table, part=split, method=config.method)
    return rows, read.pictures.images[found]


def write(table: Path, rows: "list[Row]", images: "Images") -> Path:
    """Write the table, and the sheet beside it; return the sheet's path."""
    from gan_aug.data.chosen import write_table  # noqa: PLC0415 - it imports NumPy
    from gan_aug.reporting.galleries import render_sheet  # noqa: PLC0415 - a second to import
    from gan_aug.store.files import atomic_file  # noqa: PLC0415

    numbers = [int(row["number"]) for row in rows[-len(images) :]]
    sheet = table.with_name(f"{table.stem}-{numbers[0]}-{numbers[-1]}.png")
    with atomic_file(sheet) as file:
        file.write(render_sheet(images, numbers))
    write_table(table, rows)
    return sheet
