"""What may go from a store, and what stays whatever is asked."""

import os
import subprocess
import sys
import time

import filelock
import pytest

from gan_aug.store.cleaning import Holding, Rules, divide_holdings, list_holdings, remove_holding
from gan_aug.store.leases import LEASES, read_leases
from gan_aug.store.store import Store

NOW = time.time()
DAY = 24 * 3600
HOLD = "import sys; from gan_aug.store.store import Store; from pathlib import Path;"
HOLD += "store = Store.open(Path(sys.argv[1]), None); print(flush=True); sys.stdin.read()"


def hold(identity, age):
    return Holding(identity, 10, NOW - age, ())


@pytest.fixture
def root(tmp_path):
    """A store with an output, a training in progress with its checkpoint, and their locks."""
    root = tmp_path / "store"
    for name, size, age in (
        ("cnn/aa/model.keras", 100, 3),
        ("cnn/aa/manifest.json", 20, 3),
        ("cnn/aa.lock", 0, 0),
        ("dcgan/bb.partial/samples.npy", 40, 1),
        ("dcgan/bb.checkpoint.npz", 5, 2),
        ("dcgan/bb.lock", 0, 0),
    ):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(size))
        os.utime(file, (NOW - age * DAY, NOW - age * DAY))
    for folder in (root / "cnn" / "aa", root / "dcgan" / "bb.partial"):
        os.utime(folder, (NOW - 3 * DAY, NOW - 3 * DAY))
    return root


def test_all_that_belongs_to_an_output_is_one_holding(root):
    cnn, dcgan = list_holdings(root)
    assert (cnn.identity, cnn.size, round((NOW - cnn.used) / DAY)) == ("cnn/aa", 120, 3)
    assert (dcgan.identity, dcgan.size, round((NOW - dcgan.used) / DAY)) == ("dcgan/bb", 45, 1)


def test_nothing_goes_without_a_rule_and_every_rule_must_agree():
    old, new = hold("cnn/old", 3 * DAY), hold("cnn/new", 0)

    def list_going(**rules):
        going, held = divide_holdings([old, new], Rules(**rules), leases=[], needed=[])
        assert not held
        return [holding.identity for holding in going]

    assert list_going() == []
    assert list_going(unused_for=DAY) == ["cnn/old"]
    assert list_going(kept={"cnn/old"}) == ["cnn/new"]
    assert list_going(unused_for=DAY, kept={"cnn/old"}) == []
    assert list_going(unused_for=DAY, kept=()) == ["cnn/old"]
    assert list_going(unused_for=0, kept=()) == ["cnn/old", "cnn/new"]


def test_what_a_run_in_progress_used_or_used_the_last_time_stays():
    holdings = [hold("cnn/old", 3 * DAY), hold("cnn/needed", 3 * DAY), hold("cnn/new", 10)]
    going, held = divide_holdings(
        holdings, Rules(unused_for=0), leases=[NOW - 60, NOW - 5], needed={"cnn/needed"}
    )
    assert [holding.identity for holding in going] == ["cnn/old"]
    assert [holding.identity for holding in held] == ["cnn/needed", "cnn/new"]


def test_an_output_goes_whole_and_can_be_made_again(root):
    cnn, dcgan = list_holdings(root)
    assert remove_holding(root, dcgan)
    assert list_holdings(root) == [cnn]
    assert remove_holding(root, cnn)
    assert not remove_holding(root, cnn), "it is gone already"
    assert list_holdings(root) == []


def test_an_output_that_is_made_or_was_used_meanwhile_stays(root):
    cnn, dcgan = list_holdings(root)
    with filelock.FileLock(root / "dcgan" / "bb.lock"):
        assert not remove_holding(root, dcgan)
    os.utime(root / "cnn" / "aa")
    assert not remove_holding(root, cnn)
    assert len(list_holdings(root)) == 2


def test_a_store_is_used_as_long_as_it_is_open(tmp_path):
    before = time.time()
    store = Store.open(tmp_path, None)
    [began] = read_leases(store.root)
    assert before <= began <= time.time()
    root = store.root
    del store
    assert read_leases(root) == []
    assert list_holdings(root) == []


def test_the_use_by_a_process_that_is_killed_ends_with_it(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    assert len(read_leases(tmp_path / "store")) == 1
    process.kill()
    process.communicate()
    assert read_leases(tmp_path / "store") == []
    assert not list((tmp_path / "store" / LEASES).iterdir())
