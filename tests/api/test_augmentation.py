"""augment: the whole comparison in one call, from arrays."""

import dataclasses
import json
import logging

import numpy as np
import pandas as pd
import pytest
from api_settings import TINY
from PIL import Image
from sklearn.datasets import load_digits

from gan_aug import UserError, augment

ARMS = ["original", "gan"]


@pytest.fixture(scope="module")
def few():
    """Labeled and unlabeled 16x16 digits of two classes."""
    images, labels = load_digits(n_class=2, return_X_y=True)
    images = (images.reshape(-1, 8, 8) / 16).repeat(2, axis=1).repeat(2, axis=2)
    return images, np.array(["zero", "one"])[labels]


@pytest.fixture(scope="module")
def found(few):
    images, names = few
    return augment(
        images[:120],
        names[:120],
        images[120:300],
        test=(images[300:], names[300:]),
        preset="smoke",
        settings=TINY,
        verbose=0,
    )


def test_the_comparison_is_a_table_and_a_verdict(found):
    assert isinstance(found.table, pd.DataFrame)
    rows = {(row.classifier, row.arm, row.split) for row in found.table.itertuples()}
    assert rows == {
        (classifier, arm, split)
        for classifier in ("cnn", "lightgbm")
        for arm in ARMS
        for split in ("validation", "test")
    }
    original = found.table.arm == "original"
    assert found.table.difference.isna().equals(original)
    assert found.table.accuracy.between(0, 1).all()
    assert found.verdict == found.comparison.verdict
    assert found.config.labels == "all", "there are unlabeled images"


def test_what_was_made_is_at_hand(found):
    assert found.synthetic.images.shape == (100, 16, 16)
    noise = np.zeros((3, found.generator.input_shape[-1]), np.float32)
    assert found.generator(noise).shape == (3, 16, 16, 1)
    assert found.pictures["samples"].width > 100
    assert "comparison" in found.pictures


def test_it_shows_itself_in_a_notebook(found):
    html = found._repr_html_()
    assert found.verdict[:20] in html
    assert html.count("<tr") == 1 + len(found.table)
    assert "data:image/png;base64," in html


def test_it_is_saved_as_the_folder_of_a_run(found, tmp_path):
    folder = found.save(tmp_path / "kept")
    assert folder == tmp_path / "kept"
    names = {path.name for path in folder.iterdir()}
    assert {
        "report.html",
        "report.md",
        "comparison.csv",
        "comparison.json",
        "config.json",
        "environment.json",
        "generator.keras",
        "synthetic.npz",
    } <= names
    report = (folder / "report.md").read_text()
    assert "gan_aug.augment(X, y, preset='smoke', settings={" in report
    assert "gan-aug run" not in report
    images = json.loads((folder / "environment.json").read_text())["dataset"]["images"]
    assert images == {"test": 60, "validation": 18, "train": 102, "unlabeled": 180}
    with Image.open(folder / "data.png") as picture:
        assert picture.width > 100
    assert (folder / "comparison.svg").read_text().startswith("<svg")
    found.save(folder)
    other = dataclasses.replace(found, config=found.config.model_copy(update={"seed": 9}))
    with pytest.raises(UserError, match="other settings"):
        other.save(folder)


def test_nothing_is_written_and_nothing_is_said_unless_asked_for(
    found, few, tmp_path, capfd, monkeypatch
):
    # Tests of the command in the same process have log lines go to stderr.
    monkeypatch.setattr(logging.getLogger("gan_aug"), "handlers", [])
    images, names = few
    again = augment(
        images[:120],
        names[:120],
        images[120:300],
        test=(images[300:], names[300:]),
        preset="smoke",
        settings=TINY,
        cache=tmp_path,
        verbose=0,
    )
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    pd.testing.assert_frame_equal(again.table, found.table)
    assert {path.name for path in tmp_path.iterdir()} >= {"dcgan", "cnn", "lightgbm"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": (np.zeros((4, 16, 16)), [0, 1])}, r"validation\[1\]: expected 4 labels"),
        ({"test": (np.zeros((4, 20, 20)), [0, 1] * 2)}, r"test images: expected 16x16 grey, .*20x"),
        ({"X_unlabeled": np.zeros((4, 16, 15))}, r"unlabeled images: expected 16x16 grey"),
        ({"settings": {"labels": 1}}, r"greater than or equal to 2"),
        ({"settings": {"dcgan": {"step": 1}}}, r"Extra inputs are not permitted"),
        ({"preset": "huge"}, r"preset: expected smoke, quick, chapter or paper, found 'huge'"),
    ],
)
def test_bad_input_is_a_value_error(few, changes, message):
    images, names = few
    with pytest.raises(ValueError, match=message):
        augment(images[:120], names[:120], **changes)
