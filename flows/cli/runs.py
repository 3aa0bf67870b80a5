"""``gan-aug runs`` and ``gan-aug show``: what earlier runs found."""

from typing import Annotated

from cyclopts import Parameter
from pydantic import TypeAdapter

from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.completion import complete_run
from gan_aug.flows.cli.options import ARTIFACTS, Artifacts, Json

__all__ = ["runs", "show"]


def runs(*, artifacts: Artifacts = ARTIFACTS, json: Json = False) -> None:
    """List all runs, oldest first."""
    from gan_aug.reporting.folders import (  # noqa: PLC0415 - a second to import
        RunSummary,
        list_runs,
    )

    terminal.log_to_terminal()
    summaries = list_runs(artifacts)
    if json:
        dumped = TypeAdapter(list[RunSummary]).dump_json(summaries)
        terminal.OUT.print_json(dumped.decode())
        return
    if not summaries:
        terminal.OUT.print(f"no runs in {artifacts}", markup=False)
        return
    terminal.OUT.print(terminal.tabulate_runs(summaries))


def show(
    run: Annotated[str, Parameter(completer=complete_run)],
    *,
    artifacts: Artifacts = ARTIFACTS,
    json: Json = False,
) -> None:
    """Print the comparison of one run.

    Args:
        run: Name of the run, as `gan-aug runs` lists it, the beginning of its name, or `latest`.
    """
    from gan_aug.reporting.folders import find_run  # noqa: PLC0415 - a second to import

    found = find_run(artifacts, run)
    comparison = found.read_comparison()
    if json:
        terminal.OUT.print_json(comparison.model_dump_json())
        return
    tables = [
        terminal.tabulate_comparison(comparison),
        *terminal.tabulate_contrasts(comparison.scores),
    ]
    terminal.print_outcome(comparison, tables, found.path, as_json=False)
