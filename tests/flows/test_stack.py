"""The monitored stack: a real server and a real worker, started by the command."""

import contextlib
import http.server
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from flows.stack import POOL, Address, find_server
from gan_aug.errors import UserError

ROOT = Path(__file__).parent.parent.parent
COMMAND = Path(sys.executable).with_name("gan-aug")
PATIENCE = 180


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serve(port, body):
    """Listen with a server that answers everything with the same JSON."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_arguments):
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def test_nothing_listens(port):
    assert find_server(Address("127.0.0.1", port)) is None


def test_another_version_is_told_apart(port):
    with serve(port, "1.2.3"), pytest.raises(UserError, match=r"expected Prefect 3.*found 1\.2\.3"):
        find_server(Address("127.0.0.1", port))


def test_a_port_that_something_else_has_is_refused(port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        threading.Thread(target=answer_nonsense, args=(other,), daemon=True).start()
        with pytest.raises(UserError, match="choose another --port"):
            find_server(Address("127.0.0.1", port))


def answer_nonsense(listener):
    connection, _ = listener.accept()
    connection.sendall(b"220 mail ready\r\n")
    connection.close()


def test_a_folder_without_deployments_is_a_user_error(tmp_path):
    done = subprocess.run(
        [COMMAND, "up", "--folder", tmp_path, "--log", tmp_path / "log"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "expected prefect.yaml there" in done.stderr


@pytest.mark.slow
def test_the_stack_serves_the_deployments_and_leaves_their_schedules_active(tmp_path, port):
    home = tmp_path / "home"
    environment = {name: v for name, v in os.environ.items() if not name.startswith("PREFECT_API")}
    stack = subprocess.Popen(
        [COMMAND, "up", "--port", str(port), "--folder", ROOT, "--log", tmp_path / "log"],
        env=environment | {"PREFECT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        api = Address("127.0.0.1", port).api
        wait_until(lambda: count_workers(api) == 1, stack)
        found = httpx.post(f"{api}/deployments/filter", json={}).json()
        assert {d["name"] for d in found} == {"nightly-mnist", "weekly-mnist", "smoke"}
        for deployment in found:
            assert deployment["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
            assert "config" in deployment["parameter_openapi_schema"]["properties"]
        assert "<title>" in httpx.get(f"http://127.0.0.1:{port}", follow_redirects=True).text
    finally:
        stack.send_signal(signal.SIGTERM)
        output, errors = stack.communicate(timeout=PATIENCE)
    assert stack.returncode == 0, errors
    assert output.startswith(f"http://127.0.0.1:{port} ")
    assert find_server(Address("127.0.0.1", port)) is None
    with contextlib.closing(sqlite3.connect(home / "prefect.db")) as database:
        active = database.execute("select active from deployment_schedule").fetchall()
    assert active == [(1,), (1,)]


def count_workers(api):
    """Return how many workers are online, or -1 as long as nobody can tell."""
    with contextlib.suppress(httpx.HTTPError):
        answer = httpx.post(f"{api}/work_pools/{POOL}/workers/filter", json={})
        if answer.status_code == httpx.codes.OK:
            return len(answer.json())
    return -1


def wait_until(holds, process):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.5)
