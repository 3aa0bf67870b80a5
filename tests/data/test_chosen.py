"""Labels that come back in a table of chosen images, for every form of data."""

import csv

import numpy as np
import pytest
from PIL import Image
from sources import load

from gan_aug.data.chosen import check_output, list_rows, read_table, write_table
from gan_aug.data.load import check_dataset, open_images
from gan_aug.data.rearrange import merge_pool
from gan_aug.errors import UserError
from gan_aug.settings.data import DataConfig

COUNT, SIDE = 40, 16


def draw_images(count, start=0):
    """Images that are told apart by their first pixel."""
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    images[:, 0, 0] = start + np.arange(count)
    images[:, 1, 1] = 255
    return images


def name(place):
    return "even" if place % 2 == 0 else "odd"


@pytest.fixture
def photos(tmp_path):
    """A folder of pictures without any label."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for place, image in enumerate(draw_images(COUNT)):
        Image.fromarray(image).save(folder / f"{place:02}.png")
    return folder


@pytest.fixture
def arrays(tmp_path):
    """Arrays of which none has a label, but those that test."""
    test = {"x_test": draw_images(10, start=COUNT), "y_test": [name(place) for place in range(10)]}
    np.savez(tmp_path / "arrays.npz", x_unlabeled=draw_images(COUNT), **test)
    return tmp_path / "arrays.npz"


def write_filled(path, data, places, label=name, part="train", method="medoids"):
    """Write a table as the command does, and as somebody fills it in."""
    source = open_images(str(data), {})
    rows = list_rows(np.array(places), source, path, first=1, part=part, method=method)
    for row, place in zip(rows, places, strict=True):
        row["label"] = label(place)
    write_table(path, rows)
    return path


def see_labels(part):
    """Return the name of each image's class by its first pixel."""
    names = [part.spec.classes[label] for label in part.labels]
    return dict(zip(part.images[:, 0, 0].tolist(), names, strict=True))


def test_a_table_opens_in_spreadsheets_with_an_empty_label_a_row(photos, tmp_path):
    path = write_filled(tmp_path / "suggested.csv", photos, [7, 3], label=lambda _: "")
    assert path.read_bytes().startswith("\ufeffnumber,path,label,split,method\n".encode())
    with path.open(encoding="utf-8-sig") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "number": "1",
        "path": "photos/07.png",
        "label": "",
        "split": "train",
        "method": "medoids",
    }
    assert (second["number"], second["path"]) == ("2", "photos/03.png")


@pytest.mark.parametrize("form", ["photos", "arrays"])
def test_labels_come_back_to_their_images(request, tmp_path, form):
    data = request.getfixturevalue(form)
    chosen = [9, 2, 30, 31, 12, 5, 20, 23, 0, 1, 38, 39, 14, 15, 16, 17]
    table = write_filled(tmp_path / "suggested.csv", data, chosen)
    found = load(data, labels_from=str(table))
    parts = [found.train, found.validation] + ([found.test] if form == "photos" else [])
    labels = {pixel: label for part in parts for pixel, label in see_labels(part).items()}
    assert labels == {place: name(place) for place in chosen}
    assert sorted(found.unlabeled[:, 0, 0]) == sorted(set(range(COUNT)) - set(chosen))
    assert "suggested.csv has 16 labels: 16 of images chosen by medoids" in found.provenance.notes


def test_a_folder_of_unlabeled_pictures_keeps_its_test_part(photos, tmp_path):
    (tmp_path / "mine").mkdir()
    photos.rename(tmp_path / "mine" / "unlabeled")
    for place, image in enumerate(draw_images(10, start=COUNT)):
        file = tmp_path / "mine" / "test" / name(place) / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    table = write_filled(tmp_path / "suggested.csv", tmp_path / "mine", range(20))
    found = load(tmp_path / "mine", labels_from=str(table))
    assert sorted(see_labels(found.test)) == list(range(COUNT, COUNT + 10))
    assert len(found.train) + len(found.validation) == 20


def test_images_for_other_parts_go_there(photos, tmp_path):
    table = tmp_path / "suggested.csv"
    sizes = {"train": 10, "validation": 4, "test": 6}
    rows, first = [], 1
    for part, size in sizes.items():
        places = list(range(first, first + size))
        own = write_filled(table, photos, places, part=part, method="random")
        rows += read_table(own).rows
        first += size
    write_table(table, rows)
    found = load(photos, labels_from=str(table))
    for part, first in {"train": 1, "validation": 11, "test": 15}.items():
        places = range(first, first + sizes[part])
        assert see_labels(getattr(found, part)) == {place: name(place) for place in places}
    assert len(found.unlabeled) == COUNT - 20
    assert "suggested.csv has 20 labels: 20 of images drawn at random" in found.provenance.notes


def test_an_empty_label_leaves_the_image_unlabeled(arrays, tmp_path):
    table = write_filled(
        tmp_path / "some.csv", arrays, range(20), label=lambda place: name(place) * (place != 4)
    )
    found = load(arrays, labels_from=str(table))
    assert 4 in found.unlabeled[:, 0, 0]
    assert len(found.train) + len(found.validation) == 19


