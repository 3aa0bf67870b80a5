"""A real Dask cluster on this machine, each worker in a folder of its own."""

import contextlib
import subprocess
import sys

from distributed import Client
from stack import PATIENCE, find_free_port


@contextlib.contextmanager
def start_cluster(folder, workers):
    """Run a scheduler and workers as an administrator would, each worker in a folder of its own."""
    port = find_free_port()
    address = f"tcp://127.0.0.1:{port}"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    flags = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    with contextlib.ExitStack() as parts:
        parts.enter_context(start(folder / "scheduler", *command, *flags))
        for number in range(workers):
            command = [sys.executable, "-m", "distributed.cli.dask_worker", address]
            flags = ["--nthreads", "1", "--no-dashboard"]
            parts.enter_context(start(folder / f"worker-{number}", *command, *flags))
        with Client(address, timeout=PATIENCE) as client:
            client.wait_for_workers(workers, timeout=PATIENCE)
        yield address


@contextlib.contextmanager
def start(folder, *words):
    """Run a part in a folder of its own until the end."""
    folder.mkdir()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)
