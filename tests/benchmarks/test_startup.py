"""How fast commands begin is measured with real commands."""

import json
from pathlib import Path

import pytest

from benchmarks import startup
from benchmarks.startup import COMMANDS, Startup, measure, render_page

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


def test_the_time_to_the_first_line_is_not_that_to_the_end(tmp_path, monkeypatch):
    command = tmp_path / "command"
    command.write_text("#!/bin/sh\necho begun\nexec sleep 60\n")
    command.chmod(0o700)
    monkeypatch.setattr(startup, "GAN_AUG", command)
    assert startup.time_command(COMMANDS["first line of a run"], tmp_path) < 30


@pytest.mark.skipif(not COMMITTED.exists(), reason="nothing has been measured")
def test_the_committed_page_is_that_of_the_committed_numbers():
    found = Startup.model_validate_json(COMMITTED.read_bytes())
    assert (ROOT / "docs" / "startup.md").read_text() == render_page(found)
    assert set(found.times) == set(COMMANDS)
