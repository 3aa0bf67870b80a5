import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
from climbing import Watcher, describe_climb

from gan_aug.errors import UserError
from gan_aug.execution import execute_stage
from gan_aug.store.store import Store

TESTS = Path(__file__).parents[1]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def entry(store):
    return store.locate(describe_climb())


def assert_climbed(entry, tmp_path):
    """The output is that of a stage that nobody interrupted, and nothing else is left."""
    whole = execute_stage(describe_climb(), Store(tmp_path / "uninterrupted"))
    np.testing.assert_array_equal(np.load(entry.path / "heights.npy"), whole.load())
    assert sorted(path.name for path in entry.path.iterdir()) == ["heights.npy", "manifest.json"]
    assert {path.name for path in entry.path.parent.iterdir()} <= {
        entry.path.name,
        f"{entry.path.name}.lock",
    }


def build(entry, content="whole"):
    with entry.build() as folder:
        (folder / "output.txt").write_text(content)


def test_an_entry_is_complete_once_it_is_built(entry):
    assert not entry.is_complete()
    build(entry)
    assert entry.is_complete()
    assert (entry.path / "output.txt").read_text() == "whole"
    assert entry.seconds >= 0


MANIFESTS = (
    "",
    "{",
    "[]",
    "null",
    "7",
    "[" * 100_000,
    '{"files": {}}',
    '{"seconds": 1.0, "files": {}}',
    '{"seconds": "1", "files": {"output.txt": 3}}',
    json.dumps({"seconds": 1.0, "files": {"output.txt": "0" * 64}}).replace("1.0", "1e999"),
    '{"seconds": 1.0, "files": ["output.txt"]}',
    '{"seconds": 1.0, "files": {"output.txt": {"deeper": 1}}}',
)


def replace_manifest(text):
    """Damage that leaves another manifest, or a folder in its place."""
    return lambda path: (path / "manifest.json").write_text(text)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "output.txt").unlink(),
        lambda path: (path / "output.txt").write_text("other"),
        lambda path: (path / "manifest.json").unlink(),
        shutil.rmtree,
        lambda path: (shutil.rmtree(path), path.write_text("a file")),
        *(replace_manifest(text) for text in MANIFESTS),
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


def test_a_stage_that_was_killed_goes_on_from_its_last_step(store, entry, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        execute_stage(describe_climb(), store, watch=Watcher(last=3))
    watcher = Watcher()
    assert not execute_stage(describe_climb(), store, watch=watcher).reused
    assert watcher.steps == [4]
    assert_climbed(entry, tmp_path)


KILLED_WHILE_SAVING = """
import os, signal, sys
from pathlib import Path
from climbing import describe_climb
from gan_aug.execution import execute_stage
from gan_aug.store.formats import ArrayFormat
from gan_aug.store.store import Store

ArrayFormat.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
execute_stage(describe_climb(), Store(Path(sys.argv[1])))
"""


def test_a_process_that_was_killed_leaves_what_another_goes_on_from(store, entry, tmp_path):
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_SAVING, str(store.root)],
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert not entry.path.exists()
    watcher = Watcher()
    assert not execute_stage(describe_climb(), store, watch=watcher).reused
    assert watcher.steps == [], "every step was kept"
    assert_climbed(entry, tmp_path)


def kill(*_arguments, **_options):
    """End the process there, as far as files can tell."""
    raise KeyboardInterrupt


