"""Every form that data come in: the same images and labels whatever they are stored in."""

from pathlib import Path

import datasets
import numpy as np
import pytest
from forms import (
    CLASSES,
    COUNTS,
    LABELED,
    NAMES,
    SIDE,
    list_rows,
    make_set,
    make_table,
    write_csv,
    write_idx,
    write_npz,
    write_parquet,
    write_pictures,
)
from PIL import Image
from sources import load

from gan_aug.data import local
from gan_aug.data.load import check_dataset
from gan_aug.errors import UserError
from gan_aug.settings.data import DataConfig


@pytest.fixture(scope="module")
def grey():
    return make_set()


@pytest.fixture(scope="module")
def rgb():
    return make_set(3)


def pair(images, names):
    """Images with the names of their classes, in an order of their own."""
    return sorted((image.tobytes(), str(name)) for image, name in zip(images, names, strict=True))


def assert_same(loaded, made, classes=CLASSES, parts=LABELED):
    """Each part has the images and the classes that it was made of."""
    assert loaded.spec.classes == tuple(classes)
    for part in parts:
        held = getattr(loaded, part)
        found = pair(held.images, [loaded.spec.classes[label] for label in held.labels])
        images, labels = made[part]
        assert found == pair(images, [classes[label] for label in labels]), part
    if "unlabeled" in loaded.provenance.images:
        found = pair(loaded.unlabeled, [""] * len(loaded.unlabeled))
        assert found == pair(made["unlabeled"][0], [""] * COUNTS["unlabeled"])


# --------------------------------------------------------------------------------- folders


def test_folders_by_part_and_class(tmp_path, rgb):
    loaded = load(write_pictures(tmp_path, rgb))
    assert_same(loaded, rgb)
    assert loaded.spec.shape == (SIDE, SIDE, 3)
    assert loaded.provenance.images == COUNTS
    assert len(loaded.images) == COUNTS["train"] + COUNTS["unlabeled"]


@pytest.mark.parametrize("spelling", ["training", "Train", "TRAIN"])
@pytest.mark.parametrize("validation", ["val", "valid", "Validation", "dev"])
def test_parts_in_any_spelling(tmp_path, grey, spelling, validation):
    write_pictures(tmp_path, {part: grey[part] for part in LABELED})
    (tmp_path / "train").rename(tmp_path / "spelt").rename(tmp_path / spelling)
    (tmp_path / "validation").rename(tmp_path / "so").rename(tmp_path / validation)
    assert_same(load(tmp_path), grey)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp"])
def test_folders_by_class_are_split(tmp_path, grey, ending):
    made = {"train": grey["train"], "unlabeled": grey["unlabeled"]}
    write_pictures(tmp_path, made, "{name}", ending)
    loaded = load(tmp_path, side=SIDE)
    assert loaded.provenance.images == {"test": 5, "validation": 5, "train": 26, "unlabeled": 7}
    counts = loaded.provenance.class_counts
    assert all(max(own) - min(own) <= 1 for own in counts.values()), "stratified"
    if ending != "webp":  # which loses a little
        parts = [getattr(loaded, part) for part in LABELED]
        images = np.concatenate([part.images for part in parts])
        labels = np.concatenate([part.labels for part in parts])
        assert pair(images, labels) == pair(*grey["train"])


def test_a_split_is_a_matter_of_its_seed_and_shares(tmp_path, grey):
    write_pictures(tmp_path, {"train": grey["train"]}, "{name}")
    same, again, other = (load(tmp_path, split_seed=seed) for seed in (0, 0, 1))
    assert same.provenance == again.provenance
    assert same.provenance.sha256 != other.provenance.sha256
    large = load(tmp_path, validation_share=0.25, test_share=0.4)
    assert large.provenance.images == {"test": 14, "validation": 9, "train": 13}


def test_nested_folders_belong_to_their_class(tmp_path, grey):
    write_pictures(tmp_path, {"train": grey["train"]}, "{name}/camera 1/{part}")
    assert load(tmp_path).spec.classes == CLASSES


