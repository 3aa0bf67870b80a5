"""A real `gan-aug up` for tests: a server, a worker, and a checkout of their own."""

import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from gan_aug.flows.server.stack import POOL, describe_server

ROOT = Path(__file__).parent.parent
COMMAND = Path(sys.executable).with_name("gan-aug")
PATIENCE = 180
# Prefect's workers look every 10 seconds and its scheduler every minute, which is long for a test.
IMPATIENT = {
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
}


@dataclass
class Stack:
    """A running `gan-aug up`.

    Attributes:
        process: The command.
        folder: The checkout that its runs work in.
        url: Of the UI.
        auth: User and password that the server asks for.
    """

    process: subprocess.Popen[str]
    folder: Path
    url: str
    auth: str | None = None

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @contextlib.contextmanager
    def connect(self) -> Iterator[SyncPrefectClient]:
        with SyncPrefectClient(f"{self.url}/api", auth_string=self.auth) as client:
            yield client

    def start_run(self, deployment: str, **parameters: Any) -> Any:
        """Start a run of a deployment, and return its id."""
        with self.connect() as client:
            found = client.read_deployment_by_name(deployment)
            return client.create_flow_run_from_deployment(
                found.id, parameters=found.parameters | parameters
            ).id

    def read_state(self, flow_run_id: Any) -> Any:
        with self.connect() as client:
            return client.read_flow_run(flow_run_id).state

    def wait_for_end(self, flow_run_id: Any) -> Any:
        """Return the state that a run ends in."""
        self.wait_until(lambda: self.read_state(flow_run_id).is_final())
        return self.read_state(flow_run_id)

    def wait_until_idle(self, deployment: str) -> None:
        """Return once no run of a deployment is under way."""

        def is_idle() -> bool:
            with self.connect() as client:
                deployment_id = client.read_deployment_by_name(deployment).id
                runs = client.read_flow_runs(
                    flow_run_filter=FlowRunFilter(deployment_id={"any_": [deployment_id]})
                )
            return not any(run.state.is_running() or run.state.is_pending() for run in runs)

        self.wait_until(is_idle)

    def wait_until(self, holds: Callable[[], Any]) -> None:
        wait_until(holds, lambda: self.process.poll() is None)


def check_deployments(stack: Stack) -> None:
    """A worker waits for runs of the three deployments, whose settings are in a form."""
    with stack.connect() as client:
        stack.wait_until(lambda: client.read_workers_for_work_pool(POOL))
        known = {PREFECT_API_URL: f"{stack.url}/api", PREFECT_API_AUTH_STRING: stack.auth}
        with temporary_settings(known):
            assert describe_server().endswith("scheduled runs are taken by 1 worker")
        found = client.read_deployments()
    assert {d.name for d in found} == {"nightly-mnist", "weekly-mnist", "smoke"}
    for deployment in found:
        assert deployment.concurrency_options.collision_strategy == "CANCEL_NEW"
        assert "config" in deployment.parameter_openapi_schema["properties"]


def wait_until(holds: Callable[[], Any], still: Callable[[], bool] = lambda: True) -> None:
    """Return once something holds; fail once it can't any more."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert still(), "the stack has stopped"
        assert time.monotonic() < deadline
        time.sleep(0.2)


@contextlib.contextmanager
def start_stack(
    folder: Path,
    *flags: str,
    home: Path,
    port: int,
    secrets: Mapping[str, str] = {},
    command: Path = COMMAND,
) -> Iterator[Stack]:
    """Run `gan-aug up` until its worker works; stop it as a service manager would."""
    environment = {name: v for name, v in os.environ.items() if not name.startswith("PREFECT_API")}
    environment |= secrets
    words = [command, "up", "--port", str(port), "--folder", folder, "--log", home / "log", *flags]
    process = subprocess.Popen(
        words,
        env=environment | IMPATIENT | {"PREFECT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().partition("  ")[0]
        stack = Stack(process, folder, url, secrets.get("GAN_AUG_AUTH"))
        if not stack.url:
            raise AssertionError(process.stderr.read())
        yield stack
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def listen(port: int, answer: Any = None, *, refused: int = 0) -> Iterator[list[Any]]:
    """Answer all requests with the same JSON, and yield the list of what is posted.

    Args:
        port: On loopback.
        answer: The JSON.
        refused: Posts at first that are answered with 404, and not in the list.
    """
    posted = []
    left = [refused]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def do_POST(self):
            read = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if left[0]:
                left[0] -= 1
                self.send_error(404)
                return
            posted.append(json.loads(read or "null"))
            self.do_GET()

        def log_message(self, *_arguments):
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield posted
        server.shutdown()
