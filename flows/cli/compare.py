"""``gan-aug compare``."""

from typing import Annotated

from cyclopts import Parameter

from gan_aug.errors import UserError
from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.completion import complete_run
from gan_aug.flows.cli.options import ARTIFACTS, Artifacts, Json

__all__ = ["compare"]


def compare(
    *runs: Annotated[str, Parameter(completer=complete_run)],
    artifacts: Artifacts = ARTIFACTS,
    json: Json = False,
) -> None:
    """Put runs side by side: the settings that differ, and the scores.

    Where runs judge the same images, the others are compared with the first image by image.

    Args:
        runs: Names of runs, as `gan-aug runs` lists them, beginnings of names, or `latest`.
    """
    if len(runs) < 2:
        raise UserError(
            f"compare: expected the names of two runs or more, found {len(runs)}; gan-aug runs "
            "lists them"
        )
    from gan_aug.evaluation.runs import compare_runs  # noqa: PLC0415 - a second to import
    from gan_aug.reporting.folders import find_run  # noqa: PLC0415 - a second to import

    found = [find_run(artifacts, run) for run in runs]
    names = [run.name for run in found]
    if len(set(names)) < len(names):
        raise UserError(f"compare: expected different runs, found {', '.join(names)}")
    comparison = compare_runs([run.read_finished_run() for run in found])
    if json:
        terminal.OUT.print_json(comparison.model_dump_json())
        return
    for number, name in enumerate(names, start=1):
        terminal.OUT.print(f"{number}  {name}", markup=False)
    for table in (terminal.tabulate_settings(comparison), terminal.tabulate_sides(comparison)):
        terminal.OUT.print()
        terminal.print_whole(table, terminal.OUT)
    for note in comparison.notes:
        terminal.OUT.print(f"\n{note}", markup=False)
