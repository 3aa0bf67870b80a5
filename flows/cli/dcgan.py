"""``gan-aug dcgan``."""

from typing import Annotated

from cyclopts import Parameter

from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.options import Destination, Setup
from gan_aug.flows.cli.panels import DATA
from gan_aug.flows.cli.prepare import call_flow, prepare_flow
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.presets import resolve_pictures_config

__all__ = ["dcgan"]


def dcgan(
    source: Annotated[str, Parameter(group=DATA)],
    *,
    setup: Setup = Setup(),
    destination: Destination = Destination(),
    config: Annotated[PicturesConfig, Parameter(name="*")] = PicturesConfig(),
) -> None:
    """Train a DCGAN on square pictures of your own, grey or RGB.

    Args:
        source: A folder of image files, or an `.npz` with an array `images` or `x_train`. To try
            the command, write `colored-digits`.
    """
    changes = config.model_dump(exclude_unset=True)
    resolved = resolve_pictures_config(setup.preset, changes | {"source": source})
    if setup.dry_run:
        terminal.OUT.print_json(resolved.model_dump_json())
        return
    prepare_flow(resolved.device, resolved.precision, destination.level)
    from gan_aug.flows.dcgan import dcgan as dcgan_flow  # noqa: PLC0415 - seconds to import

    finished = call_flow(lambda: dcgan_flow(resolved, **destination.to_arguments()))
    terminal.OUT.print(str(finished.path), markup=False)
