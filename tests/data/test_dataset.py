import gzip
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sources import load, split_arrays

from gan_aug.data.dataset import DatasetFormat, describe_dataset, draw_labeled
from gan_aug.data.readers import named
from gan_aug.data.readers.digits import enlarge_digits
from gan_aug.errors import DownloadError, UserError
from gan_aug.execution import Executor, execute_stage
from gan_aug.images import LabeledImages
from gan_aug.store.store import Store

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
LAYOUT = {"x_train": 72, "y_train": 72, "x_test": 12, "y_test": 12}


@pytest.fixture
def arrays():
    """Random arrays in the Keras layout; the labels hold every digit."""
    rng = np.random.default_rng(0)
    made = {
        name: rng.integers(0, 256, (count, 28, 28))
        if name[0] == "x"
        else rng.integers(0, 10, count)
        for name, count in LAYOUT.items()
    }
    made = {name: array.astype(np.uint8) for name, array in made.items()}
    made["y_train"][:60] = np.repeat(np.arange(10), 6)
    made["y_test"][:10] = np.arange(10)
    return made


def write_npz(path, arrays):
    np.savez(path, **arrays)
    return str(path)


def write_idx(path, array, opener=open):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    with opener(path, "wb") as file:
        file.write(header + array.tobytes())


def write_idx_folder(folder, arrays, suffix=""):
    folder.mkdir()
    for name, stem in IDX_FILES.items():
        opener = gzip.open if suffix == ".gz" else open
        write_idx(folder / f"{stem}{suffix}", arrays[name], opener)
    return str(folder)


def write_chapter_pickle(path, arrays, scale=256, protocol=2):
    def part(images, labels):
        return (images.reshape(len(images), -1) / np.float32(scale)).astype(np.float32), labels

    cut = 60
    parts = (
        part(arrays["x_train"][:cut], arrays["y_train"][:cut].astype(np.int64)),
        part(arrays["x_train"][cut:], arrays["y_train"][cut:].astype(np.int64)),
        part(arrays["x_test"], arrays["y_test"].astype(np.int64)),
    )
    with gzip.open(path, "wb") as file:
        pickle.dump(parts, file, protocol=protocol)
    return str(path)


def pairs(*parts):
    """Images of parts with their classes, in an order that does not depend on the split."""
    return sorted(
        (image.tobytes(), part.spec.classes[label])
        for part in parts
        for image, label in zip(part.images, part.labels, strict=True)
    )


def assert_holds(loaded, arrays):
    """All training images are in the training or the validation part, and the test is as it was."""
    expected = [
        (image.tobytes(), str(label))
        for image, label in zip(arrays["x_train"], arrays["y_train"], strict=True)
    ]
    assert pairs(loaded.train, loaded.validation) == sorted(expected)
    np.testing.assert_array_equal(loaded.test.images, arrays["x_test"])
    np.testing.assert_array_equal(loaded.test.labels, arrays["y_test"])
    assert loaded.train.labels.dtype == np.uint16
    assert loaded.spec.shape == loaded.provenance.shape == (28, 28, 1)
    assert loaded.spec.classes == loaded.provenance.classes == tuple("0123456789")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_folder_is_read(tmp_path, arrays, suffix):
    assert_holds(load(write_idx_folder(tmp_path / "idx", arrays, suffix)), arrays)


def test_npz_is_read(tmp_path, arrays):
    assert_holds(load(write_npz(tmp_path / "own.npz", arrays)), arrays)


@pytest.mark.parametrize("scale", [256, 255])
@pytest.mark.parametrize("protocol", [2, 5])
def test_chapter_pickle_is_read(tmp_path, arrays, scale, protocol):
    path = write_chapter_pickle(tmp_path / "mnist.pkl.gz", arrays, scale, protocol)
    assert_holds(load(path), arrays)


def test_split_is_disjoint_and_whole(tmp_path, arrays):
    loaded = load(write_npz(tmp_path / "own.npz", arrays))
    assert loaded.provenance.images == {"train": 61, "validation": 11, "test": 12}
    parts = [loaded.train, loaded.validation, loaded.test]
    images = [image.tobytes() for part in parts for image in part.images]
    assert len(set(images)) == 84


def test_mnist_is_split_as_in_the_chapter_and_verified():
    local = os.environ.get("GAN_AUG_MNIST")
    if not local:
        pytest.skip("GAN_AUG_MNIST names no local MNIST")
    loaded = load("mnist", {"mnist": Path(local)})
    assert loaded.provenance.images == {"train": 50_000, "validation": 10_000, "test": 10_000}
    assert loaded.provenance.verified_mnist
    assert loaded.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert loaded.validation.labels[:5].tolist() == [3, 8, 6, 9, 6]


