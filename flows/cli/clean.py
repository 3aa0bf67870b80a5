"""``gan-aug clean``: what the store holds, and removing what is no longer wanted."""

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from gan_aug.errors import UserError
from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.options import ARTIFACTS, Artifacts, Integer

if TYPE_CHECKING:
    # Only named here: importing it would make `gan-aug --help` wait.
    from gan_aug.store.cleaning import Holding

__all__ = ["clean"]


def clean(
    *,
    older_than: datetime.timedelta | None = None,
    keep_runs: Annotated[Integer | None, Parameter(validator=validators.Number(gte=0))] = None,
    remove: Annotated[bool, Parameter(negative="")] = False,
    artifacts: Artifacts = ARTIFACTS,
    store: Path | None = None,
) -> None:
    """Show what the store holds, and remove outputs of stages that nobody needs any more.

    Results stay: what is in `runs`, `studies`, `dcgans` and `anomalies`. Only what saves computing
    goes. The same command, called again, makes it anew. What a run in progress needs stays, too.

    Args:
        older_than: Remove what no run made or used for so long, as `30d` or `12h`.
        keep_runs: Remove what is no part of this many newest results. With `--older-than` too, an
            output goes only if both say so.
        remove: Do remove it. Without this flag, the command only says what would go.
        store: Folder of the store, if it is another.
    """
    if remove and older_than is None and keep_runs is None:
        raise UserError(
            "remove: expected --older-than or --keep-runs, which say what may go, found neither"
        )
    root = store or artifacts / "store"
    if not root.is_dir():
        raise UserError(f"store: expected a folder at {root}, found none; name one with --store")
    from gan_aug.reporting.folders import list_results  # noqa: PLC0415 - a second to import
    from gan_aug.store.cleaning import (  # noqa: PLC0415 - --help must not wait
        Rules,
        divide_holdings,
        list_holdings,
        remove_holding,
    )
    from gan_aug.store.leases import read_leases  # noqa: PLC0415 - --help must not wait

    results, holdings = list_results(artifacts), list_holdings(root)
    made_of = [result.read_outputs() for result in results]
    terminal.print_whole(terminal.tabulate_holdings(results, made_of, holdings), terminal.OUT)
    rules = Rules(
        unused_for=older_than.total_seconds() if older_than is not None else None,
        kept=join(made_of[:keep_runs]) if keep_runs is not None else None,
    )
    needed = join(result.read_outputs() for result in results if not result.finished)
    going, held = divide_holdings(holdings, rules, leases=read_leases(root), needed=needed)
    if remove:
        tell("removed", [holding for holding in going if remove_holding(root, holding)])
    elif going:
        tell("would go with --remove", going)
    if held:
        tell("kept, as a run in progress may need them", held)


def join(parts: Iterable[set[str] | None]) -> set[str]:
    """Return what any of the results is made of, as far as they say so."""
    return set().union(*(part or () for part in parts))


def tell(what: str, holdings: Sequence["Holding"]) -> None:
    """Say how many outputs something happens to, and how large they are."""
    count = "1 output" if len(holdings) == 1 else f"{len(holdings):,} outputs"
    terminal.OUT.print(f"{what}: {count}, {terminal.add_sizes(holdings)}", markup=False)
