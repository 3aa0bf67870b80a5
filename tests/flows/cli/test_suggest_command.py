"""`gan-aug suggest` as users meet it: suggest, label, suggest more, use the labels."""

import csv

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from gan_aug.flows.cli import main
from gan_aug.settings.presets import resolve_suggestion_config
from gan_aug.settings.suggestion import SuggestionConfig

SMALL = ["--preset", "smoke", "--device", "cpu", "--encoder.steps", "3", "--encoder.width", "4"]
PER_ROUND = 30


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(n_class=2, return_X_y=True)
    levels = (images.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    return levels.repeat(2, axis=1).repeat(2, axis=2)[:160], labels[:160]


@pytest.fixture
def here(tmp_path, monkeypatch, digits):
    """A folder of pictures, and arrays of the same images, nowhere a label."""
    images, _ = digits
    (tmp_path / "photos").mkdir()
    for place, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "photos" / f"{place}.png")
    np.savez(tmp_path / "arrays.npz", images=images)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_rows(path):
    with path.open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def fill_in(path, digits, identity):
    """Write the labels as a person would, and save the table as some spreadsheets do."""
    rows = read_rows(path)
    for row in rows:
        place = int(row[identity].removeprefix("photos/").removesuffix(".png"))
        row["label"] = ("zero", "one")[digits[1][place]]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return rows


@pytest.mark.parametrize(("dataset", "identity"), [("photos", "path"), ("arrays.npz", "index")])
def test_two_rounds_become_a_data_set(here, call, capsys, digits, dataset, identity):
    words = ["suggest", dataset, "--labels", str(PER_ROUND), *SMALL]
    code, out, _ = call(*words)
    assert code == 0
    assert out.splitlines()[-1] == f"gan-aug run --dataset {dataset} --labels-from suggested.csv"
    table = here / "suggested.csv"
    first = fill_in(table, digits, identity)
    assert [row["number"] for row in first] == [str(number + 1) for number in range(PER_ROUND)]
    with Image.open(here / f"suggested-1-{PER_ROUND}.png") as sheet:
        assert sheet.width > sheet.height > 100

    assert call(*words, "--labels-from", "suggested.csv")[0] == 0
    both = read_rows(table)
    assert both[:PER_ROUND] == first
    assert len({row[identity] for row in both}) == 2 * PER_ROUND
    assert {row["label"] for row in both[PER_ROUND:]} == {""}
    assert (here / f"suggested-{PER_ROUND + 1}-{2 * PER_ROUND}.png").is_file()

    fill_in(table, digits, identity)
    with pytest.raises(SystemExit, match="0"):
        main(["data", dataset, "--labels-from", "suggested.csv"])
    out = capsys.readouterr().out
    assert f"{len(digits[0]) - 2 * PER_ROUND} unlabeled images" in out
    assert "suggested.csv has 60 labels: 60 of images chosen by medoids" in out


def test_images_that_test_are_drawn_and_kept_apart(here, call):
    random = [*SMALL, "--method", "random"]
    call("suggest", "photos", "--labels", "20", "--split", "test", *random)
    call("suggest", "photos", "--labels", "10", "--labels-from", "suggested.csv", *SMALL)
    rows = read_rows(here / "suggested.csv")
    assert [row["split"] for row in rows] == ["test"] * 20 + ["train"] * 10
    assert len({row["path"] for row in rows}) == 30


def test_nobody_loses_labels(here, call, digits):
    words = ["suggest", "photos", "--labels", "4", "--method", "random", *SMALL]
    call(*words)
    call(*words)  # nobody wrote anything yet
    fill_in(here / "suggested.csv", digits, "path")
    before = (here / "suggested.csv").read_bytes()
    code, out, err = call(*words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "found 4; go on in it with --labels-from suggested.csv" in err
    assert (here / "suggested.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere: expected `auto`,"),
        (["digits"], "digits: expected images to train on that have no label"),
        (["photos", "--labels", "161"], "labels: expected at most 160,"),
        (["photos", "--labels", "0"], "labels: input should be greater than or equal to 1"),
        (["photos", "--output", "photos/some.csv"], "output: expected a place outside the folder"),
        (["photos", "--output", "some.txt"], "output: expected a name that ends in .csv"),
        (["photos", "--split", "test"], "method: expected random for test images"),
        (["photos", "--labels-from", "none.csv"], "none.csv: expected a table that `gan-aug sugg"),
    ],
)
def test_what_can_not_be_is_one_line_and_code_2(here, call, words, message):
    code, out, err = call("suggest", *words)
    assert (code, out) == (2, "")
    [line] = err.splitlines()
    assert line.startswith(f"gan-aug: {message}")
    assert not list(here.glob("*.csv"))


def test_dry_run_prints_the_settings_of_the_preset_with_the_changes(call):
    words = ["--dataset", "photos", "--preset", "smoke", "--encoder.steps", "7", "--dry-run"]
    code, out, _ = call("suggest", *words)
    assert code == 0
    changes = {"dataset": "photos", "encoder": {"steps": 7}}
    expected = resolve_suggestion_config("smoke", changes)
    assert SuggestionConfig.model_validate_json(out) == expected


def test_a_run_with_chosen_labels_says_so_in_its_report(here, call, artifacts, digits, tiny_flags):
    call("suggest", "arrays.npz", "--labels", str(PER_ROUND), *SMALL)
    fill_in(here / "suggested.csv", digits, "index")
    flags = {"dataset": "arrays.npz", "labels-from": "suggested.csv", "labels": "all"}
    code, _, _ = call("run", *tiny_flags(**flags, name="chosen"))
    assert code == 0
    report = (artifacts / "runs" / "chosen" / "report.md").read_text()
    assert "suggested.csv has 30 labels: 30 of images chosen by medoids" in report
    assert "--labels-from suggested.csv" in report
