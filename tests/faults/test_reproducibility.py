"""From one seed comes one result, to the last bit, with or without an interruption."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from trainings import DCGANS, NETWORKS, RESUMABLE, TREES

TESTS = Path(__file__).parents[1]
FEW = ("compact", "consistency", *TREES)

pytestmark = [pytest.mark.fault("Reproducibility"), pytest.mark.slow]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_training_is_the_same_twice_and_after_an_interruption(
    tell_matrix, whole, threads, policy
):
    names = (*DCGANS, *NETWORKS, *TREES) if whole else FEW
    if not whole and (threads, policy) != (2, "float32"):
        pytest.skip("a part of the matrix is for `make faults`")
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    done = subprocess.run(
        [sys.executable, TESTS / "faults" / "repeating.py", str(threads), policy, *names],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["name"] for line in told] == list(names)
    tell_matrix(
        f"trained twice, and once with an interruption after a random step, in {policy} on "
        f"{threads} {'thread' if threads == 1 else 'threads'}: {', '.join(names)}",
        "the same weights, to the last bit",
        tried=len(names) + sum(name in RESUMABLE for name in names),
        broken=[f"{line['name']}: {how}" for line in told for how in line["broken"]],
    )
