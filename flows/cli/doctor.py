"""``gan-aug doctor``."""

from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.options import Json
from gan_aug.flows.cli.prepare import silence_libraries
from gan_aug.quiet import mute_native_output
from gan_aug.settings.base import Device, Precision

__all__ = ["doctor"]


def doctor(*, device: Device = "auto", precision: Precision = "auto", json: Json = False) -> None:
    """Print what this machine has, and what a run uses of it.

    Args:
        device: Device that the run asks for, as `gan-aug run` takes it.
        precision: Precision that the run asks for, as `gan-aug run` takes it.
    """
    silence_libraries()
    with mute_native_output():
        from gan_aug.device import select_compute  # noqa: PLC0415 - it looks for GPUs
        from gan_aug.flows.server.stack import describe_server  # noqa: PLC0415 - seconds to import
        from gan_aug.reporting.environment import diagnose  # noqa: PLC0415 - seconds to import

        facts = {**diagnose(select_compute(device, precision)), "Prefect server": describe_server()}
    if json:
        terminal.OUT.print_json(data=facts)
        return
    terminal.OUT.print(terminal.tabulate_facts(facts))
