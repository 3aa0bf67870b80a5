"""Data that were made to do harm are refused before they take memory or time."""

import pytest
from contained import contain
from hostile import KINDS, LARGE, LEFT_OUT
from sources import load
from test_damaged_data import find_fault

SECONDS = 120

pytestmark = pytest.mark.fault("Hostile data")


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_harm_is_refused_before_it_takes_memory(tmp_path, tell_matrix, whole, kind):
    tried = {what: write for what, write in KINDS[kind].items() if whole or what not in LARGE}
    broken = []
    for number, (what, write) in enumerate(tried.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        ending = contain(load, write(folder), seconds=SECONDS)
        fault = "it was accepted" if ending.kind == "returned" else find_fault(ending)
        if fault:
            broken.append(f"{what}: {fault}")
    tell_matrix(
        f"{kind}: {'; '.join(tried)}",
        "refused in one line; at most 1 GiB of memory; no hang",
        tried=len(tried),
        broken=broken,
    )


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_is_no_image_is_left_out_and_large_pictures_are_read_in_turn(
    tmp_path, tell_matrix, whole, what
):
    if what in LARGE and not whole:
        pytest.skip("it is tried by `make faults`")
    ending = contain(load, LEFT_OUT[what](tmp_path), seconds=SECONDS)
    fault = "refused" if ending.kind == "refused" else find_fault(ending)
    tell_matrix(
        f"among images: {what}",
        "the other images are read; at most 1 GiB of memory; no hang",
        tried=1,
        broken=[f"{fault}: {ending.told}"] if fault else [],
    )
