import keras
import numpy as np
import pytest
from pydantic import BaseModel

from gan_aug.errors import UserError
from gan_aug.images import PseudoLabels, SyntheticImages, TrainingSet, one_hot
from gan_aug.store.formats import (
    ArrayFormat,
    ArraysFormat,
    JsonFormat,
    KerasFormat,
    map_array,
    refuse_broken,
    save_array,
)


class Finding(BaseModel):
    """What was found, and where."""

    name: str
    share: float
    places: tuple[int, ...] = ()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_same_fields(found, expected):
    for field, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, field), value)
        assert value is None or getattr(found, field).dtype == value.dtype


@pytest.mark.parametrize("intended", [None, np.array([2, 0], np.uint16)])
def test_what_was_meant_comes_back_and_so_does_nothing(tmp_path, intended):
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16), dtype=np.uint8)
    made = SyntheticImages(images, intended)
    form = ArraysFormat("synthetic", SyntheticImages)
    form.save(tmp_path, made)
    assert_same_fields(form.load(tmp_path), made)


def test_pseudo_labels_come_back_as_they_were(tmp_path, digits):
    rng = np.random.default_rng(0)
    pseudo = PseudoLabels(
        digits.test.images,
        rng.dirichlet(np.ones(10), len(digits.test)).astype(np.float32),
        rng.integers(0, 4, len(digits.test)).astype(np.uint8),
    )
    form = ArraysFormat("pseudo_labels", PseudoLabels)
    form.save(tmp_path, pseudo)
    assert names(tmp_path) == ["pseudo_labels.npz"]
    assert_same_fields(form.load(tmp_path), pseudo)


def test_a_training_set_comes_back_as_it_was(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    training_set = TrainingSet(images, one_hot(np.array([0, 1, 0]), 4), np.ones(3, np.float32))
    form = ArraysFormat("training_set", TrainingSet)
    form.save(tmp_path, training_set)
    assert_same_fields(form.load(tmp_path), training_set)


def test_named_arrays_come_back_under_their_names(tmp_path):
    form = ArraysFormat("predictions", dict)
    form.save(tmp_path, {"validation": np.arange(3), "test": np.eye(2)})
    found = form.load(tmp_path)
    assert list(found) == ["validation", "test"]
    np.testing.assert_array_equal(found["test"], np.eye(2))


def test_an_array_comes_back(tmp_path):
    form = ArrayFormat("indices")
    form.save(tmp_path, np.array([3, 1, 2]))
    assert names(tmp_path) == ["indices.npy"]
    assert form.load(tmp_path).tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (float, 1.25),
        (Finding, Finding(name="é", share=0.1, places=(1, 2))),
        (list[Finding], [Finding(name="a", share=1 / 3), Finding(name="b", share=0)]),
        (dict[str, float], {"a": 1e-300}),
    ],
)
def test_numbers_and_models_come_back_from_json(tmp_path, kind, value):
    form = JsonFormat("value", kind)
    form.save(tmp_path, value)
    assert names(tmp_path) == ["value.json"]
    assert form.load(tmp_path) == value


def test_a_network_comes_back_without_its_optimizer(tmp_path):
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    network.compile("adam", "mse")
    network.train_on_batch(np.ones((2, 3)), np.ones((2, 2)))
    form = KerasFormat("network")
    form.save(tmp_path, network)
    assert names(tmp_path) == ["network.keras"]
    found = form.load(tmp_path)
    np.testing.assert_array_equal(found.predict_on_batch(np.ones((1, 3))), network(np.ones((1, 3))))
    assert not getattr(found, "optimizer", None)


def test_a_mapped_array_is_read_from_its_file(tmp_path):
    save_array(tmp_path / "a.npy", np.arange(5))
    mapped = map_array(tmp_path / "a.npy")
    assert isinstance(mapped.base, np.memmap)
    assert mapped.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError("gone"), r"^a\.npz: expected an array, found: no such file; make one$"),
        (
            ValueError("two\nlines"),
            r"^a\.npz: expected an array, found: one that is truncated or something else "
            r"\(two lines\); make one$",
        ),
    ],
)
def test_what_a_library_says_of_a_broken_file_becomes_one_line(tmp_path, error, message):
    with (
        pytest.raises(UserError, match=message),
        refuse_broken(tmp_path.relative_to(tmp_path) / "a.npz", "an array", "make one"),
    ):
        raise error


def test_other_errors_pass(tmp_path):
    with pytest.raises(ZeroDivisionError), refuse_broken(tmp_path, "an array"):
        raise ZeroDivisionError