def test_linked_folders_are_followed_once(tmp_path, grey):
    write_pictures(tmp_path / "data", {"train": grey["train"]}, "{name}")
    (tmp_path / "data" / "fox").rename(tmp_path / "elsewhere")
    (tmp_path / "data" / "fox").mkdir()
    (tmp_path / "data" / "fox" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "elsewhere")
    assert sum(load(tmp_path / "data").provenance.images.values()) == COUNTS["train"]


def test_a_class_may_be_called_as_a_part_is(tmp_path, grey):
    write_pictures(tmp_path, {"train": grey["train"]}, "{name}")
    (tmp_path / "fox").rename(tmp_path / "train")
    assert load(tmp_path).spec.classes == ("cat", "dog", "train")


def test_classes_are_in_natural_order_and_dust_is_ignored(tmp_path, grey):
    write_pictures(tmp_path, {"train": grey["train"]}, "{name}")
    for old, new in zip(CLASSES, ("class 10", "class 9", "class 1"), strict=True):
        (tmp_path / old).rename(tmp_path / new)
    (tmp_path / ".DS_Store").touch()
    (tmp_path / "class 1" / "Thumbs.db").touch()
    assert load(tmp_path).spec.classes == ("class 1", "class 9", "class 10")


def test_pictures_are_turned_as_exif_says_and_transparency_is_white(tmp_path, grey):
    write_pictures(tmp_path, {"train": grey["train"]}, "{name}")
    half = np.zeros((SIDE, SIDE), np.uint8)
    half[: SIDE // 2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(half).save(tmp_path / "cat" / "turned.png", exif=exif)
    clear = np.dstack([half, half, half, np.zeros_like(half)])
    Image.fromarray(clear, "RGBA").save(tmp_path / "cat" / "clear.png")
    loaded = load(tmp_path)
    held = [getattr(loaded, part).images for part in LABELED]
    images = {image.tobytes() for image in np.concatenate(held)}
    assert np.rot90(half, -1).tobytes() in images
    assert np.full_like(half, 255).tobytes() in images


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((32, 32), None, 32),
        ((300, 200), None, 64),
        ((30, 50), None, 28),
        ((8, 8), None, 16),
        ((300, 200), 48, 48),
        ((8, 8), 32, 32),
    ],
)
def test_the_side_is_that_of_the_pictures_or_the_one_asked_for(tmp_path, size, side, expected):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(20):
            Image.effect_noise(size, 99).save(tmp_path / name / f"{number}.png")
    loaded = load(tmp_path, side=side)
    assert loaded.spec.shape == (expected, expected, 1)
    assert f"pictures are read as {expected}x{expected}" in loaded.provenance.notes


@pytest.mark.parametrize(("color", "channels"), [("auto", 3), ("grey", 1), ("rgb", 3)])
def test_color_is_that_of_the_pictures_or_the_one_asked_for(tmp_path, rgb, color, channels):
    write_pictures(tmp_path, {"train": rgb["train"]}, "{name}")
    assert load(tmp_path, color=color).spec.shape[2] == channels


def test_grey_pictures_may_be_read_as_rgb(tmp_path, grey):
    write_pictures(tmp_path, {"train": grey["train"]}, "{name}")
    assert load(tmp_path).spec.shape[2] == 1
    assert load(tmp_path, color="rgb").spec.shape[2] == 3


def test_files_that_are_no_pictures_are_refused_or_left_out_and_named(tmp_path, grey):
    write_pictures(tmp_path, {"train": grey["train"]}, "{name}")
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    with pytest.raises(UserError, match=r"1 other files: .*notes\.txt; remove .* --skip-unread"):
        check_dataset(DataConfig(dataset=str(tmp_path)), {})
    (tmp_path / "dog" / "torn.png").write_bytes(b"\x89PNG nothing more")
    loaded = load(tmp_path, skip_unreadable=True)
    assert sum(loaded.provenance.images.values()) == COUNTS["train"]
    told = " ".join(loaded.provenance.notes)
    assert "1 files are no pictures and were left out: " in told
    assert "1 of 37 files could not be read and were left out: " in told
    assert "torn.png (cannot identify" in told
    (tmp_path / "cat" / "notes.txt").unlink()
    with pytest.raises(UserError, match=r"1 of 37 files that are not: .*torn\.png .*; mend"):
        load(tmp_path)


