import pytest

from gan_aug.store.files import atomic_file


def test_an_atomic_file_replaces_the_old_one_only_when_whole(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path, "w") as file:
        file.write("new, but not all of it")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
