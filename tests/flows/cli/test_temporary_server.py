"""The server that a run starts for itself obeys nobody else."""

import os
import subprocess
import time

import httpx
import psutil
import pytest
from stack import COMMAND

PATIENCE = 240


@pytest.fixture
def run(tmp_path, tiny_flags):
    """A run that takes a while, with a server of its own."""
    long = {"dcgan.steps": "100000", "dcgan.interval": "10"}
    words = [*tiny_flags(**long), "--artifacts", str(tmp_path)]
    own = {"PREFECT_HOME": str(tmp_path / "home"), "PREFECT_API_URL": ""}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [COMMAND, "run", *words], env=os.environ | own, stdout=log, stderr=log
        )
        yield process
        process.terminate()
        process.wait(PATIENCE)


def find_server(run):
    """Return the address of the server that a run has started, once it answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert run.poll() is None, "the run ended"
        for child in psutil.Process(run.pid).children():
            words = child.cmdline()
            if "uvicorn" in words:
                address = f"http://127.0.0.1:{words[words.index('--port') + 1]}/api"
                try:
                    if httpx.get(f"{address}/health").is_success:
                        return address
                except httpx.TransportError:
                    pass
        time.sleep(0.2)
    raise AssertionError("no server was started")


@pytest.mark.slow
def test_strangers_are_turned_away_and_the_run_goes_on(run, tmp_path):
    address = find_server(run)
    for method, path in (
        ("GET", "admin/version"),
        ("POST", "flows/"),
        ("POST", "deployments/"),
        ("POST", "work_pools/filter"),
    ):
        answer = httpx.request(method, f"{address}/{path}", json={} if method == "POST" else None)
        assert answer.status_code == httpx.codes.UNAUTHORIZED, path
    wait_for_dcgan(run, tmp_path / "log")
    assert "Unauthorized" not in (tmp_path / "log").read_text()


def wait_for_dcgan(run, log):
    """Return once the run has trained: its reports are taken by the server."""
    deadline = time.monotonic() + PATIENCE
    while "DCGAN: step" not in log.read_text():
        assert run.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.5)
