"""How fast commands begin is measured with real commands."""

from pathlib import Path

import pytest

from benchmarks import startup
from benchmarks.results import Machine, Stamp
from benchmarks.startup import COMMANDS, IMPORTS, Command, Startup, render_page, time_by_turns

ROOT = Path(__file__).parent.parent.parent
COMMITTED = ROOT / "artifacts" / "startup.json"


def test_commands_are_timed_by_turns_and_stand_on_the_page(tmp_path):
    commands = {what: COMMANDS[what] for what in ("version", "a run that is not there")}
    commands["Prefect"] = IMPORTS["Prefect"]
    times = time_by_turns(commands, 2, tmp_path)
    assert [len(found.seconds) for found in times.values()] == [2, 2, 2]
    machine = Machine(cpu_model="A CPU", cores=2, cpu_flags=[], memory_gib=1.0)
    stamp = Stamp(commit="a" * 40, date="2026-11-27", versions={})
    page = render_page(Startup(machine=machine, stamp=stamp, times=times))
    assert f"| version | `gan-aug --version` | {times['version'].median:.2f} |" in page
    assert f'| Prefect | `python -c "import prefect"` | {times["Prefect"].median:.2f} |' in page
    assert "2 rounds on A CPU, 2 cores, at commit `aaaaaaa`, 2026-11-27." in page


def test_a_command_that_fails_is_not_a_fast_one(tmp_path):
    wrong = {"version": Command(words=("show", "gone"), goal=1.0)}
    with pytest.raises(RuntimeError, match="expected exit code 0"):
        time_by_turns(wrong, 1, tmp_path)


def test_the_time_to_the_first_line_is_not_that_to_the_end(tmp_path, monkeypatch):
    command = tmp_path / "gan-aug"
    command.write_text("#!/bin/sh\necho begun\nexec sleep 60\n")
    command.chmod(0o700)
    monkeypatch.setattr(startup, "PROGRAMS", tmp_path)
    assert startup.time_command(COMMANDS["first line of a run"], tmp_path) < 30


@pytest.mark.skipif(not COMMITTED.exists(), reason="nothing has been measured")
def test_the_committed_page_is_that_of_the_committed_numbers():
    found = Startup.model_validate_json(COMMITTED.read_bytes())
    assert (ROOT / "docs" / "startup.md").read_text() == render_page(found)
    assert set(found.times) == {*COMMANDS, *IMPORTS}