def test_digits_are_real_and_look_like_mnist(digits):
    assert digits.provenance.images == {"train": 1250, "validation": 250, "test": 297}
    assert not digits.provenance.verified_mnist
    assert digits.train.images[:, :4].max() == 0, "a frame as around MNIST's digits"
    assert digits.train.images.max() == 255


@pytest.mark.parametrize("shape", [(28, 28, 1), (16, 16, 1), (64, 64, 3)])
def test_digits_can_be_of_any_shape(shape):
    images = enlarge_digits(shape)
    assert images.shape == (1797, *shape[:2], *shape[2:] * (shape[2] > 1))
    assert images.dtype == np.uint8
    margin = shape[0] // 7
    assert images[:, :margin].max() == 0
    assert images[:, margin:-margin, margin:-margin].mean() > 60


def test_auto_without_a_way_to_mnist_says_so_loudly(monkeypatch, caplog):
    def no_network(*_names):
        raise DownloadError("no network")

    monkeypatch.setattr(named, "download", no_network)
    loaded = load("auto")
    assert loaded.provenance.name == "digits"
    assert "no network" in loaded.provenance.notice
    assert "MNIST could not be had" in caplog.text


def test_auto_does_not_hide_a_broken_local_file(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load("auto", {"mnist": tmp_path / "gone.npz"})


def test_a_local_mnist_must_be_mnist(tmp_path, arrays):
    path = Path(write_npz(tmp_path / "mnist.npz", arrays))
    with pytest.raises(UserError, match=r"^mnist: .*other content in train images, .*--dataset"):
        load("mnist", {"mnist": path})


def truncated(path, arrays):
    write_npz(path, arrays)
    path.write_bytes(path.read_bytes()[:-3000])


def foreign(path, arrays):
    np.savez(path, a=np.zeros(3))


def plain_text(path, arrays):
    path.write_text("not an npz")


def single_array(path, arrays):
    with path.open("wb") as file:
        np.save(file, arrays["x_train"])


def object_array(path, arrays):
    np.savez(path, **(arrays | {"y_test": np.array([print, 1], dtype=object)}))


def impossible_size(path, arrays):
    np.savez(path, **{name: arrays[name] for name in LAYOUT if name != "x_train"})
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)}
    with zipfile.ZipFile(path, "a") as archive, archive.open("x_train.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)


def wrong_shape(path, arrays):
    np.savez(path, **(arrays | {"x_train": arrays["x_train"][:, :20]}))


def other_range(path, arrays):
    np.savez(path, **(arrays | {"x_test": np.full((12, 28, 28), 300)}))


def too_few(path, arrays):
    np.savez(path, **(arrays | {name: arrays[name][:5] for name in ("x_train", "y_train")}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, "truncated"),
        (foreign, "expected arrays x_train .*found a;"),
        (plain_text, "truncated or something else"),
        (single_array, "truncated or something else"),
        (object_array, "plain arrays"),
        (impossible_size, "x_train: expected to fit in .* GiB"),
        (wrong_shape, "grey or RGB squares .* found 20x28 with 1 channel"),
        (other_range, "x_test: expected pixels from 0 to 255, .*found 300 to 300"),
        (too_few, "at least 2 labeled training images of every class, found 0"),
    ],
)
def test_a_bad_npz_is_refused(tmp_path, arrays, damage, message):
    path = tmp_path / "bad.npz"
    damage(path, arrays)
    with pytest.raises(UserError, match=message) as error:
        load(path)
    assert "bad.npz" in str(error.value)


