"""``gan-aug up``."""

import contextlib
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from flows.cli import terminal
from flows.cli.prepare import silence_libraries

__all__ = ["up"]


def up(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=65535))] = 4200,
    database: str | None = None,
    notify: str | None = None,
    folder: Path = Path(),
    log: Path = Path("artifacts/prefect.log"),
) -> None:
    """Start a Prefect server, deploy the schedules and start a worker; Ctrl-C stops them.

    It uses a server that already answers there. Schedules stay active when the worker stops.

    Args:
        host: Interface that the server listens on. Browsers reach the server by this name.
        port: Port of the server and its UI.
        database: Database of the server, as `postgresql+asyncpg://user:password@host/name`; by
            default a SQLite file in Prefect's home.
        notify: URL to post to when a run fails, crashes or does not pass its gates. The body is
            the JSON that Slack and Mattermost take: `{"title": …, "text": …}`.
        folder: Checkout with `prefect.yaml`, which lists what to deploy, and `automations.yaml`,
            which lists what to react to. Scheduled runs write their artifacts there.
        log: File for everything that the server and the worker print.
    """
    silence_libraries()
    from flows.server.stack import Address, run_stack  # noqa: PLC0415 - seconds to import

    def announce(ui: str) -> None:
        terminal.OUT.print(f"{ui}  (Ctrl-C stops it; its output is in {log})", markup=False)

    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        run_stack(
            Address(host, port),
            database=database,
            notify=notify,
            folder=folder.absolute(),
            log=log.absolute(),
            on_ready=announce,
        )
