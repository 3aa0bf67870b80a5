"""Where the runs of a study are computed, if not one after the other in this process."""

import contextlib
import functools
import multiprocessing
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.logging.configuration import setup_logging
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner

from gan_aug.errors import UserError
from gan_aug.flows.progress import log_progress
from gan_aug.flows.run_log import join_log
from gan_aug.quiet import mute_native_output

__all__ = ["Runner", "open_runner"]

Runner = TaskRunner[Any]

CONNECT_SECONDS = 10


@contextlib.contextmanager
def open_runner(workers: int, dask: str | None, log: Path) -> Iterator[Runner | None]:
    """Yield what tasks can be submitted to; None if they are to be called.

    Args:
        workers: Processes of this machine.
        dask: Address of a Dask cluster's scheduler, which is then used instead.
        log: Where processes of this machine write their log lines.

    Raises:
        UserError: There is no such cluster, or nothing to reach it with.
    """
    if dask is None and workers == 1:
        yield None
        return
    with share_server(), build_runner(workers, dask, log) as runner, stop_workers():
        yield runner


def build_runner(workers: int, dask: str | None, log: Path) -> Runner:
    if dask is None:
        start = functools.partial(start_worker, log, log_progress().level)
        return ProcessPoolTaskRunner(max_workers=workers, initializer=start)
    check_cluster(dask)
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415 - an extra

    return DaskTaskRunner(address=dask)


@contextlib.contextmanager
def share_server() -> Iterator[None]:
    """Have tasks elsewhere report to this process's server, if it is a temporary one too."""
    with get_client(sync_client=True) as client:
        address = str(client.api_url)
    with temporary_settings({PREFECT_API_URL: address}):
        yield


@contextlib.contextmanager
def stop_workers() -> Iterator[None]:
    """End the processes of this machine at once when interrupted, not after what they compute."""
    try:
        yield
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():
            process.terminate()
        raise


def start_worker(log: Path, level: int) -> None:
    """Make a new process ready: logs go to Prefect and into a file, what TensorFlow prints nowhere.

    Args:
        log: The file.
        level: Of the lines that go there.
    """
    # A terminal sends Ctrl-C to all processes of a command; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    setup_logging()
    log_progress().setLevel(level)
    join_log(log)
    with mute_native_output():
        import tensorflow as tf  # noqa: PLC0415 - here, where what it prints is dropped

        tf.config.list_physical_devices()


def check_cluster(address: str) -> None:
    """Refuse a cluster that does not answer, or has nobody to work.

    Raises:
        UserError: It is so, or Dask is not installed.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UserError(
            "dask: expected prefect-dask to be installed, found none; install gan-aug[dask]"
        ) from error
    try:
        with Client(address, timeout=CONNECT_SECONDS) as client:
            workers = client.scheduler_info(n_workers=-1)["workers"]
    except (OSError, ValueError) as error:
        raise UserError(
            f"dask: expected a scheduler at {address}, found: {error or type(error).__name__}; "
            "start one with `dask scheduler`, or use --workers"
        ) from error
    if not workers:
        raise UserError(
            f"dask: expected workers of the scheduler at {address}, found none; start one with "
            f"`dask worker {address}`"
        )
