"""A real PostgreSQL for the server's data."""

import shutil
import subprocess
from pathlib import Path

import pytest
from stack import find_free_port

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)


@pytest.fixture(scope="module")
def postgres():
    """Start a PostgreSQL server with a database ``prefect``, and return its folder and port."""
    if BIN is None:
        pytest.skip("no PostgreSQL on this machine")
    # It refuses to run as root.
    user, place = "postgres", Path("/tmp") / f"gan-aug-postgres-{find_free_port()}"
    port = find_free_port()
    place.mkdir()
    shutil.chown(place, user)

    def call(*words):
        subprocess.run(words, user=user, cwd=place, check=True, capture_output=True)

    call(BIN / "initdb", "--pgdata", "data", "--auth", "trust")
    options = f"-p {port} -k {place} -h 127.0.0.1"
    # Waiting for its output would be waiting for the server.
    call(BIN / "pg_ctl", "--pgdata", "data", "--log", "log", "--options", options, "start")
    try:
        call(BIN / "createdb", "-h", "127.0.0.1", "-p", str(port), "prefect")
        yield place, port
    finally:
        call(BIN / "pg_ctl", "--pgdata", "data", "--mode", "fast", "stop")
        shutil.rmtree(place)
