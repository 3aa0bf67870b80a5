"""Data whose bytes were damaged: read or refused, never a traceback, a hang or much memory."""

import zlib

import numpy as np
import pytest
from contained import contain
from corpus import FORMS, copy_damaged
from mutation import mutate
from sources import load

FEW, MANY = 20, 130
SECONDS = 60
ALLOWANCE = 1 << 30

pytestmark = pytest.mark.fault("Damaged data")


def load_damaged(path):
    """Load data; where the folder has a table of labels, with these."""
    chosen = path / "chosen.csv"
    labels = {}
    if path.is_dir() and chosen.exists():
        labels = {"labels_from": str(chosen), "skip_unreadable": True}
    load(path, **labels)


def find_fault(ending):
    """Return what is wrong with how a call ended; an empty string where nothing is."""
    if ending.kind not in {"returned", "refused"}:
        return f"{ending.kind}: {ending.told}"
    if "\n" in ending.told or not ending.told.isprintable():
        return f"an error that is no line of text: {ending.told!r}"
    if "Unable to allocate" in ending.told or "MemoryError" in ending.told:
        return f"memory was asked for that nobody has: {ending.told}"
    if ending.memory > ALLOWANCE:
        return f"{ending.memory / 2**30:.1f} GiB"
    return ""


@pytest.mark.parametrize("form", FORMS)
def test_damaged_data_are_read_or_refused_in_one_line(tmp_path, tell_matrix, whole, form):
    folder = tmp_path / "whole"
    folder.mkdir()
    path = FORMS[form](folder)
    load_damaged(path)
    count = MANY if whole else FEW
    broken = []
    for number in range(count):
        rng = np.random.default_rng([zlib.crc32(form.encode()), number])
        damaged = copy_damaged(
            folder, path, tmp_path / "damaged", lambda content, rng=rng: mutate(content, rng), rng
        )
        fault = find_fault(contain(load_damaged, damaged, seconds=SECONDS))
        if fault:
            broken.append(f"{form}, number {number}: {fault}")
    tell_matrix(
        f"{form}: bytes changed, lost, repeated or put in",
        "read, or refused in one line; at most 1 GiB of memory; no hang",
        tried=count,
        broken=broken,
    )
