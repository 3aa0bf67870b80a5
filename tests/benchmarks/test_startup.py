"""How fast commands begin is measured with real commands."""

import json
from pathlib import Path

import pytest

from benchmarks.startup import COMMANDS, Command, Startup, measure, render_page, time_command

ROOT = Path(__file__).parent.parent.parent
COMMITTED = ROOT / "artifacts" / "startup.json"


def test_commands_are_timed_by_turns(tmp_path):
    what = "version", "a run that is not there"
    measure(rounds=1, only=what, root=tmp_path)
    found = Startup.model_validate(json.loads((tmp_path / "artifacts/startup.json").read_bytes()))
    assert list(found.times) == list(what)
    assert all(len(times.seconds) == 1 and times.median > 0 for times in found.times.values())
    page = (tmp_path / "docs" / "startup.md").read_text()
    assert "| version | `gan-aug --version` |" in page


def test_a_command_may_be_timed_until_its_first_line(tmp_path):
    command = Command(words=("doctor",), goal=1.0)
    whole = time_command(command, tmp_path)
    first = time_command(command.model_copy(update={"first_line": True}), tmp_path)
    assert first > 0
    assert whole > 0


@pytest.mark.skipif(not COMMITTED.exists(), reason="nothing has been measured")
def test_the_committed_page_is_that_of_the_committed_numbers():
    found = Startup.model_validate_json(COMMITTED.read_bytes())
    assert (ROOT / "docs" / "startup.md").read_text() == render_page(found)
    assert set(found.times) == set(COMMANDS)
