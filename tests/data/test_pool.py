"""Which images can be suggested, and which are spoken for."""

import numpy as np
import pytest

from gan_aug.data.chosen import read_table, write_table
from gan_aug.data.pool import open_pool
from gan_aug.errors import UserError
from gan_aug.settings.data import ReadingConfig
from gan_aug.settings.suggestion import SuggestionConfig

SIDE = 16


def draw_images(count, start=0):
    """Images that are told apart by their first pixel."""
    images = np.full((count, SIDE, SIDE), 7, np.uint8)
    images[:, 0, 0] = start + np.arange(count)
    images[:, 1, 1] = 255
    return images


@pytest.fixture
def some(tmp_path):
    """Twenty images to train on, five of them labeled; ten more without a label; five that test."""
    np.savez(
        tmp_path / "some.npz",
        x_train=draw_images(20),
        y_train=[place % 2 if place < 5 else -1 for place in range(20)],
        x_unlabeled=draw_images(10, start=20),
        x_test=draw_images(5, start=30),
        y_test=np.arange(5) % 2,
    )
    return tmp_path / "some.npz"


def open_some(some, **changes):
    return open_pool(SuggestionConfig(dataset=str(some), **changes), {})


def see(images):
    return images[:, 0, 0].tolist()


def test_all_but_the_images_that_test_are_read_and_labeled_ones_are_chosen(some):
    pool = open_some(some)
    found = pool.read(ReadingConfig())
    assert see(found.pictures.images) == list(range(30))
    assert found.chosen.tolist() == [0, 1, 2, 3, 4]
    assert pool.left == 25
    assert pool.rows == []


def test_rows_of_a_table_are_chosen_whether_or_not_they_have_a_label(some, tmp_path):
    table = tmp_path / "first.csv"
    table.write_text(
        "number,index,label,split,notes\n1,7,1,train,clear\n2,8,,train,?\n4,25,0,test,\n"
    )
    pool = open_some(some, labels_from=str(table))
    found = pool.read(ReadingConfig())
    assert see(found.pictures.images) == [place for place in range(30) if place != 25]
    assert see(found.pictures.images[found.chosen]) == [0, 1, 2, 3, 4, 7, 8]
    assert pool.left == 30 - 5 - 3

    rows = pool.list_rows(np.array([11, 26]), tmp_path / "next.csv", part="train", method="medoids")
    write_table(tmp_path / "next.csv", rows)
    again = read_table(tmp_path / "next.csv")
    assert [row["number"] for row in again.rows] == ["1", "2", "4", "5", "6"]
    assert [row["index"] for row in again.rows] == ["7", "8", "25", "11", "26"]
    assert [row["notes"] for row in again.rows] == ["clear", "?", "", "", ""]


def test_paths_are_rewritten_for_a_table_at_another_place(tmp_path):
    (tmp_path / "a" / "photos").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "first.csv").write_text("path,label\nphotos/1.png,cat\n")
    [row] = read_table(tmp_path / "a" / "first.csv").relocate(tmp_path / "b" / "next.csv")
    assert row == {"path": "../a/photos/1.png", "label": "cat"}


def test_data_with_all_labels_have_nothing_to_suggest(tmp_path):
    np.savez(tmp_path / "all.npz", X=draw_images(20), y=np.arange(20) % 2)
    with pytest.raises(UserError, match=r"all.npz: expected images .* no label, found one .* 20"):
        open_some(tmp_path / "all.npz")