def test_a_path_that_is_nothing_is_refused(tmp_path):
    with pytest.raises(UserError, match="found nothing there"):
        load(tmp_path / "gone")
    (tmp_path / "data.docx").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"found a file ending in \.docx"):
        load(tmp_path / "data.docx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found nothing"),
        (b"\0\0\x0d\x03rest", "IDX header"),
        (bytes([0, 0, 8, 3, 0, 0]), "header of 16 bytes, found 6"),
        (bytes([0, 0, 8, 1]) + struct.pack(">I", 7) + b"123", "expected images of shape"),
        (bytes([0, 0, 8, 3]) + struct.pack(">3I", 72, 28, 28) + b"1", "56448 bytes .*, found 1;"),
    ],
)
def test_a_bad_idx_file_is_refused(tmp_path, arrays, content, message):
    folder = Path(write_idx_folder(tmp_path / "idx", arrays))
    (folder / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(UserError, match=message):
        load(folder)


def test_a_missing_or_torn_idx_file_is_refused(tmp_path, arrays):
    folder = Path(write_idx_folder(tmp_path / "idx", arrays, ".gz"))
    packed = folder / "t10k-labels-idx1-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-8])
    with pytest.raises(UserError, match="readable IDX file"):
        load(folder)
    packed.unlink()
    with pytest.raises(UserError, match="t10k-labels-idx1-ubyte"):
        load(folder)


class Exploit:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def test_a_pickle_that_wants_to_run_code_is_refused_and_nothing_runs(tmp_path):
    marker = tmp_path / "ran"
    path = tmp_path / "mnist.pkl.gz"
    with gzip.open(path, "wb") as file:
        pickle.dump(Exploit(marker), file)
    with pytest.raises(UserError, match="refused, nothing was run"):
        load(path)
    assert not marker.exists()


@pytest.mark.parametrize("parts", [42, (1, 2, 3), ((np.zeros(3), np.zeros(3)),) * 3])
def test_a_pickle_of_something_else_is_refused(tmp_path, parts):
    path = tmp_path / "mnist.pkl.gz"
    with gzip.open(path, "wb") as file:
        pickle.dump(parts, file)
    with pytest.raises(UserError, match="something else"):
        load(path)


def test_a_torn_pickle_is_refused(tmp_path, arrays):
    path = Path(write_chapter_pickle(tmp_path / "mnist.pkl.gz", arrays))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="truncated"):
        load(path)


@pytest.mark.parametrize("labels", [10, 57, 100, 503])
def test_labeled_subset_is_balanced_and_keeps_true_labels(digits, labels):
    drawn = digits.train.take(draw_labeled(digits.train, labels, seed=3))
    counts = np.bincount(drawn.labels, minlength=10)
    assert counts.sum() == labels
    assert counts.max() - counts.min() <= 1

    assert set(pairs(drawn)) <= set(pairs(digits.train))


def test_labeled_subset_is_a_matter_of_the_seed(digits):
    same = [draw_labeled(digits.train, 50, seed=s).tolist() for s in (1, 1, 2)]
    assert same[0] == same[1] != same[2]


def test_a_larger_labeled_subset_contains_the_smaller(digits):
    small, large = (set(draw_labeled(digits.train, n, seed=0).tolist()) for n in (55, 333))
    assert small < large


def test_all_labels_are_all(digits):
    assert len(draw_labeled(digits.train, "all", seed=0)) == len(digits.train)


@pytest.mark.parametrize(("labels", "message"), [(9, "one a class"), (1251, "to 1250")])
def test_a_budget_that_cannot_be_drawn_is_refused(digits, labels, message):
    with pytest.raises(UserError, match=message):
        draw_labeled(digits.train, labels, seed=0)


def test_the_drawn_places_are_ascending_and_the_rest_is_the_pool(digits):
    drawn = draw_labeled(digits.train, 50, seed=0)
    assert (np.diff(drawn) > 0).all()
    assert len(np.delete(digits.train.images, drawn, axis=0)) == len(digits.train) - 50


def test_a_data_set_comes_back_as_it_was_with_its_arrays_read_when_needed(tmp_path, digits):
    DatasetFormat().save(tmp_path, digits)
    loaded = DatasetFormat().load(tmp_path)
    assert loaded.provenance == digits.provenance
    assert loaded.spec == digits.spec
    for part in ("train", "validation", "test"):
        found, expected = getattr(loaded, part), getattr(digits, part)
        np.testing.assert_array_equal(found.images, expected.images)
        np.testing.assert_array_equal(found.labels, expected.labels)
        assert isinstance(found.images.base, np.memmap)


def test_a_data_set_is_kept_by_its_content_and_then_need_not_be_given(tmp_path, arrays):
    store = Store(tmp_path)
    loaded = split_arrays("own", arrays)
    first = Executor(store, execute_stage)(describe_dataset(loaded.provenance, loaded))
    again = Executor(store, execute_stage)(describe_dataset(loaded.provenance))
    assert not first.reused
    assert again.reused
    assert again.load().provenance == loaded.provenance
    other = split_arrays("own", arrays | {"x_test": 255 - arrays["x_test"]})
    with pytest.raises(UserError, match="data: expected them in the store, found them gone"):
        Executor(store, execute_stage)(describe_dataset(other.provenance))


def test_classes_are_named_and_counted(digits):
    counts = digits.spec.count_images(digits.train.labels)
    assert list(counts) == [str(number) for number in range(10)]
    assert sum(counts.values()) == len(digits.train)
    few = LabeledImages(digits.train.images[:3], np.array([4, 4, 9], np.uint16), digits.spec)
    assert few.spec.count_images(few.labels)["4"] == 2
    assert few.spec.count_images(few.labels)["0"] == 0
