"""``gan-aug up``."""

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from gan_aug.flows.cli import terminal
from gan_aug.flows.cli.options import Integer
from gan_aug.flows.cli.prepare import silence_libraries
from gan_aug.flows.server.plan import Plan

if TYPE_CHECKING:
    # Only named here: importing them would make `gan-aug --help` wait for Prefect.
    from gan_aug.flows.server.address import Address
    from gan_aug.flows.server.secrets import Secrets

__all__ = ["up"]


def up(
    *,
    host: str = "127.0.0.1",
    port: Annotated[Integer, Parameter(validator=validators.Number(gte=1, lte=65535))] = 4200,
    auth_file: Path | None = None,
    database_file: Path | None = None,
    notify_file: Path | None = None,
    plan: Annotated[Plan, Parameter(name="*", show_default=False)] = Plan(),
    folder: Path = Path(),
    log: Path = Path("artifacts/prefect.log"),
) -> None:
    """Start a Prefect server, deploy the schedules and start a worker; Ctrl-C stops them.

    It uses a server that already answers there. Schedules stay active when the worker stops.
    Secrets come from files or environment variables, since everybody on a machine can read command
    lines.

    Args:
        host: Interface that the server listens on; `0.0.0.0` for all. Where others reach it, it
            asks for a user and a password.
        port: Port of the server and its UI.
        auth_file: File with `user:password`, which the server then asks for. Without it,
            `GAN_AUG_AUTH` has them; without that, a password is made up where one is needed.
        database_file: File with the database of the server, as
            `postgresql+asyncpg://user:password@host/name`. Without it, `GAN_AUG_DATABASE` has it;
            without that, it is a SQLite file in Prefect's home.
        notify_file: File with the URL to post to when a run fails, crashes or does not pass its
            gates. Without it, `GAN_AUG_NOTIFY` has it. The body is the JSON that Slack and
            Mattermost take: `{"title": …, "text": …}`.
        folder: Scheduled runs work there: their `artifacts` are in it.
        log: File for everything that the server and the worker print.
    """
    silence_libraries()
    from gan_aug.flows.server.address import Address  # noqa: PLC0415 - a tenth of a second to import
    from gan_aug.flows.server.secrets import Secrets, make_auth  # noqa: PLC0415
    from gan_aug.flows.server.stack import run_stack  # noqa: PLC0415 - seconds to import

    address = Address(host, port)
    given = Secrets.read(auth_file=auth_file, database_file=database_file, notify_file=notify_file)
    secrets = given
    if not address.is_private and given.auth is None:
        secrets = dataclasses.replace(given, auth=make_auth())
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        run_stack(
            address,
            secrets,
            plan=plan,
            folder=folder.absolute(),
            log=log.absolute(),
            on_ready=lambda: announce(address, secrets, log, made_up=secrets is not given),
        )


def announce(address: "Address", secrets: "Secrets", log: Path, *, made_up: bool) -> None:
    """Say where the UI is, who may use it, and how runs elsewhere report there."""
    lines = [
        f"{address.ui}  (Ctrl-C stops it; its output is in {log})",
        f"For gan-aug run and prefect on this machine: export PREFECT_API_URL={address.api}",
    ]
    if made_up:
        lines.append(f"Sign in with {secrets.auth}, which is not shown again.")
    if not address.is_private:
        lines += [
            "Whoever signs in can run programs on this machine, as the user that started this; and "
            "what is sent is not encrypted: let a reverse proxy add TLS.",
            f"Runs on other machines report here with PREFECT_API_URL={address.ui}/api and the "
            "same user:password in PREFECT_API_AUTH_STRING.",
        ]
    for line in lines:
        terminal.OUT.print(line, markup=False)
