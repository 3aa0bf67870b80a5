"""`gan-aug clean` as users meet it."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from gan_aug.flows.cli import main

DAYS = 24 * 3600


@pytest.fixture
def store(artifacts, tiny_run, tmp_path, monkeypatch):
    """A copy of the artifacts of the run ``tiny``, last used three days ago; its store."""
    copy = tmp_path / "artifacts"
    shutil.copytree(artifacts / "runs" / "tiny", copy / "runs" / "tiny")
    for row in json.loads((copy / "runs" / "tiny" / "stages.json").read_text()):
        shutil.copytree(artifacts / "store" / row["output"], copy / "store" / row["output"])
    monkeypatch.chdir(tmp_path)
    long_ago = time.time() - 3 * DAYS
    for path in (copy / "store").rglob("*"):
        os.utime(path, (long_ago, long_ago))
    return copy / "store"


@pytest.fixture
def clean(capsys):
    def clean(*words):
        with pytest.raises(SystemExit) as stop:
            main(["clean", *words])
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return clean


def list_outputs(store):
    return sorted(path.parent for path in store.glob("*/*/manifest.json"))


def test_it_says_what_there_is_and_removes_nothing(clean, store):
    before = list_outputs(store)
    code, out, _ = clean()
    assert code == 0
    [tiny] = [line for line in out.splitlines() if line.startswith("runs/tiny ")]
    assert time.strftime("%Y-%m-%d", time.localtime(time.time() - 3 * DAYS)) in tiny
    assert "would go" not in out
    assert list_outputs(store) == before


def test_what_would_go_goes_only_when_asked(clean, store):
    before = list_outputs(store)
    other = before[0].with_name("0" * 16)
    shutil.copytree(before[0], other)
    _, out, _ = clean("--keep-runs", "1")
    assert "would go with --remove: 1 output" in out
    assert other.exists()
    _, out, _ = clean("--keep-runs", "1", "--remove")
    assert "removed: 1 output" in out
    assert list_outputs(store) == before
    _, out, _ = clean("--older-than", "4d", "--remove")
    assert "removed: 0 outputs" in out
    _, out, _ = clean("--older-than", "2d", "--remove")
    assert f"removed: {len(before)} outputs" in out
    assert list_outputs(store) == []


def test_a_run_in_progress_keeps_what_it_uses(clean, store, tiny_flags):
    """Its process has the store open; it is the run that the store is of."""
    code = "import sys; from pathlib import Path; from gan_aug.store.store import Store;"
    code += "store = Store.open(Path('artifacts'), None); print(flush=True); sys.stdin.read()"
    before = list_outputs(store)
    (store.parent / "runs" / "tiny" / "comparison.json").unlink()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        _, out, _ = clean("--older-than", "0d", "--remove")
        process.stdin.close()
    assert "removed: 0 outputs" in out
    assert f"kept, as a run in progress may need them: {len(before)} outputs" in out
    assert list_outputs(store) == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--remove"], "expected --older-than or --keep-runs"),
        (["--older-than", "soon"], "--older-than"),
        (["--keep-runs", "-1"], "--keep-runs"),
        (["--store", "gone"], "expected a folder at gone, found none"),
    ],
)
def test_nonsense_is_one_line_and_code_2(clean, store, words, expected):
    code, _, err = clean(*words)
    assert code == 2
    assert expected in err
    assert len(err.splitlines()) == 1
