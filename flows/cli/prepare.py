"""What a process needs before it runs a flow: quiet libraries, a device and a Prefect server."""

import contextlib
import contextvars
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gan_aug.errors import UserError
from gan_aug.flows.cli import terminal
from gan_aug.quiet import hush_tensorflow, mute_native_output
from gan_aug.settings.base import AutoBudget, Device, Precision
from gan_aug.settings.data import DataConfig

__all__ = ["QUIET", "call_flow", "check_data", "prepare_flow", "silence_libraries"]

Finished = TypeVar("Finished")

logger = logging.getLogger(__name__)

UNAVAILABLE = (502, 503, 504)
LEASES_ON_DISK = "prefect.server.concurrency.lease_storage.filesystem"
# Set before Prefect and TensorFlow are imported; a value in the environment wins.
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A server that was killed forgets the leases it has in memory, and their slots stay taken.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES_ON_DISK,
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "gan_aug",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def silence_libraries() -> None:
    """Set the environment variables that keep Prefect and TensorFlow quiet; import them later."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    hush_tensorflow()


def check_data(config: DataConfig, *budgets: AutoBudget) -> None:
    """Refuse data that can't be used, before anything is started or computed.

    Args:
        config: Which data, how they are read and split.
        budgets: Numbers of labels that will be drawn from them.

    Raises:
        UserError: Names, headers or labels of the data are wrong, or there are too few of them.
    """
    from gan_aug.data.load import check_dataset  # noqa: PLC0415 - it imports NumPy
    from gan_aug.data.local import find_local_sets  # noqa: PLC0415

    check_dataset(config, find_local_sets(), budgets)


def prepare_flow(device: Device, precision: Precision, level: int) -> None:
    """Make this process ready for a flow; import the flow afterwards.

    Args:
        device: Where the flow trains.
        precision: What it computes in.
        level: Of the log lines that the terminal shows.

    Raises:
        UserError: There is no such device, or the server that PREFECT_API_URL names does not
            answer.
    """
    silence_libraries()
    terminal.log_to_terminal(level)
    logger.info("starting TensorFlow and Prefect")
    # Two threads may not import what both need.
    import prefect.client.orchestration  # noqa: F401, PLC0415 - seconds to import

    protect_temporary_server()
    with ThreadPoolExecutor(max_workers=1) as pool:
        # A temporary server starts in a process of its own, while TensorFlow is imported here.
        connected = pool.submit(contextvars.copy_context().run, connect_to_server)
        with mute_native_output():
            from gan_aug.device import select_compute  # noqa: PLC0415 - it looks for GPUs

            select_compute(device, precision)
        connected.result()


def connect_to_server() -> None:
    """Reach the Prefect server to report to, or start a temporary one.

    Raises:
        UserError: The server that PREFECT_API_URL names does not answer.
    """
    import httpx  # noqa: PLC0415 - Prefect brings it, and --help must not wait
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - seconds to import
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - seconds to import

    try:
        with block_interrupts(), get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch()
    except (RuntimeError, httpx.HTTPError) as error:
        raise UserError(
            f"PREFECT_API_URL: expected a Prefect server at {PREFECT_API_URL.value()}, found: "
            f"{error}; start it with `gan-aug up`, or unset PREFECT_API_URL to run "
            "without one"
        ) from error


def protect_temporary_server() -> None:
    """Have the server that a run starts for itself ask for a password that nobody else knows.

    It would take orders from any page that a browser on this machine shows, and it shares its
    database with other servers. Processes of this run find the password in the environment.
    """
    from prefect.context import refresh_global_settings_context  # noqa: PLC0415 - seconds to import
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - seconds to import

    from gan_aug.flows.server.secrets import make_auth  # noqa: PLC0415

    if not PREFECT_API_URL.value():
        # It starts such a server.
        import prefect.server.api.server  # noqa: F401, PLC0415 - seconds to import

        auth = make_auth()
        os.environ |= {"PREFECT_SERVER_API_AUTH_STRING": auth, "PREFECT_API_AUTH_STRING": auth}
        refresh_global_settings_context()


@contextlib.contextmanager
def block_interrupts() -> Iterator[None]:
    """Have processes that start meanwhile live through Ctrl-C, where the system can do that.

    They inherit that SIGINT is blocked. A terminal sends Ctrl-C to all processes of a command, and
    a run still has to tell its temporary server how it ended.
    """
    if sys.platform == "win32" or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def call_flow(flow: Callable[[], Finished]) -> Finished:
    """Call a flow; where its server does not answer any more, run the command again without one.

    That finds what is finished, and goes on in a training from its last checkpoint.
    """
    import httpx  # noqa: PLC0415 - Prefect brings it, and --help must not wait
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - seconds to import

    try:
        return flow()
    except (httpx.TransportError, httpx.HTTPStatusError) as error:
        server = PREFECT_API_URL.value()
        status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
        if not server or status not in {None, *UNAVAILABLE}:
            raise
        terminal.print_error(
            f"the server at {server} does not answer any more ({error}); going on without it"
        )
        sys.stderr.flush()
        # Prefect's threads in this process would go on asking for the server.
        os.execve(  # noqa: S606 - this command again
            sys.executable,
            [sys.executable, *sys.argv],
            os.environ | {"PREFECT_API_URL": ""},
        )
