import numpy as np
import pytest
from PIL import Image

from gan_aug.data.pictures import PicturesFormat, describe_pictures, load_pictures
from gan_aug.errors import UserError
from gan_aug.execution import Executor, execute_stage
from gan_aug.settings.data import ReadingConfig
from gan_aug.store.store import Store


@pytest.fixture
def colors(tmp_path):
    """A folder of three pictures of different shapes and kinds, one in a folder below."""
    folder = tmp_path / "colors"
    (folder / "below").mkdir(parents=True)
    Image.new("RGB", (90, 60), "red").save(folder / "a.png")
    Image.new("RGB", (20, 20), "lime").save(folder / "b.jpg", quality=100)
    Image.new("L", (64, 64), 255).save(folder / "below" / "c.PNG")
    return folder


def load(source, **config):
    return load_pictures(str(source), ReadingConfig(**config))


def test_a_folder_is_read_in_order_as_rgb_squares(colors):
    found = load(colors, side=32)
    assert found.images.shape == (3, 32, 32, 3)
    means = found.images.mean(axis=(1, 2))
    np.testing.assert_allclose(means, [[255, 0, 0], [0, 255, 0], [255, 255, 255]], atol=3)
    assert found.provenance.name == "colors"
    assert found.provenance.images == {"train": 3}


def test_pictures_are_cut_not_squeezed(tmp_path):
    """A wide picture with red ends: the middle square has no red."""
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (95, 0, 205, 100))
    wide.save(tmp_path / "wide.png")
    wide.save(tmp_path / "again.png")
    assert load(tmp_path, side=64).images[..., 0].max() < 10


def test_the_default_side_is_that_of_the_largest_picture(colors):
    assert load(colors).images.shape[1:] == (64, 64, 3)
    (colors / "a.png").unlink()
    (colors / "below" / "c.PNG").unlink()
    Image.new("RGB", (31, 90), "blue").save(colors / "d.png")
    assert load(colors).images.shape[1:] == (28, 28, 3), "in steps of 4"


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [
        ((5, 32, 32, 3), None, (5, 32, 32, 3)),
        ((5, 28, 28), None, (5, 28, 28)),
        ((5, 28, 28, 1), None, (5, 28, 28)),
        ((5, 40, 48, 3), 16, (5, 16, 16, 3)),
        ((5, 40, 48), 16, (5, 16, 16)),
    ],
)
def test_arrays_stay_as_they_are_unless_a_side_is_asked_for(tmp_path, shape, side, expected):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.savez(tmp_path / "some.npz", images=images)
    found = load(tmp_path / "some.npz", side=side)
    assert found.images.shape == expected
    assert found.images.dtype == np.uint8
    if side is None:
        np.testing.assert_array_equal(found.images.ravel(), images.ravel())


@pytest.mark.parametrize("side", [32, 64])
def test_colored_digits_are_bright_on_dark_and_always_the_same(side):
    found, again = (load("colored-digits", side=side) for _ in range(2))
    assert found.images.shape == (1797, side, side, 3)
    assert found.provenance == again.provenance
    border = found.images[:, 0].mean()
    assert border < 60 < found.images[:, side // 4 : -side // 4].mean()
    assert np.ptp(found.images.mean(axis=(0, 1, 2))) < 20, "no color is preferred"
    assert np.ptp(found.images.mean(axis=(1, 2)), axis=1).mean() > 20, "but digits have one"


def write_npz(**arrays):
    return lambda path: np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("empty", lambda path: path.mkdir(), "expected pictures .* found nothing"),
        ("gone", lambda path: None, "found nothing there"),
        ("a.txt", lambda path: path.write_text("?"), "found a file ending in .txt"),
        ("a.npz", lambda path: path.write_bytes(b"PK?"), "truncated or something else"),
        ("a.npz", write_npz(other=np.zeros(3)), "expected an array images or X, found other"),
        (
            "a.npz",
            write_npz(images=np.full((2, 16, 16), 0.5) * 9),
            r"float64 from 4.5 to",
        ),
        ("a.npz", write_npz(images=np.zeros((2, 8, 8, 4), np.uint8)), r"found \(2, 8, 8, 4\)"),
        (
            "a.npz",
            write_npz(images=np.zeros((1, 32, 32), np.uint8)),
            "at least 2 pictures, found 1",
        ),
        ("a.npz", write_npz(images=np.array([None, {}])), "truncated or something else"),
    ],
)
def test_what_are_no_pictures_is_refused(tmp_path, name, write, message):
    path = tmp_path / name
    write(path)
    with pytest.raises(UserError, match=message):
        load(path)


def test_a_damaged_file_is_named(colors):
    (colors / "b.jpg").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"1 of 3 files that are not: .*b\.jpg \(cannot identify"):
        load(colors)


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((5, 28, 32, 3), "28x32 with 3"),
        ((5, 12, 12), "12x12 with 1"),
        ((5, 30, 30, 1), "30x30 with 1"),
        ((5, 260, 260), "260x260 with 1"),
    ],
)
def test_an_array_of_a_shape_without_networks_is_refused_with_what_to_do(tmp_path, shape, found):
    np.savez(tmp_path / "a.npz", images=np.zeros(shape, np.uint8))
    with pytest.raises(UserError, match=rf"images: expected .*, found {found} channel.*; resize"):
        load(tmp_path / "a.npz")


def test_pictures_come_back_as_they_were_and_need_not_be_given_again(colors, tmp_path):
    pictures = load(colors, side=32)
    store = Store(tmp_path / "store")
    output = Executor(store, execute_stage)(describe_pictures(pictures.provenance, pictures))
    again = Executor(store, execute_stage)(describe_pictures(pictures.provenance))
    assert again.reused
    for found in (again.load(), PicturesFormat().load(output.entry.folder)):
        assert found.provenance == pictures.provenance
        assert found.provenance.shape == (32, 32, 3)
        np.testing.assert_array_equal(found.images, pictures.images)