def test_a_picture_of_too_many_pixels_is_refused(tmp_path, grey):
    write_pictures(tmp_path, {"train": grey["train"]}, "{name}")
    Image.new("1", (10_000, 6_000)).save(tmp_path / "cat" / "huge.png")
    with pytest.raises(UserError, match=r"huge\.png \(60,000,000 pixels, and 50,000,000 are"):
        load(tmp_path)


def remove_folders(root):
    for folder in list(root.iterdir()):
        for file in folder.iterdir():
            file.rename(root / f"{folder.name}-{file.name}")
        folder.rmdir()


def add_loose_pictures(root):
    (root / "cat" / "train-0.png").rename(root / "loose.png")


def add_flat_test(root):
    (root / "train").mkdir()
    for name in CLASSES:
        (root / name).rename(root / "train" / name)
    (root / "test").mkdir()
    Image.new("L", (SIDE, SIDE)).save(root / "test" / "1.png")


def add_class_beside_parts(root):
    add_flat_test(root)
    (root / "test" / "1.png").unlink()
    (root / "test").rmdir()
    (root / "newt").mkdir()
    Image.new("L", (SIDE, SIDE)).save(root / "newt" / "1.png")


def empty_all(root):
    for name in CLASSES:
        for file in (root / name).iterdir():
            file.unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove_folders, r"a folder for each class in it, found 36 files such as cat-train-0"),
        (add_loose_pictures, r"all pictures in folders, found 1 file such as loose\.png beside"),
        (add_flat_test, r"a folder for each class in test, found 1 file such as 1\.png .*unlabel"),
        (add_class_beside_parts, r"folders for parts, or for classes, found train and newt; move"),
        (empty_all, r"expected pictures \(\.jpg, .*\) in it, found nothing"),
    ],
)
def test_a_folder_of_another_structure_is_refused_with_what_is_there(
    tmp_path, grey, change, message
):
    write_pictures(tmp_path, {"train": grey["train"]}, "{name}")
    change(tmp_path)
    with pytest.raises(UserError, match=message) as error:
        check_dataset(DataConfig(dataset=str(tmp_path)), {})
    assert str(error.value).startswith(f"{tmp_path}: ")


# ---------------------------------------------------------------------------------- arrays