def test_a_stage_that_was_killed_before_its_folder_took_its_place_is_not_lost(
    store, entry, tmp_path, monkeypatch
):
    """Between the manifest and the renaming."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", kill)
        execute_stage(describe_climb(), store)
    assert (entry.partial / "manifest.json").exists()
    assert not entry.path.exists()
    watcher = Watcher()
    assert not execute_stage(describe_climb(), store, watch=watcher).reused
    assert watcher.steps == [], "no step is taken twice"
    assert_climbed(entry, tmp_path)


def test_a_stage_that_was_killed_before_its_checkpoint_went_is_whole_and_the_checkpoint_goes(
    store, entry, tmp_path, monkeypatch
):
    """Between the renaming and the end."""
    unlink = Path.unlink

    def unlink_or_kill(path, **options):
        if path == entry.checkpoint.path:
            raise KeyboardInterrupt
        unlink(path, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "unlink", unlink_or_kill)
        execute_stage(describe_climb(), store)
    assert entry.checkpoint.path.exists()
    assert execute_stage(describe_climb(), store).reused
    assert_climbed(entry, tmp_path)


def test_a_checkpoint_whose_folder_is_gone_is_not_used(store, entry, tmp_path):
    """It says that all is done, of an output that is damaged."""
    execute_stage(describe_climb(), store)
    entry.checkpoint.save({"heights": np.zeros(5)})
    (entry.path / "heights.npy").unlink()
    watcher = Watcher()
    assert not execute_stage(describe_climb(), store, watch=watcher).reused
    assert watcher.steps == [1, 2, 3, 4]
    assert_climbed(entry, tmp_path)


def test_what_a_kill_left_half_written_does_not_enter_the_output(store, entry, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        execute_stage(describe_climb(), store, watch=Watcher(last=2))
    (entry.partial / ".heights.npy.77.partial").write_bytes(b"ha")
    (entry.partial / "below").mkdir()
    (entry.partial / "below" / ".more.npy.77.partial").write_bytes(b"ha")
    execute_stage(describe_climb(), store)
    manifest = json.loads((entry.path / "manifest.json").read_text())
    assert list(manifest["files"]) == ["heights.npy"]
    assert not list(entry.path.rglob(".*"))


def test_a_stage_whose_run_fails_leaves_its_checkpoint_and_no_output(store, entry):
    with pytest.raises(KeyboardInterrupt):
        execute_stage(describe_climb(), store, watch=Watcher(last=1))
    assert not entry.is_complete()
    assert entry.checkpoint.load()["heights"].tolist() == [1, pytest.approx(4 / 3)]


def put_pickle(path):
    np.savez(path, step=np.array([{}], dtype=object))


def put_array(path):
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def put_foreign_member(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no array")


CHECKPOINTS = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:200]),
    "nothing": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("step 7"),
    "a folder": lambda path: (path.unlink(), path.mkdir(), (path / "file").touch()),
    "a pickle": put_pickle,
    "one array": put_array,
    "a member that is no array": put_foreign_member,
}


@pytest.mark.parametrize("damage", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_a_damaged_checkpoint_is_said_and_not_used(store, entry, tmp_path, caplog, damage):
    with pytest.raises(KeyboardInterrupt):
        execute_stage(describe_climb(), store, watch=Watcher(last=3))
    damage(entry.checkpoint.path)
    watcher = Watcher()
    assert not execute_stage(describe_climb(), store, watch=watcher).reused
    assert watcher.steps == [1, 2, 3, 4]
    assert "is damaged" in caplog.text
    assert_climbed(entry, tmp_path)


def test_two_processes_do_not_build_the_same_entry_at_once(entry):
    attempt = (
        "import sys; from pathlib import Path\n"
        "from gan_aug.store.store import Entry; import filelock\n"
        "try: Entry(Path(sys.argv[1])).lock().acquire(timeout=0)\n"
        "except filelock.Timeout: sys.exit(75)"
    )
    command = [sys.executable, "-c", attempt, str(entry.path)]
    with entry.lock():
        assert subprocess.run(command, check=False).returncode == 75
    assert subprocess.run(command, check=False).returncode == 0


@pytest.fixture
def shared():
    """The URL of a store in memory."""
    yield "memory://gan-aug/store"
    fsspec.filesystem("memory").rm("/gan-aug", recursive=True)


def open_on(host, shared):
    return Store.open(host, shared).locate(describe_climb())


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


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside", ".", ""])
def test_a_shared_store_writes_nothing_outside_its_entry(tmp_path, shared, name):
    here, there = open_on(tmp_path / "here", shared), open_on(tmp_path / "there", shared)
    build(here)
    here.push(replace=True)
    (here.remote.parent / "outside").write_text("other")
    manifest = json.loads((here.remote / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(b"other").hexdigest()
    (here.remote / "manifest.json").write_text(json.dumps(manifest))
    assert not there.is_complete()
    assert not any(path.is_file() for path in there.path.parent.rglob("*"))


def test_a_host_that_is_alone_with_its_store_says_what_it_looked_for(tmp_path):
    entry = open_on(tmp_path, None)
    with pytest.raises(UserError, match=r"store: expected climb/.* found none"):
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
