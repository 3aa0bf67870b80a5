"""A server that dies or sleeps under a run: the run goes on and its result is kept."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest
from stack import COMMAND, find_free_port

SECONDS = 240
ASLEEP = 20

pytestmark = [pytest.mark.fault("Parts that fail"), pytest.mark.slow]


@pytest.fixture
def server(tmp_path):
    """A Prefect server as an operator starts it, and its address."""
    port = find_free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)],
        env=os.environ | {"PREFECT_HOME": str(tmp_path / "home")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/api"
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{address}/health").is_success:
                break
        assert process.poll() is None, "the server did not start"
        time.sleep(0.5)
    assert httpx.get(f"{address}/health").is_success
    yield process, address
    process.kill()
    process.wait()


@pytest.mark.parametrize("fate", ["killed", "asleep"])
def test_a_run_goes_on_when_its_server_is_gone(tmp_path, server, tell_matrix, whole, fate):
    if not whole:
        pytest.skip("it is tried by `make faults`")
    process, address = server
    words = ["run", "--preset", "smoke", "--dataset", "digits", "--artifacts", tmp_path / "made"]
    with (tmp_path / "log").open("w") as log:
        run = subprocess.Popen(
            [COMMAND, *words, "--dcgan.steps", "300", "--dcgan.interval", "10"],
            env=os.environ | {"PREFECT_API_URL": address, "PREFECT_CLIENT_MAX_RETRIES": "2"},
            stdout=log,
            stderr=log,
        )
        wait_for(run, lambda: "DCGAN: step" in (tmp_path / "log").read_text())
        if fate == "killed":
            process.kill()
        else:
            process.send_signal(signal.SIGSTOP)
            time.sleep(ASLEEP)
            process.send_signal(signal.SIGCONT)
        code = run.wait(SECONDS)
    told = (tmp_path / "log").read_text()
    broken = []
    if code:
        broken.append(f"exit code {code}: {told.splitlines()[-1:]}")
    if not list((tmp_path / "made" / "runs").glob("*/comparison.json")):
        broken.append("no comparison is left")
    if fate == "killed" and "going on without it" not in told:
        broken.append("it is not said that the server is gone")
    tell_matrix(
        f"the Prefect server is {fate} while a DCGAN is trained",
        "the run goes on from its last checkpoint, ends with 0, and its result is there",
        tried=1,
        broken=broken,
    )


def wait_for(run, holds):
    """Return once something holds of a run that goes on."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert run.poll() is None, "the run ended"
        assert time.monotonic() < deadline
        time.sleep(0.2)