LAYOUTS = {
    "plain": lambda images: images,
    "last axis": lambda images: images[..., None],
    "first axis": lambda images: images[:, None],
    "rows": lambda images: images.reshape(len(images), -1),
}
RGB_LAYOUTS = {
    "last axis": lambda images: images,
    "first axis": lambda images: np.moveaxis(images, -1, 1),
}
RANGES = {
    "uint8": lambda images: images,
    "int64": lambda images: images.astype(np.int64),
    "float levels": lambda images: images.astype(np.float32),
    "unit": lambda images: images / 255,
    "unit float32": lambda images: (images / 255).astype(np.float32),
    "symmetric": lambda images: images / 127.5 - 1,
}
LABEL_FORMS = {
    "numbers": lambda labels: labels,
    "column": lambda labels: labels[:, None],
    "one-hot": lambda labels: np.eye(3, dtype=np.uint8)[labels],
    "one-hot floats": lambda labels: np.eye(3)[labels],
    "whole floats": lambda labels: labels.astype(float),
    "bytes": lambda labels: labels.astype("S"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pixels", RANGES)
def test_arrays_in_every_layout_and_range(tmp_path, grey, layout, pixels):
    path = write_npz(
        tmp_path / "own.npz", grey, lambda images: LAYOUTS[layout](RANGES[pixels](images))
    )
    assert_same(load(path), grey, "012")


@pytest.mark.parametrize("layout", RGB_LAYOUTS)
def test_rgb_arrays_in_every_layout(tmp_path, rgb, layout):
    assert_same(load(write_npz(tmp_path / "own.npz", rgb, RGB_LAYOUTS[layout])), rgb, "012")


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("form", LABEL_FORMS)
def test_labels_in_every_form_and_arrays_of_every_name(tmp_path, grey, names, form):
    path = write_npz(tmp_path / "own.npz", grey, labels=LABEL_FORMS[form], names=names)
    assert_same(load(path), grey, "012")


def test_labels_need_not_begin_at_0_nor_be_numbers(tmp_path, grey):
    path = write_npz(tmp_path / "own.npz", grey, labels=lambda labels: 7 + 5 * labels)
    assert_same(load(path), grey, ("7", "12", "17"))
    path = write_npz(tmp_path / "own.npz", grey, labels=lambda labels: np.array(CLASSES)[labels])
    assert_same(load(path), grey)


def test_x_and_y_alone_are_split(tmp_path, grey):
    images, labels = grey["train"]
    np.savez(tmp_path / "own.npz", X=images, y=labels)
    assert load(tmp_path / "own.npz").provenance.images == {"test": 5, "validation": 5, "train": 26}


@pytest.mark.parametrize(
    "mark",
    [
        lambda labels: np.where(np.arange(len(labels)) < 7, -1, labels),
        lambda labels: np.where(np.arange(len(labels)) < 7, np.nan, labels),
        lambda labels: np.where(np.arange(len(labels)) < 7, "", labels.astype(str)),
        lambda labels: np.where(np.arange(len(labels))[:, None] < 7, 0, np.eye(3)[labels]),
    ],
    ids=["-1", "NaN", "empty", "no one in one-hot"],
)
def test_training_images_without_a_label_are_the_pool(tmp_path, grey, mark):
    images, labels = grey["train"]
    arrays = {"x_train": images, "y_train": mark(labels)}
    for part in ("test", "validation"):
        own = grey[part]
        arrays |= {f"x_{part}": own[0], f"y_{part}": own[1]}
    np.savez(tmp_path / "own.npz", **arrays)
    loaded = load(tmp_path / "own.npz")
    assert loaded.provenance.images["unlabeled"] == 7
    assert pair(loaded.unlabeled, range(7)) == pair(images[:7], range(7))
    assert pair(loaded.train.images, range(29)) == pair(images[7:], range(29))


@pytest.mark.parametrize("name", ["x_unlabeled", "X_unlabeled", "unlabeled_images"])
def test_an_array_of_unlabeled_images_is_the_pool(tmp_path, grey, name):
    path = write_npz(tmp_path / "own.npz", grey, **{name: grey["unlabeled"][0]})
    assert_same(load(path), grey, "012")
    assert load(path).provenance.images == COUNTS


def test_an_array_that_is_not_used_is_named(tmp_path, grey, caplog):
    caplog.set_level("INFO")
    loaded = load(write_npz(tmp_path / "own.npz", grey, sample_weight=np.ones(36)))
    assert "array sample_weight is not used" in loaded.provenance.notes
    assert "own.npz: array sample_weight is not used" in caplog.text


def test_the_range_is_told_and_is_that_of_all_training_images(tmp_path, grey):
    path = write_npz(tmp_path / "own.npz", grey, lambda images: images / 127.5 - 1)
    assert "pixels of x_train run from -1 to 1" in load(path).provenance.notes


def test_arrays_are_resized_when_asked(tmp_path, rgb):
    path = write_npz(tmp_path / "own.npz", rgb)
    assert load(path, side=20).spec.shape == (20, 20, 3)
    assert load(path, color="grey").spec.shape == (SIDE, SIDE, 1)
    odd = write_npz(tmp_path / "odd.npz", rgb, lambda images: images[:, :, :14])
    assert load(odd, side=SIDE).spec.shape == (SIDE, SIDE, 3)


def replace_labels(**arrays):
    return lambda found: found | arrays


def drop(*names):
    return lambda found: {name: array for name, array in found.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("x_train"), r"expected arrays x_train and y_train, .*, found y_train, x_val"),
        (drop("y_train"), r"x_train: expected an array of its labels, such as y_train, found none"),
        (drop("y_test"), r"x_test: expected an array of its labels, such as y_test, found none"),
        (drop("x_test"), r"y_test: expected an array of the images that it labels, found none"),
        (
            lambda found: found | {"X_train": found["x_train"]},
            r"one array of train images, found x_train and X_train; take one away",
        ),
        (
            lambda found: found | {"y_train": np.array([print] * 36, dtype=object)},
            r"y_train holds Python objects",
        ),
    ],
)
def test_missing_and_double_arrays_are_named(tmp_path, grey, change, message):
    path = write_npz(tmp_path / "own.npz", grey)
    with np.load(path) as file:
        found = change(dict(file))
    np.savez(path, **found)
    with pytest.raises(UserError, match=message):
        check_dataset(DataConfig(dataset=str(path)), {})


