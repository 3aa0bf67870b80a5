"""A network's file that was damaged, or made to do harm, is refused in one line."""

import pytest
from contained import Ending
from test_damaged_data import find_fault
from test_disturbed_runs import call

FEW, MANY = 20, 150

pytestmark = pytest.mark.fault("Damaged data")


def test_damaged_networks_are_loaded_or_refused_in_one_line(tmp_path, tell_matrix, whole):
    [first, *told] = call("networks.py", tmp_path, MANY if whole else FEW)
    assert first["kind"] == "returned", "the one that is whole"
    endings = {line.pop("what"): Ending(**line) for line in told}
    harmful = endings["code in a Lambda layer"]
    assert harmful.kind == "refused", "nothing in a file is executed"
    tell_matrix(
        ".keras: bytes changed, lost, repeated or put in, in the archive or in its weights; "
        "weights, config or layers missing; code",
        "loaded, or refused in one line; at most 1 GiB of memory; nothing is executed",
        tried=len(endings),
        broken=[f"{what}: {fault}" for what, end in endings.items() if (fault := find_fault(end))],
    )
