import shutil
import subprocess
import sys

import fsspec
import numpy as np
import pytest

from gan_aug.errors import UserError
from gan_aug.gan import synthesis
from gan_aug.images import PseudoLabels
from gan_aug.settings.run import DcganConfig
from gan_aug.store.store import Store, store


@pytest.fixture
def entry(tmp_path):
    return Store(tmp_path / "store").entry("stage", synthesis, seed=1)


def build(entry, content="whole"):
    with entry.build() as folder:
        (folder / "output.txt").write_text(content)


def test_an_entry_is_complete_once_it_is_built(entry):
    assert not entry.is_complete()
    build(entry)
    assert entry.is_complete()
    assert (entry.path / "output.txt").read_text() == "whole"
    assert entry.seconds >= 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "output.txt").unlink(),
        lambda path: (path / "output.txt").write_text("other"),
        lambda path: (path / "manifest.json").unlink(),
        lambda path: (path / "manifest.json").write_text("{"),
    ],
)
def test_a_damaged_entry_counts_as_missing_and_can_be_built_again(entry, damage):
    build(entry)
    damage(entry.path)
    assert not entry.is_complete()
    build(entry, "again")
    assert entry.is_complete()
    assert (entry.path / "output.txt").read_text() == "again"


def test_a_failed_build_leaves_nothing(entry):
    with pytest.raises(OSError, match="disk"), entry.build() as folder:
        (folder / "half.txt").write_text("half")
        raise OSError("disk")
    assert not entry.is_complete()
    assert list(entry.path.parent.iterdir()) == []


def test_a_failed_build_with_a_checkpoint_goes_on_where_it_was(entry):
    with pytest.raises(KeyboardInterrupt), entry.build() as folder:
        (folder / "step-1.png").write_text("early")
        entry.checkpoint.save({"step": np.array(1)})
        raise KeyboardInterrupt
    assert entry.checkpoint.load()["step"] == 1
    with entry.build() as folder:
        assert (folder / "step-1.png").exists()
    assert entry.is_complete()
    assert entry.checkpoint.load() is None


def kill(name):
    """Return a function that ends the process there, as far as files can tell."""

    def killed(*_arguments, **_options):
        raise KeyboardInterrupt(name)

    return killed


def test_a_training_that_was_killed_before_its_folder_took_its_place_is_not_lost(
    entry, monkeypatch
):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(entry.path), "rename", kill("rename"))
        with entry.build() as folder:
            entry.checkpoint.save({"step": np.array(1)})
            (folder / "output.txt").write_text("whole")
    build(entry)
    assert entry.is_complete()


def test_a_checkpoint_beside_a_whole_output_goes(entry):
    build(entry)
    entry.checkpoint.save({"step": np.array(1)})
    assert entry.is_complete()
    assert entry.checkpoint.load() is None


def test_a_checkpoint_whose_folder_is_gone_is_not_used(entry):
    build(entry)
    entry.checkpoint.save({"step": np.array(1)})
    (entry.path / "output.txt").unlink()
    assert not entry.is_complete()
    with entry.build() as folder:
        assert entry.checkpoint.load() is None
        (folder / "output.txt").write_text("again")
    assert entry.is_complete()


def test_what_a_kill_left_half_written_does_not_enter_the_output(entry):
    entry.partial.mkdir(parents=True)
    entry.checkpoint.save({"step": np.array(1)})
    store.save_sample_grid(entry.partial, 1, b"whole")
    (entry.partial / "samples" / ".step-000002.png.77.partial").write_bytes(b"ha")
    with entry.build() as folder:
        store.save_sample_grid(folder, 2, b"whole")
    names = sorted(path.name for path in (entry.path / "samples").iterdir())
    assert names == ["step-000001.png", "step-000002.png"]


def test_a_damaged_checkpoint_is_said_and_not_used(entry, caplog):
    entry.checkpoint.save({"step": np.arange(1000)})
    whole = entry.checkpoint.path.read_bytes()
    entry.checkpoint.path.write_bytes(whole[:2000])
    assert entry.checkpoint.load() is None
    assert "damaged" in caplog.text