# ------------------------------------------------------------------------------------- IDX


@pytest.mark.parametrize("prefix", ["", "emnist-letters-"])
@pytest.mark.parametrize("test", ["t10k", "test"])
@pytest.mark.parametrize(
    ("ending", "packed"), [("", False), (".gz", True), ("", True), (".gz", False)]
)
def test_idx_files_with_prefixes_gzipped_or_not_whatever_they_are_called(
    tmp_path, grey, prefix, test, ending, packed
):
    for part, name in (("train", "train"), ("test", test)):
        images, labels = grey[part]
        write_idx(tmp_path / f"{prefix}{name}-images-idx3-ubyte{ending}", images, packed=packed)
        write_idx(tmp_path / f"{prefix}{name}-labels-idx1-ubyte{ending}", labels + 1, packed=packed)
    loaded = load(tmp_path)
    assert loaded.spec.classes == ("1", "2", "3")
    assert_same(loaded, grey, ("1", "2", "3"), ["test"])


def test_a_missing_idx_file_is_told_with_what_is_there(tmp_path, grey):
    write_idx(tmp_path / "train-images-idx3-ubyte", grey["train"][0], packed=False)
    with pytest.raises(
        UserError,
        match=r"IDX file train-labels-idx1-ubyte in it, found train-images-idx3-ubyte",
    ):
        load(tmp_path)


def test_two_idx_data_sets_in_a_folder_are_refused(tmp_path, grey):
    for prefix in ("emnist-letters-", "emnist-digits-"):
        write_idx(tmp_path / f"{prefix}train-images-idx3-ubyte", grey["train"][0], packed=False)
    with pytest.raises(UserError, match=r"one data set in it, found emnist-digits-train-images"):
        load(tmp_path)


# ---------------------------------------------------------------------------------- tables


