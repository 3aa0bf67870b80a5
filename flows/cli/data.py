"""``gan-aug data``."""

from typing import Annotated

from cyclopts import Parameter

from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.options import Json
from gan_aug.flows.cli.panels import DATA
from gan_aug.settings.data import DataConfig

__all__ = ["data"]


def data(
    dataset: Annotated[str, Parameter(group=DATA)],
    *,
    json: Json = False,
    config: Annotated[DataConfig, Parameter(name="*")] = DataConfig(),
) -> None:
    """Show what the other commands make of your images: classes, parts and what they noticed.

    The command reads everything and trains nothing. It takes the flags of `gan-aug run` that are
    about data.

    Args:
        dataset: A path, or the name of a data set, as `gan-aug run --dataset` takes it.
    """
    from gan_aug.data.load import load_dataset  # noqa: PLC0415 - it imports NumPy
    from gan_aug.data.local import find_local_sets  # noqa: PLC0415

    changes = config.model_dump(exclude_unset=True)
    chosen = DataConfig.model_validate(changes | {"dataset": dataset})
    provenance = load_dataset(chosen, find_local_sets()).provenance
    if json:
        terminal.OUT.print_json(provenance.model_dump_json())
        return
    terminal.print_data(provenance)
