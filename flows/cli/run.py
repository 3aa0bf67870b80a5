"""``gan-aug run``."""

from typing import Annotated

from cyclopts import Parameter

from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.options import Json, Setup, TrackedDestination
from gan_aug.flows.cli.prepare import call_flow, check_data, prepare_flow
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig

__all__ = ["run"]


def run(
    *,
    setup: Setup = Setup(),
    destination: TrackedDestination = TrackedDestination(),
    json: Json = False,
    config: Annotated[RunConfig, Parameter(name="*")] = RunConfig(),
) -> None:
    """Train a DCGAN, label its images with a teacher, retrain the classifiers and compare them.

    The same command, called again, reuses every finished stage. It continues an interrupted
    training from its last checkpoint. Without `--dataset` the data set is `auto`.
    """
    changes = config.model_dump(exclude_unset=True)
    resolved = resolve_config(setup.preset, {"dataset": "auto"} | changes)
    if setup.dry_run:
        terminal.OUT.print_json(resolved.model_dump_json())
        return
    check_data(resolved, resolved.labels)
    prepare_flow(resolved.device, resolved.precision, destination.level)
    from gan_aug.flows.augment import augment  # noqa: PLC0415 - seconds to import; --help must not wait

    finished = call_flow(lambda: augment(resolved, **destination.to_arguments()))
    comparison = finished.read_comparison()
    tables = [
        terminal.tabulate_comparison(comparison),
        *terminal.tabulate_contrasts(comparison.scores),
    ]
    terminal.print_outcome(comparison, tables, finished.path, as_json=json)
