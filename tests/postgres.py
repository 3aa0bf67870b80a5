"""A real PostgreSQL on this machine."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stack import find_free_port

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
USER = "postgres"  # the server refuses to run as root


@dataclass(frozen=True)
class Postgres:
    """A running server with a database ``prefect``.

    Attributes:
        folder: Of all of its files.
        port: On loopback.
        restart: Stops it at once, breaking every connection, and starts it again.
    """

    folder: Path
    port: int
    restart: Callable[[], None]

    def locate(self, password: str) -> str:
        """Return how Prefect names the database; any password is taken."""
        return f"postgresql+asyncpg://{USER}:{password}@127.0.0.1:{self.port}/prefect"


@contextlib.contextmanager
def serve_postgres() -> Iterator[Postgres]:
    """Start a server, and stop it at the end."""
    port = find_free_port()
    place = Path("/tmp") / f"gan-aug-postgres-{port}"
    place.mkdir()
    shutil.chown(place, USER)

    def call(*words: str | Path) -> None:
        # Waiting for the output of what starts the server would be waiting for the server.
        subprocess.run(words, user=USER, cwd=place, check=True, capture_output=True)

    def control(*words: str) -> None:
        call(BIN / "pg_ctl", "--pgdata", "data", "--log", "log", *words)

    call(BIN / "initdb", "--pgdata", "data", "--auth", "trust")
    options = f"-p {port} -k {place} -h 127.0.0.1"
    control("--options", options, "start")
    try:
        call(BIN / "createdb", "-h", "127.0.0.1", "-p", str(port), "prefect")
        yield Postgres(
            place, port, lambda: control("--options", options, "--mode", "immediate", "restart")
        )
    finally:
        control("--mode", "fast", "stop")
        shutil.rmtree(place)
