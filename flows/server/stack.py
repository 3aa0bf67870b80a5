"""The monitored stack on one machine: a Prefect server, a work pool, the deployments, a worker."""

import contextlib
import dataclasses
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import prefect
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkerStatus
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from gan_aug.errors import UserError
from gan_aug.flows.server.address import Address
from gan_aug.flows.server.automations import create_automations
from gan_aug.flows.server.gpu import limit_gpu
from gan_aug.flows.server.orphans import end_orphans
from gan_aug.flows.server.plan import Plan
from gan_aug.flows.server.scrubbing import hide_words
from gan_aug.flows.server.secrets import AUTH_VARIABLE, NOTIFY_VARIABLE, SECRET_VARIABLES, Secrets

__all__ = ["POOL", "describe_server", "run_stack"]

POOL = "gan-aug"
# Asks nothing.
PREFECT = ("prefect", "--no-prompt")
SERVER = ("uvicorn", "--factory", "gan_aug.flows.server.guard:create_server")
# Uvicorn would look in the folder that runs work in, whatever modules that has.
OWN_MODULES = ("--app-dir", str(Path(__file__).parents[3]))
START_SECONDS = 120.0
# Longer than Prefect gives a flow run to stop, so that the worker sees it end.
STOP_SECONDS = 60.0
POLL_SECONDS = 0.5
TIDY_SECONDS = 30.0
# What automations.yaml waits for is four times as long; it is the least that Prefect allows.
HEARTBEAT_SECONDS = 30
PROBE_SECONDS = 5.0
LOCKED = "database is locked"
UNLOCK = "stop what else writes to it, or give the server PostgreSQL with GAN_AUG_DATABASE"
# A run names parameters: no command, environment or folder for the worker to take from it.
JOB_TEMPLATE = {
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
    "job_configuration": {
        "command": shlex.join([sys.executable, "-m", "gan_aug.flows.server.engine"]),
        "stream_output": True,
    },
}

OnReady = Callable[[], None]


def run_stack(
    address: Address, secrets: Secrets, *, plan: Plan, folder: Path, log: Path, on_ready: OnReady
) -> None:
    """Serve schedules and UI until interrupted.

    A server that already answers at the address is used and left running. Schedules stay active
    when the stack stops: what falls due meanwhile is run late, when it is started again.

    Args:
        address: Of the server.
        secrets: What it asks of everybody, where its data are, and where it posts notifications.
        plan: What to deploy, and what to react to.
        folder: Runs work there, and write their artifacts.
        log: What server and worker print goes there.
        on_ready: Called once everything runs.

    Raises:
        UserError: The port is taken, a version or the credentials do not match, a file of the
            plan is missing, or a part of the stack does not start.
        KeyboardInterrupt: It was stopped.
    """
    plan.check()
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as parts:
        log.touch(mode=0o600)
        output = parts.enter_context(log.open("ab"))
        start = PartStarter(describe_client(address, secrets), folder, output.fileno(), log)
        running = []
        if find_server(address, secrets.auth) is None:
            printed = hide_words(output.fileno(), secrets.list_words())
            serve = dataclasses.replace(
                start,
                environment=describe_server_process(address, secrets),
                output=parts.enter_context(printed),
            )
            listen = ("--host", address.host, "--port", str(address.port))
            server = parts.enter_context(serve(*SERVER, *OWN_MODULES, *listen))
            wait_for_server(address, secrets, server, log)
            running.append(server)
        else:
            check_running_server(address, secrets)
        with (
            temporary_settings(
                {PREFECT_API_URL: address.api, PREFECT_API_AUTH_STRING: secrets.auth}
            ),
            get_client(sync_client=True) as client,
        ):
            deploy(start, client, plan, notify=bool(secrets.notify))
            running.append(parts.enter_context(start(*PREFECT, "worker", "start", "--pool", POOL)))
            on_ready()
            watch(running, client, log)


def deploy(start: "PartStarter", client: SyncPrefectClient, plan: Plan, *, notify: bool) -> None:
    """Tell the server what may run, in which work pool, and what to react to."""
    limit_gpu(client)
    create_automations(client, plan.automations, notify=notify)
    pool = WorkPoolCreate(name=POOL, type="process", base_job_template=JOB_TEMPLATE)
    client.create_work_pool(pool, overwrite=True)
    start.run(*PREFECT, "deploy", "--all", "--prefect-file", str(plan.deployments.absolute()))


def describe_client(address: Address, secrets: Secrets) -> dict[str, str]:
    """Return the environment of what reports to the server, without what it need not know."""
    own = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
    auth = {"PREFECT_API_AUTH_STRING": secrets.auth} if secrets.auth else {}
    return {
        **own,
        **auth,
        "PREFECT_API_URL": address.api,
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        # Modules are those of the installation, whatever is in the folder that runs work in.
        "PYTHONSAFEPATH": "1",
    }


def describe_server_process(address: Address, secrets: Secrets) -> dict[str, str]:
    """Return the environment of the server."""
    given = {
        "PREFECT_SERVER_API_AUTH_STRING": secrets.auth,
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": secrets.database,
        NOTIFY_VARIABLE: secrets.notify,
    }
    return {
        **describe_client(address, secrets),
        **{name: value for name, value in given.items() if value},
        "PREFECT_SERVER_API_HOST": address.host,
        "PREFECT_SERVER_API_PORT": str(address.port),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(address.origins),
        # Pages may send what they can't read the answer of; a password keeps that out already.
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": str(not secrets.auth),
        "PREFECT_UI_URL": address.ui,
        # The UI asks the server that it comes from, by whatever name it is reached.
        "PREFECT_SERVER_UI_API_URL": "/api",
    }


