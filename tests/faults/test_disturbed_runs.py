"""A run that is killed or that the disk fails goes on, and ends as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LENGTH = 12
KILL, FULL, READ_ONLY, BROKEN = "kill", "ENOSPC", "EROFS", "EIO"
CHAINS = {KILL: 20, FULL: 4, READ_ONLY: 2, BROKEN: 2}
WHAT = {
    KILL: "kill -9 at a change of the file system; every other kill leaves half-written files too",
    FULL: "from a change of the file system on, the disk is full, or has no room for names",
    READ_ONLY: "from a change of the file system on, it is read-only",
    BROKEN: "from a change of the file system on, the disk fails",
}
PROMISE = (
    "the next run finishes, makes nothing again that was said to be done, leaves nothing behind, "
    "and its comparison, generator and synthetic set are those of an undisturbed run, to the last "
    "bit"
)
CROWD = 8

pytestmark = pytest.mark.slow


def call(script, *words):
    """Run a script of this folder in a process where TensorFlow has computed nothing."""
    done = subprocess.run(
        [sys.executable, TESTS / "faults" / script, *map(str, words)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.fault("Kills and disks")
@pytest.mark.parametrize("how", CHAINS)
def test_the_run_after_a_disturbed_one_ends_as_if_nothing_had_happened(
    tmp_path, tell_matrix, whole, how
):
    if how != KILL and not whole:
        pytest.skip("it is tried by `make faults`")
    chains, length = (CHAINS[how], LENGTH) if whole else (1, LENGTH // 2)
    told = call("disturbing.py", tmp_path, how, chains, length)
    points = [point for chain in told for point in chain["points"]]
    assert len(points) >= chains * length * 0.8, "runs were to be disturbed"
    tell_matrix(
        f"{WHAT[how]}; in chains of {length}, at {len(set(points))} kinds of change",
        PROMISE if how == KILL else f"an error in a line; {PROMISE}",
        tried=len(points),
        broken=[f"chain {chain['seed']}: {fault}" for chain in told for fault in chain["broken"]],
        lost=sum(len(chain["points"]) for chain in told if chain["broken"]),
    )


@pytest.mark.fault("Load")
def test_identical_runs_at_once_make_every_output_once(tmp_path, tell_matrix, whole):
    if not whole:
        pytest.skip("it is tried by `make faults`")
    [told] = call("crowding.py", tmp_path, CROWD)
    broken = [f"exit code {code}" for code in told["exits"] if code]
    if told["made"] != told["stages"]:
        broken.append(f"{told['made']} outputs of {told['stages']} stages were made")
    if not told["same"]:
        broken.append("another result than that of a run alone")
    tell_matrix(
        f"{CROWD} identical runs at once",
        "all finish, every output is made once, and the result is that of a run alone",
        tried=CROWD,
        broken=broken,
    )
