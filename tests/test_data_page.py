"""docs/data.md: every command on the page prints what the page says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gan_aug.flows.cli import main

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "data.md"
BLOCK = re.compile(r"^( *)```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def list_commands():
    """Return each command of the page and the lines that follow it."""
    commands = []
    for indent, block in BLOCK.findall(PAGE.read_text()):
        for line in block.splitlines():
            text = line.removeprefix(indent).rstrip()
            if text.startswith("$ "):
                commands.append((text.removeprefix("$ "), []))
            else:
                commands[-1][1].append(text)
    return commands


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "my-data"
    script = ROOT / "examples" / "make_data.py"
    subprocess.run([sys.executable, str(script), str(folder)], check=True)
    return folder


@pytest.mark.parametrize(("command", "expected"), list_commands())
def test_a_command_prints_what_the_page_says(data, capsys, monkeypatch, command, expected):
    monkeypatch.chdir(data)
    with pytest.raises(SystemExit) as end:
        main(shlex.split(command)[1:])
    assert end.value.code == (2 if expected[0].startswith("gan-aug: ") else 0)
    captured = capsys.readouterr()
    # Other tests of a process may have log lines go to stderr, which the command leaves empty.
    told = captured.err if end.value.code else captured.out
    assert [line.rstrip() for line in told.splitlines()] == expected
