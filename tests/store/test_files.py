import os
import socket

import pytest

from gan_aug.errors import UserError
from gan_aug.store.files import atomic_file, check_target


def test_an_atomic_file_replaces_the_old_one_only_when_whole(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path, "w") as file:
        file.write("new, but not all of it")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_a_file_stays_a_link(tmp_path):
    (tmp_path / "file.json").write_text("old")
    (tmp_path / "link.json").symlink_to("file.json")
    with atomic_file(tmp_path / "link.json", "w") as file:
        file.write("new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "file.json").read_text() == "new"


def make_socket(path):
    os.chdir(path.parent)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)


SPECIAL = {
    "a device": lambda path: path.symlink_to("/dev/full"),
    "a pipe": os.mkfifo,
    "a socket": make_socket,
    "a folder": os.mkdir,
}


@pytest.mark.parametrize("make", SPECIAL.values(), ids=SPECIAL)
@pytest.mark.parametrize("write", [lambda path: atomic_file(path).__enter__(), check_target])
def test_what_is_no_file_is_refused_and_stays(tmp_path, monkeypatch, make, write):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "there")
    before = (tmp_path / "there").lstat()
    with pytest.raises(UserError, match=r"there: expected a file or a new name, found a folder, a"):
        write(tmp_path / "there")
    assert (tmp_path / "there").lstat().st_ino == before.st_ino
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_target_needs_its_folder(tmp_path):
    with pytest.raises(UserError, match=r"a\.png: expected a folder that exists, found none"):
        check_target(tmp_path / "gone" / "a.png")
    check_target(tmp_path / "a.png")
