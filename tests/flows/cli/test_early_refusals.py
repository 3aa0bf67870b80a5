"""Data that can't be used end a command before anything slow is loaded or started."""

import subprocess
import sys

import numpy as np
import pytest

CODE = """
import sys
from flows.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sorted({"prefect", "tensorflow", "lightgbm"} & sys.modules.keys()))
"""


@pytest.fixture
def bad(tmp_path):
    """Arrays with a label too few."""
    images = np.zeros((30, 16, 16), np.uint8)
    np.savez(tmp_path / "bad.npz", X=images, y=np.arange(29) % 2)
    return str(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("run", "--dataset"),
        ("run", "--unlabeled"),
        ("study", "--dataset"),
        ("study", "--unlabeled"),
        ("suggest", "--dataset"),
    ],
)
def test_nothing_slow_is_loaded_before_bad_data_are_refused(bad, tmp_path, command, flag):
    words = [command, "--artifacts", str(tmp_path / "artifacts"), flag, bad]
    others = [] if flag == "--dataset" else ["--dataset", "digits"]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words, *others], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout.strip() == ""
    assert "bad.npz: y: expected 30 labels, one for each image of X, found 29" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "artifacts").exists()
