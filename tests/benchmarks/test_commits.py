"""Two commits are compared seed by seed, in what both train."""

import json
from pathlib import Path

import pytest

from benchmarks import commits
from benchmarks.commits import (
    LEDGER,
    Pair,
    Side,
    compare,
    name_commit,
    read_accuracies,
    render_page,
)

ROOT = Path(__file__).parent.parent.parent


def make_pair(seed, seconds, accuracies):
    sides = [
        Side(commit=commit * 40, seconds=took, accuracies={"cnn": arms})
        for commit, took, arms in zip("ab", seconds, accuracies, strict=True)
    ]
    return Pair(labels=1000, seed=seed, cpu="A CPU", sides=sides)


PAIRS = [
    make_pair(1, (100, 50), ({"original": 0.9, "repeat": 0.9}, {"original": 0.91, "gan": 0.95})),
    make_pair(2, (300, 180), ({"original": 0.8, "repeat": 0.9}, {"original": 0.83, "gan": 0.95})),
]


def test_times_are_compared_within_a_seed_and_accuracies_where_both_have_them():
    found = compare(PAIRS)
    assert (found.ratios.mean, found.ratios.lowest, found.ratios.highest) == (0.55, 0.5, 0.6)
    assert list(found.cells) == [("cnn", "original")]
    old, more = found.cells["cnn", "original"]
    assert (old.mean, more.mean) == (pytest.approx(0.85), pytest.approx(0.02))
    page = render_page(PAIRS)
    assert "Time of the later commit: **0.55** of the earlier one's (0.50 to 0.60)" in page
    assert "mean of 50 beside 100 s, 180 beside 300 s. The goal of 0.6 is met." in page
    assert "| CNN | `original` | 85.00% | +2.00 ± 12.71 |" in page


def test_validation_images_alone_are_compared():
    scores = [
        {"classifier": "cnn", "arm": "original", "split": split, "accuracy": accuracy}
        for split, accuracy in (("validation", 0.5), ("test", 0.25))
    ]
    assert read_accuracies(json.dumps({"scores": scores})) == {"cnn": {"original": 0.5}}


def test_who_goes_first_changes_and_what_was_measured_is_not_again(tmp_path, monkeypatch):
    turns = []
    monkeypatch.setattr(commits, "install", lambda commit, folder: None)
    monkeypatch.setattr(commits, "name_commit", lambda commit: commit[0] * 40)

    def run(commit, pair, folder):
        turns.append(commit[0])
        return Side(commit=commit, seconds=1, accuracies={"cnn": {"original": 0.5}})

    monkeypatch.setattr(commits, "run_side", run)
    for _ in range(2):
        commits.measure("before", rounds=2, root=tmp_path)
    assert "".join(turns) == "bHHb"
    assert len(LEDGER.read(tmp_path)) == 2
    assert (tmp_path / "docs" / "commits.md").exists()


def test_a_commit_that_is_not_there_is_named():
    assert len(name_commit("HEAD")) == 40
    with pytest.raises(SystemExit, match="before: expected a commit"):
        name_commit("no-such-commit")
