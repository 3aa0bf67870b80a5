"""suggest: which images to label, in one call."""

import doctest

import numpy as np
import pytest
from sklearn.datasets import load_digits

import gan_aug.api.suggestion
from gan_aug import UserError, suggest

SMALL = {"encoder": {"steps": 3, "batch_size": 16, "width": 4}, "device": "cpu"}


@pytest.fixture(scope="module")
def images():
    """16x16 digits, as floats."""
    return load_digits().images[:200].repeat(2, axis=1).repeat(2, axis=2) / 16


@pytest.fixture
def choose(tmp_path_factory):
    def choose(images, count, **options):
        return suggest(images, count, settings=SMALL, verbose=0, **options)

    return choose


def test_the_places_are_as_many_as_asked_for_and_different(choose, images):
    found = choose(images, 12)
    assert found.shape == (12,)
    assert len(set(found.tolist())) == 12
    assert 0 <= found.min() <= found.max() < len(images)


def test_places_and_marks_say_the_same_in_any_layout_of_images(choose, images):
    labeled = np.array([5, 3, 50])
    marks = np.isin(np.arange(len(images)), labeled)
    by_places = choose(images, 6, labeled=labeled)
    rows = np.rint(images.reshape(len(images), -1) * 255).astype(int)
    assert choose(rows, 6, labeled=marks).tolist() == by_places.tolist()
    assert not set(by_places.tolist()) & set(labeled.tolist())


def test_the_next_round_takes_the_encoder_from_the_cache(choose, images, tmp_path):
    first = choose(images, 5, cache=tmp_path)
    made = sorted((tmp_path / "encoder").rglob("*.keras"))
    second = choose(images, 5, labeled=first, cache=tmp_path)
    assert sorted((tmp_path / "encoder").rglob("*.keras")) == made
    assert len(made) == 1
    assert len(set(first.tolist()) | set(second.tolist())) == 10


def test_a_random_draw_trains_nothing(choose, images, tmp_path):
    choose(images, 5, method="random", cache=tmp_path)
    assert not (tmp_path / "encoder").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 201}, "labels: expected at most 200, .* found 201"),
        ({"n": 199, "labeled": [3, 3, 4]}, "labels: expected at most 198, .* found 199"),
        ({"n": 3, "labeled": [200]}, "labeled: expected places from 0 to 199, .* up to 200"),
        ({"n": 3, "labeled": [0.5]}, "labeled: .* found float64 of shape"),
        ({"n": 3, "labeled": [True]}, "labeled: .* found bool of shape"),
        ({"n": 0}, "labels"),
        ({"n": 3, "method": "best"}, "method"),
    ],
)
def test_what_can_not_be_is_said_at_once(images, options, message):
    with pytest.raises(ValueError, match=message):
        suggest(images, options.pop("n"), **options)


def test_too_little_memory_is_said_before_training(choose, images, monkeypatch):
    monkeypatch.setattr("gan_aug.api.suggestion.refuse_excess", refuse)
    with pytest.raises(UserError, match="encoder"):
        choose(images, 5)


def refuse(needs):
    raise UserError(", ".join(needs))


def test_the_example_of_the_docstring_runs():
    found = doctest.testmod(gan_aug.api.suggestion)
    assert (found.attempted > 0, found.failed) == (True, 0)