TABLES = {
    "csv": ("own.csv", write_csv),
    "csv.gz": ("own.csv.gz", lambda path, columns: write_csv(path, columns, packed=True)),
    "packed csv": ("own.csv", lambda path, columns: write_csv(path, columns, packed=True)),
    "parquet": ("own.parquet", write_parquet),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("label", ["label", "Class", "target"])
def test_a_table_with_a_column_for_each_pixel(tmp_path, grey, kind, label):
    images, labels, parts = list_rows(grey, "012")
    columns = {label: [int(text) if text else "" for text in labels], "split": parts}
    pixels = images.reshape(len(images), -1).T.tolist()
    columns |= {f"pixel{place}": column for place, column in enumerate(pixels)}
    name, write = TABLES[kind]
    loaded = load(write(tmp_path / name, columns | {"id": range(len(images))}))
    assert_same(loaded, grey, "012")
    assert "column id is not used" in loaded.provenance.notes


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_with_paths_relative_to_it(tmp_path, rgb, kind):
    images, labels, parts = list_rows(rgb)
    (tmp_path / "pictures").mkdir()
    paths = [f"pictures/{place}.png" for place in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(tmp_path / path)
    name, write = TABLES[kind]
    columns = {"path": paths, "label": labels, "part": parts}
    assert_same(load(write(tmp_path / name, columns)), rgb)


def test_rows_without_a_label_are_the_pool(tmp_path, grey):
    images, labels, _ = list_rows({part: grey[part] for part in COUNTS})
    pixels = images.reshape(len(images), -1).T.tolist()
    columns = {"label": labels} | {f"p{place}": column for place, column in enumerate(pixels)}
    loaded = load(write_csv(tmp_path / "own.csv", columns))
    assert loaded.provenance.images["unlabeled"] == COUNTS["unlabeled"]
    assert sum(loaded.provenance.images.values()) == len(images)


def write_text(text):
    def write(path):
        path.write_text(text)

    return write


HEADER = "label," + ",".join(f"p{place}" for place in range(256))
ROW = "cat," + ",".join(["7"] * 256)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.csv", write_text(""), r"expected a column label .*, found none"),
        ("a.csv", write_text("x,y_\n1,2\n"), r"expected a column label .*, found x, y_"),
        ("a.csv", write_text("5,0,0\n1,2,3\n"), r"names of columns in the first line, found numb"),
        ("a.csv", write_text("label,p,p\n1,2,3\n"), r"different names of columns, found label, p"),
        ("a.csv", write_text(f"{HEADER}\n{ROW}\n{ROW},1\n"), r"as many fields in every row, .*257"),
        ("a.csv", write_text(f"{HEADER},odd\n{ROW},1\n"), r"grey square, found 257 columns beside"),
        (
            "a.csv",
            write_text("label,class,path\n1,2,3\n"),
            r"one of the columns label, class, ",
        ),
        (
            "a.csv",
            write_text("label,path\ncat,gone.png\n"),
            r"column path: .* 1 of 1 missing, ",
        ),
        (
            "a.csv",
            write_text(f"split,{HEADER}\nholdout,{ROW}\n"),
            r"column split: expected train, .* found 'holdout'; mend",
        ),
        ("a.csv", write_text(f"{HEADER}\n0.5{ROW[3:]}\n"), r"column label: expected whole .* 0\.5"),
        ("a.parquet", write_text("PAR1"), r"a whole table .*, found: "),
        ("a.csv.gz", lambda path: path.write_bytes(b"\x1f\x8bnothing"), r"whole table .*, found: "),
    ],
)
def test_a_bad_table_is_refused_with_its_column(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(UserError, match=message) as error:
        check_dataset(DataConfig(dataset=str(tmp_path / name)), {})
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------- Hugging Face


def test_a_hugging_face_data_set_with_splits(tmp_path, rgb):
    tables = {part: make_table(*rgb[part]) for part in LABELED}
    images, labels = rgb["unlabeled"]
    tables["unlabeled"] = make_table(images, -np.ones_like(labels))
    datasets.DatasetDict(tables).save_to_disk(str(tmp_path / "saved"))
    assert_same(load(tmp_path / "saved"), rgb)


def test_a_hugging_face_data_set_without_splits_is_split(tmp_path, grey):
    make_table(*grey["train"]).save_to_disk(str(tmp_path / "saved"))
    loaded = load(tmp_path / "saved")
    assert loaded.spec.classes == CLASSES
    assert loaded.provenance.images == {"test": 5, "validation": 5, "train": 26}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.remove_columns("label"), r"a column label .*, found image"),
        (lambda table: table.remove_columns("image"), r"an Image column image .*, found label"),
    ],
)
def test_a_hugging_face_data_set_without_a_column_is_refused(tmp_path, grey, change, message):
    change(make_table(*grey["train"])).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(UserError, match=message):
        check_dataset(DataConfig(dataset=str(tmp_path / "saved")), {})


def test_data_without_a_part_to_train_on_are_refused(tmp_path, grey):
    tables = datasets.DatasetDict({"test": make_table(*grey["test"])})
    tables.save_to_disk(str(tmp_path / "saved"))
    rows = {"label": ["cat", "dog"], "path": ["a.png", "a.png"], "split": ["test", "validation"]}
    Image.new("L", (SIDE, SIDE)).save(tmp_path / "a.png")
    write_csv(tmp_path / "own.csv", rows)
    for name, found in (("saved", "test"), ("own.csv", "test, validation")):
        with pytest.raises(UserError, match=rf"a part to train on, found only {found}; call one"):
            check_dataset(DataConfig(dataset=str(tmp_path / name)), {})


def test_a_broken_or_foreign_hugging_face_folder_is_refused(tmp_path, grey):
    tables = datasets.DatasetDict({"part one": make_table(*grey["train"])})
    tables.save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(UserError, match=r"splits called train, .*, found part one; rename"):
        load(tmp_path / "saved")
    (tmp_path / "saved" / "dataset_dict.json").write_text("{")
    with pytest.raises(UserError, match=r"a folder that save_to_disk wrote, found one that is br"):
        load(tmp_path / "saved")


# ------------------------------------------------------------------------------------ pool


