"""One throw-away Prefect server for all tests of the flows, and the command as they call it."""

import os

import pytest

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "gan_aug")
os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

from prefect.logging.configuration import setup_logging
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from gan_aug.flows.cli import main


@pytest.fixture(scope="session", autouse=True)
def prefect_server():
    # Configuring logging closes absl's handler, and with it whatever stream pytest gave it: do it
    # once, while that stream is still sys.stderr.
    setup_logging()
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


@pytest.fixture
def call(capsys, artifacts):
    """Call the command; return its exit code, stdout and stderr."""

    def call(*arguments):
        try:
            main([*arguments, "--artifacts", str(artifacts)])
            code = 0
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