def test_keys_tell_inputs_apart(tmp_path):
    kept = Store(tmp_path)
    first = kept.entry("a", synthesis, seed=1)
    keys = [
        first,
        kept.entry("a", synthesis, seed=2),
        kept.entry("b", synthesis, seed=1),
        kept.entry("a", boosting, seed=1),
        kept.entry("a", synthesis, boosting, seed=1),
        kept.entry("a", synthesis, seed=1, config=DcganConfig()),
        kept.entry("a", synthesis, seed=1, config=DcganConfig(steps=1)),
        kept.entry("a", synthesis, seed=1, source=first),
        kept.entry("a", synthesis, seed=1, source=kept.entry("a", synthesis, seed=3)),
    ]
    assert len({entry.path for entry in keys}) == len(keys)
    assert kept.entry("a", synthesis, seed=1) == first


def test_two_processes_do_not_build_the_same_entry_at_once(entry):
    attempt = (
        "import sys; from pathlib import Path; from gan_aug.store.store import Entry; import filelock\n"
        "try: Entry(Path(sys.argv[1])).lock().acquire(timeout=0)\n"
        "except filelock.Timeout: sys.exit(75)"
    )
    command = [sys.executable, "-c", attempt, str(entry.path)]
    with entry.lock():
        assert subprocess.run(command, check=False).returncode == 75
    assert subprocess.run(command, check=False).returncode == 0


def test_pseudo_labels_come_back_as_they_were(entry, digits):
    rng = np.random.default_rng(0)
    pseudo = PseudoLabels(
        digits.test.images,
        rng.dirichlet(np.ones(10), len(digits.test)).astype(np.float32),
        rng.integers(0, 4, len(digits.test)).astype(np.uint8),
    )
    with entry.build() as folder:
        store.save_pseudo_labels(folder, pseudo)
    loaded = store.load_pseudo_labels(entry)
    for field, value in vars(pseudo).items():
        np.testing.assert_array_equal(getattr(loaded, field), value)


def test_dataset_comes_back_as_it_was(entry, digits):
    with entry.build() as folder:
        store.save_dataset(folder, digits)
    assert store.load_provenance(entry) == digits.provenance
    for part in ("train", "validation", "test"):
        loaded = store.load_labeled(entry, part)
        np.testing.assert_array_equal(loaded.images, getattr(digits, part).images)
        np.testing.assert_array_equal(loaded.labels, getattr(digits, part).labels)


@pytest.fixture
def shared():
    """The URL of a store in memory."""
    yield "memory://gan-aug/store"
    fsspec.filesystem("memory").rm("/gan-aug", recursive=True)


def open_on(host, shared):
    return Store.open(host, shared).entry("stage", synthesis, seed=1)


def test_what_one_host_made_another_finds(tmp_path, shared):
    here, there = open_on(tmp_path / "here", shared), open_on(tmp_path / "there", shared)
    build(here)
    assert not there.is_complete()
    here.push(replace=True)
    assert (there.folder / "output.txt").read_text() == "whole"
    assert there.is_complete()
    assert there.seconds == here.seconds


def test_what_is_damaged_in_the_shared_store_is_made_again(tmp_path, shared, caplog):
    here, there = open_on(tmp_path / "here", shared), open_on(tmp_path / "there", shared)
    build(here)
    here.push(replace=True)
    (here.remote / "output.txt").write_text("other")
    assert not there.is_complete()
    assert "is damaged: making it again" in caplog.text
    build(there)
    there.push(replace=True)
    shutil.rmtree(here.path)
    assert here.is_complete()


def test_a_host_that_is_alone_with_its_store_says_what_it_looked_for(tmp_path):
    entry = Store.open(tmp_path, None).entry("stage", synthesis, seed=1)
    with pytest.raises(UserError, match=r"store: expected stage/.* found none"):
        _ = entry.folder


def test_the_shared_store_has_the_manifest_last(tmp_path, shared, monkeypatch):
    entry = open_on(tmp_path, shared)
    build(entry)
    pushed = []
    put = type(entry.remote.fs).put_file

    def note(fs, source, target, **options):
        pushed.append(target.rpartition("/")[2])
        put(fs, source, target, **options)

    monkeypatch.setattr(type(entry.remote.fs), "put_file", note)
    entry.push(replace=False)
    entry.push(replace=False)
    assert pushed == ["output.txt", "manifest.json"]


def test_another_folder_can_be_the_store(tmp_path):
    entry = open_on(tmp_path, str(tmp_path / "other"))
    assert entry.path.is_relative_to(tmp_path / "other")
    assert entry.remote is None


@pytest.mark.parametrize("location", ["nowhere://x", "s3://"])
def test_a_store_that_cannot_be_written_is_refused(tmp_path, location):
    with pytest.raises(UserError, match="store: expected a folder that can be written at"):
        Store.open(tmp_path, location)