def test_more_unlabeled_images_in_any_form(tmp_path, grey):
    path = write_npz(tmp_path / "own.npz", grey)
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, image in enumerate(grey["unlabeled"][0]):
        Image.fromarray(image).save(flat / f"{number}.png")
    np.savez(tmp_path / "pool.npz", images=grey["unlabeled"][0])
    columns = {
        f"p{place}": column
        for place, column in enumerate(grey["unlabeled"][0].reshape(7, -1).T.tolist())
    }
    table = write_csv(tmp_path / "pool.csv", columns)
    for pool in (flat, tmp_path / "pool.npz", table):
        assert_same(load(path, unlabeled=str(pool)), grey, "012")


def test_a_pool_is_brought_to_the_shape_of_the_training_images(tmp_path, grey, rgb):
    path = write_npz(tmp_path / "own.npz", grey)
    np.savez(tmp_path / "pool.npz", images=rgb["train"][0].repeat(2, axis=1).repeat(2, axis=2))
    loaded = load(path, unlabeled=str(tmp_path / "pool.npz"))
    assert loaded.unlabeled.shape == (36, SIDE, SIDE)


def test_a_bad_pool_is_refused_before_anything_is_read(tmp_path, grey):
    path = write_npz(tmp_path / "own.npz", grey)
    for name, message in (("gone", "found nothing there"), ("empty", "in it, found nothing")):
        if name == "empty":
            (tmp_path / name).mkdir()
        with pytest.raises(UserError, match=message):
            check_dataset(DataConfig(dataset=str(path), unlabeled=str(tmp_path / name)), {})


# ------------------------------------------------------------------------------ duplicates


def test_training_images_that_judge_too_are_counted_and_dropped_when_asked(tmp_path, grey):
    made = {part: tuple(array.copy() for array in own) for part, own in grey.items()}
    made["train"][0][:4] = made["test"][0][:4]
    made["unlabeled"][0][:2] = made["validation"][0][:2]
    path = write_npz(tmp_path / "own.npz", made, x_unlabeled=made["unlabeled"][0])
    kept, dropped = load(path), load(path, drop_duplicates=True)
    assert kept.provenance.duplicates == dropped.provenance.duplicates == 6
    assert kept.provenance.images == COUNTS
    assert dropped.provenance.images == COUNTS | {"train": 32, "unlabeled": 5}
    assert "6 training images are in the validation or test part too: kept" in " ".join(
        kept.provenance.notes
    )
    held_out = {image.tobytes() for image in dropped.test.images} | {
        image.tobytes() for image in dropped.validation.images
    }
    assert not held_out & {image.tobytes() for image in dropped.images}


# ------------------------------------------------------------------------------------ names


def test_only_mnist_by_its_name_has_to_be_mnist(tmp_path, grey):
    path = write_npz(tmp_path / "mnist", grey).with_name("mnist.npz")
    folder = tmp_path / "pictures" / "mnist"
    write_pictures(folder, {part: grey[part] for part in LABELED})
    assert load(folder).provenance.name == "mnist"
    with pytest.raises(UserError, match=r"^mnist: expected the arrays of MNIST, found other cont"):
        load("mnist", {"mnist": path})


def test_fashion_mnist_has_named_classes_in_its_order(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8)
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images, packed=True)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(200) % 10, packed=True)
    loaded = load("fashion-mnist", {"fashion-mnist": tmp_path})
    assert loaded.spec.classes[::9] == ("t-shirt", "ankle boot")
    assert loaded.test.labels[:3].tolist() == [0, 1, 2]
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.arange(200) % 20, packed=True)
    with pytest.raises(UserError, match=r"fashion-mnist: expected labels 0 to 9, found 0, 1, 2"):
        load("fashion-mnist", {"fashion-mnist": tmp_path})


def test_local_sets_are_those_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "PACKAGES", {"fashion-mnist": tmp_path})
    monkeypatch.delenv("GAN_AUG_FASHION_MNIST", raising=False)
    monkeypatch.setenv("GAN_AUG_MNIST", "~/mnist.npz")
    found = local.find_local_sets()
    assert found == {"fashion-mnist": tmp_path, "mnist": Path.home() / "mnist.npz"}
    monkeypatch.setenv("GAN_AUG_FASHION_MNIST", "/other")
    assert local.find_local_sets()["fashion-mnist"] == Path("/other")
