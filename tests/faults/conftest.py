"""The fault matrix: what is done to gan-aug, what it promises then, and how often that held.

``make faults`` tries the whole of it and renders ``docs/reliability.md``; tests try a part.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROW = "fault"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of ``make faults``."""
    group = parser.getgroup("fault matrix")
    group.addoption("--whole-matrix", action="store_true", help="try all faults, not a part")
    group.addoption("--matrix-json", type=Path, help="where to write what was tried")


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether all faults are tried."""
    return bool(request.config.getoption("--whole-matrix", default=False))


@pytest.fixture
def tell_matrix(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Callable[..., None]:
    """Return a function that puts a row into the matrix, and fails where a promise was broken."""
    marker = request.node.get_closest_marker(ROW)
    part = marker.args[0]

    def tell_matrix(
        what: str, promise: str, *, tried: int, broken: list[str], lost: int | None = None
    ) -> None:
        held = tried - min(tried, len(broken) if lost is None else lost)
        row = {"part": part, "what": what, "promise": promise, "tried": tried}
        record_property(ROW, row | {"survived": held})
        shown = "\n".join(broken[:3])
        assert not broken, f"{len(broken)} of {tried} broke the promise:\n{shown}"

    return tell_matrix


class Recorder:
    """Gathers the rows that tests told, in whatever process they ran.

    Args:
        path: The file to write them to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Any] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the row of a test; one that failed, or was skipped, before it had one gets one."""
        rows = [row for name, row in report.user_properties if name == ROW]
        if report.when == "call":
            self.rows += rows
        if report.outcome == "passed" or rows:
            return
        name = report.nodeid.rpartition("::")[2].replace("_", " ")
        tried = 1 if report.outcome == "failed" else 0
        row = {"what": name, "promise": f"the test is {report.outcome}", "tried": tried}
        self.rows.append({"part": "Not told", **row, "survived": 0})

    def pytest_sessionfinish(self) -> None:
        """Write the rows."""
        self.path.write_text(json.dumps(self.rows, indent=1) + "\n", encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Gather rows where they are asked for, in the process that writes them."""
    path = config.getoption("--matrix-json", default=None)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(path))