def check_running_server(address: Address, secrets: Secrets) -> None:
    """Refuse a server whose own process would have to know a secret, or that lets anybody in.

    Raises:
        UserError: It is such a one.
    """
    for what, given in (("its database", secrets.database), ("notifications", secrets.notify)):
        if given:
            raise UserError(
                f"server: expected to start it at {address.local}, as {what} must be known to it, "
                "found one that runs; stop it first"
            )
    if secrets.auth and find_server(address, None, ask=False):
        raise UserError(
            f"server: expected one that asks for a password at {address.local}, found one that "
            "does not; stop it first"
        )
    if not secrets.auth and obeys_strangers(address):
        raise UserError(
            f"server: expected one of gan-aug up at {address.local}, found one that takes orders "
            "from pages of other sites; stop it first"
        )


def obeys_strangers(address: Address) -> bool:
    """Whether a server answers what a page of another site asks."""
    asked = {"Origin": "http://other.invalid"}
    answer = httpx.get(f"{address.api}/admin/version", headers=asked, timeout=PROBE_SECONDS)
    return answer.status_code != httpx.codes.FORBIDDEN


def find_server(address: Address, auth: str | None = None, *, ask: bool = True) -> str | None:
    """Return the version of the Prefect server at an address, or None if nothing listens there.

    Args:
        address: Of the server.
        auth: User and password.
        ask: Whether a server that wants other ones is an error; if not, it is none.

    Raises:
        UserError: Something else listens there, or a server of another version.
    """
    credentials = httpx.BasicAuth(*auth.split(":", 1)) if auth else None
    try:
        answer = httpx.get(f"{address.api}/admin/version", timeout=PROBE_SECONDS, auth=credentials)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            if not ask:
                return None
            raise UserError(
                f"server: expected the one at {address.local} to take these credentials, found "
                f"that it does not; give it its own, user:password, in {AUTH_VARIABLE} or "
                "--auth-file"
            )
        version = answer.raise_for_status().json()
    except httpx.ConnectError:
        return None
    except (httpx.HTTPError, ValueError) as error:
        raise UserError(
            f"port: expected nothing or a Prefect server at {address.local}, found something that "
            f"does not answer like one ({error}); choose another --port"
        ) from error
    if version != prefect.__version__:
        raise UserError(
            f"server: expected Prefect {prefect.__version__} at {address.local}, as is installed "
            f"here, found {version}; stop that server, or choose another --port"
        )
    return str(version)


def describe_server() -> str:
    """Say in a line which server runs report to, and who runs what is scheduled there."""
    address = PREFECT_API_URL.value()
    if address is None:
        return (
            "none (PREFECT_API_URL is not set); a run starts one of its own for as long as it takes"
        )
    try:
        with get_client(sync_client=True) as client:
            client.read_work_pool(POOL)
            found = client.read_workers_for_work_pool(POOL)
    except ObjectNotFound:
        return f"{address}, where nothing is deployed yet; run gan-aug up"
    except httpx.HTTPError as error:
        return f"{address}, which does not answer ({error}); run gan-aug up"
    online = sum(worker.status == WorkerStatus.ONLINE for worker in found)
    if not online:
        return f"{address}, where no worker takes scheduled runs; run gan-aug up"
    return (
        f"{address}, where scheduled runs are taken by {online} worker{'s' if online > 1 else ''}"
    )


def wait_for_server(
    address: Address, secrets: Secrets, server: subprocess.Popen[bytes], log: Path
) -> None:
    """Return as soon as the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while find_server(address, secrets.auth) is None:
        if server.poll() is not None or time.monotonic() > deadline:
            raise UserError(f"server: expected it to start at {address.local}, found: {tail(log)}")
        time.sleep(POLL_SECONDS)


def watch(running: list[subprocess.Popen[bytes]], client: SyncPrefectClient, log: Path) -> None:
    """Tidy up on the server as long as every part runs."""
    tidied = -TIDY_SECONDS
    while all(part.poll() is None for part in running):
        if time.monotonic() - tidied > TIDY_SECONDS:
            tidied = time.monotonic()
            # A server that is busy is asked again, and one that is gone ends the stack.
            with contextlib.suppress(httpx.HTTPError):
                end_orphans(client)
        time.sleep(POLL_SECONDS)
    raise UserError(f"stack: expected server and worker to go on, found: {tail(log)}")


def tail(log: Path) -> str:
    """Return the line of the log that says most of what went wrong, and where the others are."""
    lines = [line.strip() for line in log.read_text(errors="replace").split("\n") if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
    line = next(reversed(errors or lines), "nothing printed")
    remedy = f"; {UNLOCK}" if LOCKED in line else ""
    return f"{line}{remedy} (all of it in {log})"


@dataclass(frozen=True)
class PartStarter:
    """Starts parts of the stack: programs of this Python in one environment.

    Attributes:
        environment: Of their processes.
        folder: They run there.
        output: File descriptor of the log.
        log: Path of the log.
    """

    environment: Mapping[str, str]
    folder: Path
    output: int
    log: Path

    @contextlib.contextmanager
    def __call__(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command that goes on until it is told to stop; stop it at the end.

        It has a session of its own: a terminal sends Ctrl-C to all processes of a command, and the
        worker has to stop before the server that it reports to.
        """
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", *arguments],
            env=dict(self.environment),
            cwd=self.folder,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def run(self, *arguments: str) -> None:
        """Run a command to its end; what it printed is worth the log if it failed.

        Raises:
            UserError: It failed.
        """
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", *arguments],
            env=dict(self.environment),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            os.write(self.output, done.stdout)
            command = " ".join(arguments)
            raise UserError(f"{command}: expected it to succeed, found: {tail(self.log)}")
