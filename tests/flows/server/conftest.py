"""A real PostgreSQL for the server's data."""

import pytest
from postgres import BIN, serve_postgres


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server."""
    if BIN is None:
        pytest.skip("no PostgreSQL on this machine")
    with serve_postgres() as postgres:
        yield postgres
