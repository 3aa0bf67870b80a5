"""``gan-aug study``."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from gan_aug.arms import STUDY_ARMS
from gan_aug.errors import UserError
from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.errors import EXIT_FAILED
from gan_aug.flows.cli.options import Integer, Json, Setup, TrackedDestination
from gan_aug.flows.cli.panels import DATA, GENERAL
from gan_aug.flows.cli.prepare import call_flow, check_data, prepare_flow
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig

__all__ = ["study"]

DEFAULTS = StudyConfig()


def study(
    *,
    budgets: Annotated[
        tuple[Integer | Literal["all"], ...], Parameter(group=DATA)
    ] = DEFAULTS.budgets,
    draws: Annotated[tuple[Integer, ...], Parameter(group=DATA)] = DEFAULTS.draws,
    setup: Setup = Setup(),
    destination: TrackedDestination = TrackedDestination(),
    json: Json = False,
    workers: Annotated[Integer, Parameter(group=GENERAL, validator=validators.Number(gte=1))] = 1,
    dask: Annotated[str | None, Parameter(group=GENERAL)] = None,
    config: Annotated[RunConfig, Parameter(name="*")] = RunConfig(),
) -> None:
    """Compare training sets (arms) at several numbers of labels, over several draws of the labels.

    The study trains one DCGAN for each draw and uses it at every number of labels; with
    `--dcgan.condition teacher`, one for each draw and number of labels. Without `--arms` it
    compares all arms but `class_weight` and `oversample`: a study draws labels as balanced as the
    data allow, and with balanced labels both are `original`. Without `--dataset` the data set is
    `auto`. The same command, called again, reuses finished cells and retries failed ones. The exit
    code is 1 if a cell failed.

    Args:
        budgets: Numbers of labels, or `all`. Repeat the flag for each.
        draws: How many times to draw the labels of each budget; the seeds count up from `--seed`.
            Give one number for all budgets, or repeat the flag for each budget.
        workers: Processes of this machine that compute runs of the study side by side.
        dask: Scheduler of a Dask cluster to compute them on instead, such as `tcp://host:8786`.
    """
    run = resolve_run(setup.preset, config)
    resolved = StudyConfig(budgets=budgets, draws=draws, run=run)
    if setup.dry_run:
        terminal.OUT.print_json(resolved.model_dump_json())
        return
    if dask and workers > 1:
        raise UserError("workers: expected --workers or --dask, found both; leave one out")
    check_data(run, *budgets)
    prepare_flow(run.device, run.precision, destination.level)
    from gan_aug.flows.study import study as study_flow  # noqa: PLC0415 - seconds to import

    arguments = destination.to_arguments()
    finished = call_flow(lambda: study_flow(resolved, **arguments, workers=workers, dask=dask))
    result = finished.read_study()
    terminal.print_failures(result.failures)
    tested = [cell for cell in result.summaries if cell.split == "test"]
    tables = [terminal.tabulate_study(result), *terminal.tabulate_contrasts(tested)]
    terminal.print_outcome(result, tables, finished.path, as_json=json)
    if result.failures:
        sys.exit(EXIT_FAILED)


def resolve_run(preset: Preset, config: RunConfig) -> RunConfig:
    """Return the settings that all runs of a study have in common.

    Raises:
        UserError: They say how many labels a run has, which the budgets do.
    """
    changes = config.model_dump(exclude_unset=True)
    if "labels" in changes:
        raise UserError(
            f"labels: expected --budgets for a study, found --labels {config.labels}; write "
            f"--budgets {config.labels}"
        )
    base = {"dataset": "auto", "labels": RunConfig().labels, "arms": STUDY_ARMS}
    return resolve_config(preset, base | changes)