def test_a_table_adds_to_the_labels_of_the_data(tmp_path):
    labels = [name(place) if place < 20 else "" for place in range(COUNT)]
    np.savez(tmp_path / "some.npz", X=draw_images(COUNT), y=labels)
    table = write_filled(tmp_path / "more.csv", tmp_path / "some.npz", [20, 25])
    found = load(tmp_path / "some.npz", labels_from=str(table))
    parts = (found.train, found.validation, found.test)
    labeled = [pixel for part in parts for pixel in see_labels(part)]
    assert sorted(labeled) == [*range(20), 20, 25]


def test_unreadable_pictures_move_no_label(photos, tmp_path):
    table = write_filled(tmp_path / "suggested.csv", photos, range(10, 30))
    (photos / "05.png").write_bytes(b"broken")
    (photos / "12.png").write_bytes(b"broken")
    found = load(photos, labels_from=str(table), skip_unreadable=True)
    labels = see_labels(found.train) | see_labels(found.validation) | see_labels(found.test)
    assert labels == {place: name(place) for place in range(10, 30) if place != 12}
    assert len(found.unlabeled) == COUNT - 2 - 19


def test_the_table_itself_is_a_data_set(photos, tmp_path):
    table = write_filled(tmp_path / "suggested.csv", photos, range(20))
    found = load(table)
    assert see_labels(found.train).items() <= {place: name(place) for place in range(20)}.items()


def test_a_table_that_a_spreadsheet_saved_with_semicolons_is_read(arrays, tmp_path):
    table = tmp_path / "own.csv"
    table.write_text("label;index;notes\neven;4;a, b\nodd;7;\n")
    found = read_table(table)
    assert found.labels.tolist() == ["even", "odd"]
    assert found.find_places(open_images(str(arrays), {})).tolist() == [4, 7]
    assert found.rows[0]["notes"] == "a, b"


def test_merging_keeps_the_order_train_then_unlabeled(tmp_path):
    np.savez(
        tmp_path / "both.npz",
        x_train=draw_images(5),
        y_train=[0, 1, 0, 1, -1],
        x_unlabeled=draw_images(4, start=5),
    )
    merged = merge_pool(open_images(str(tmp_path / "both.npz"), {}))
    assert merged.labels["train"].tolist() == ["0", "1", "0", "1", *[""] * 5]
    assert merged.read(DataConfig()).images["train"][:, 0, 0].tolist() == list(range(9))


BAD = {
    "no file": (None, r"some.csv: expected a table that `gan-aug suggest` wrote, found no file"),
    "another table": ("a,b\n1,2\n", r"expected columns label, and path or index, .* found a, b"),
    "no labels": ("index,label\n1,\n2,\n", r"labels in the column label, found none in 2 rows"),
    "far away": ("index,label\n1,x\n40,y\n", r"column index: expected 0 to 39, .* found '40'"),
    "no number": ("index,label\n-1,x\n", r"column index: expected 0 to 39, .* found '-1'"),
    "twice": ("index,label\n3,x\n3,y\n", r"expected one row an image, found two of 3"),
    "elsewhere": ("path,label\nno.png,x\n", r"column path: .* found 1 others, such as .*no.png"),
    "a long label": (f"index,label\n1,{'x' * 101}\n", r"some.csv: column label: expected names of"),
    "a huge field": (
        f"index,label\n1,{'x' * 200_000}\n",
        r"expected a CSV, found: field",
    ),
    "a part": ("index,label,split\n1,x,exam\n", r"column split: .* found 'exam'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_with_a_table_is_said_before_images_are_read(arrays, tmp_path, case):
    content, message = BAD[case]
    if content is not None:
        (tmp_path / "some.csv").write_text(content)
    config = DataConfig(dataset=str(arrays), labels_from=str(tmp_path / "some.csv"))
    with pytest.raises(UserError, match=message):
        check_dataset(config, {})


def test_other_bytes_are_refused(arrays, tmp_path):
    (tmp_path / "some.csv").write_bytes("index,label\n1,é\n".encode("latin-1"))
    with pytest.raises(UserError, match="CSV in UTF-8, found other bytes"):
        load(arrays, labels_from=str(tmp_path / "some.csv"))


def test_a_label_that_contradicts_the_data_is_refused(tmp_path):
    np.savez(tmp_path / "some.npz", X=draw_images(COUNT), y=np.arange(COUNT) % 2)
    (tmp_path / "some.csv").write_text("index,label\n4,0\n5,0\n")
    with pytest.raises(UserError, match=r"found 0 for 5, which the data call 1; mend it"):
        load(tmp_path / "some.npz", labels_from=str(tmp_path / "some.csv"))


def test_labels_are_not_written_over(arrays, tmp_path):
    empty = write_filled(tmp_path / "empty.csv", arrays, [1], label=lambda _: "")
    filled = write_filled(tmp_path / "filled.csv", arrays, [1, 2])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    check_output(tmp_path / "new.csv", None)
    check_output(empty, None)
    check_output(filled, filled)
    with pytest.raises(UserError, match=r"found 2; go on in it with --labels-from .*filled.csv"):
        check_output(filled, empty)
    with pytest.raises(UserError, match=r"expected columns label"):
        check_output(tmp_path / "other.csv", None)
    with pytest.raises(UserError, match=r"ends in .csv, found .*photo.png"):
        check_output(tmp_path / "photo.png", None)
