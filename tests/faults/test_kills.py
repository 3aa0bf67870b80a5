"""A run that is killed at any call of the file system goes on, and ends as if it had not been."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FEW, MANY = 1, 20
LENGTH = 12

pytestmark = [pytest.mark.fault("Kills"), pytest.mark.slow]


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been(
    tmp_path, tell_matrix, whole
):
    chains = MANY if whole else FEW
    done = subprocess.run(
        [sys.executable, TESTS / "faults" / "killing.py", tmp_path, str(chains), str(LENGTH)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    points = [point for chain in told for point in chain["points"]]
    assert len(points) >= chains * LENGTH * 0.8, "kills were to happen"
    kinds = len(set(points))
    tell_matrix(
        f"kill -9 at a change of the file system, in chains of {LENGTH}; every other kill leaves "
        f"half-written files too ({kinds} kinds of change)",
        "the next run finishes, makes nothing again that was said to be done, leaves nothing "
        "behind, and its comparison, generator and synthetic set are those of a run that nobody "
        "killed, to the last bit",
        tried=len(points),
        broken=[f"chain {chain['seed']}: {fault}" for chain in told for fault in chain["broken"]],
    )
