"""Data that can't be used end a command before anything slow is loaded or started."""

import subprocess
import sys

import numpy as np
import pytest

CODE = """
import sys
from gan_aug.flows.cli import main
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("view", "digits", "--index", "1.5"), "expected a whole number, found '1.5'"),
        (("study", "--draws", "2.5"), 'unable to convert "2.5" into int'),
        (("study", "--budgets", "1e3"), 'unable to convert "1e3" into int'),
        (("study", "--workers", "1.5"), "expected a whole number, found '1.5'"),
        (("up", "--port", "80.5"), "expected a whole number, found '80.5'"),
        (("anomalies", "run", "--steps", "2.5"), "expected a whole number, found '2.5'"),
        (("study", "--draws", "1000000000"), "draws: expected at most 10,000 runs in all"),
        (("run", "--dcgan.steps", "3000000000"), "dcgan.steps: input should be less than"),
        (("run", "--name", "../x"), "name: expected letters"),
        (
            ("run", "--track", "wandb"),
            '"wandb" for --track. Choose from: "none", "mlflow"',
        ),
        (("run", "--dataset", "a\udc80b"), "dataset: input should be a valid string"),
        (("run", "--dataset", "a\nb\x1b[2J"), r"a b\x1b[2J: expected"),
    ],
)
def test_what_is_no_setting_is_refused_in_one_line(tmp_path, words, message):
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words], capture_output=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    told = done.stderr.decode()
    assert message in told
    assert len(told.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
