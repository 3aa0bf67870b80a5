"""What students gain: means of the right draws, the page, and a whole measurement."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tiny import TINY_RUN

from benchmarks import students
from benchmarks.students import LEDGER, Draw, render_page, summarize
from benchmarks.workbench import Workbench
from gan_aug.evaluation.comparison import PairedDifference
from gan_aug.settings.presets import resolve_config

ROOT = Path(__file__).parents[2]
POOL = [0.05, 0.06, 0.04]
BEYOND = [0.002, -0.001, 0.005]


@pytest.fixture
def make_draw(make_score):
    def make_draw(seed=0, labels=20, **values):
        scale = 2 if labels == 20 else 1
        scores = [
            make_score(
                classifier=classifier,
                arm=arm,
                split="test",
                budget=labels,
                seed=seed,
                differences=differ(arm, seed, scale),
            )
            for classifier in ("lightgbm", "cnn")
            for arm in ("original", "real_pool", "gan+real_pool")
        ]
        sound = {
            "labels": labels,
            "seed": seed,
            "settings": {"dcgan": {"steps": 1}},
            "dataset": "own",
            "commit": "12ab",
            "cpu": "a CPU",
            "teacher": "consistency",
            "teacher_error": 0.02,
            "trust": {"lightgbm": 0.5},
            "scores": scores,
        }
        return Draw.model_validate(sound | values)

    return make_draw


@pytest.fixture
def draws(make_draw):
    return [*(make_draw(seed) for seed in range(3)), make_draw(labels=1000)]


def differ(arm, seed, scale):
    """Return differences that are a multiple of those above."""
    found = {
        "original": {},
        "real_pool": {"original": POOL[seed]},
        "gan+real_pool": {"original": POOL[seed] + BEYOND[seed], "real_pool": BEYOND[seed]},
    }[arm]
    return {
        baseline: PairedDifference(
            difference=scale * value,
            low=scale * value - 0.01,
            high=scale * value + 0.01,
            mcnemar_p=0.25,
            gained=3,
            lost=1,
        )
        for baseline, value in found.items()
    }


def read_table(text, first):
    """Return the rows of the table whose first line begins like this, as lists of cells."""
    lines = text[text.index(first) :].splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_a_row_has_both_arms_beside_original_and_beside_each_other(draws):
    page = render_page(draws)
    beyond = page[page.index("### Beyond real images") :]
    rows = read_table(beyond, "| labels | classifier | draws | `real_pool`")
    assert [row[:3] for row in rows] == [
        ["20", "CNN", "3"],
        ["20", "LightGBM", "3"],
        ["1,000", "CNN", "1"],
        ["1,000", "LightGBM", "1"],
    ]
    twice = 200 * np.array(BEYOND)
    low, high = stats.ttest_1samp(twice, 0).confidence_interval(0.95)
    assert rows[0][5] == f"{twice.mean():+.2f} ({low:+.2f} to {high:+.2f})"
    assert rows[0][3].startswith("**+10.00** (")
    assert rows[0][4].startswith("**+10.40** (")
    assert rows[2][5] == "+0.20 (-0.80 to +1.20)"


def test_every_draw_is_listed_in_a_part_that_opens(draws):
    page = render_page(draws)
    [opened] = re.findall(r"<details>\n<summary>.*</summary>\n\n(.*)\n</details>", page, re.DOTALL)
    rows = read_table(opened, "| labels | classifier | seed |")
    assert len(rows) == 2 * 3 + 2
    assert rows[1] == ["20", "CNN", "1", "+12.00", "+11.80", "-0.20", "0.25"]


def test_the_page_says_it_in_words_and_where_it_comes_from(draws):
    page = render_page(draws)
    assert "Beyond the real images that the same teacher labeled, synthetic images" in page
    assert (
        "| `consistency` | 3 | 2.00% (2.00% to 2.00%) | 100%, 100%, 100% | 50%, 50%, 50% |" in page
    )
    assert "commit `12ab` on a CPU, `own`" in page
    error = "2.00% (2.00% to 2.00%)"
    assert f"| 20 | `consistency` | 3 | {error} | 100%, 100%, 100% | 50%, 50%, 50% |" in page


def test_all_training_sets_have_a_column_and_those_without_a_score_stay_empty(draws):
    page = render_page(draws)
    [header] = [
        line for line in page.splitlines() if line.startswith("| labels | classifier | dr")
    ][:1]
    assert (
        "| `original` | `gan` | `shift` | `gan+shift` | `real_pool` | `gan+real_pool` |" in header
    )
    [row, *_] = read_table(page, header)
    assert row[4:7] == ["", "", ""]
    assert row[7].startswith("**+10.00**")


def test_draws_of_other_settings_have_no_mean_with_the_newest(make_draw, draws):
    other = make_draw(seed=2, settings={"dcgan": {"steps": 2}})
    [group] = summarize([other, *draws]).values()
    assert group.draws == {20: draws[:3], 1000: draws[3:]}


def test_a_page_without_draws_says_so():
    page = render_page([])
    assert "Nothing yet. `python -m benchmarks.students` measures it." in page
    assert "Measured at" not in page


def test_what_is_measured_is_not_measured_again(monkeypatch, tmp_path):
    def resolve_tiny(_preset, changes):
        return resolve_config("smoke", TINY_RUN | {"dataset": "digits"} | changes)

    monkeypatch.setattr(students, "resolve_config", resolve_tiny)
    for budgets in ((50,), (50, "all")):
        students.measure(
            draws=1,
            budgets=budgets,
            bench=Workbench(dataset="digits", artifacts=tmp_path / "artifacts", root=tmp_path),
        )
    few, every = LEDGER.read(tmp_path)
    assert few.labels == 50
    assert {score.arm for score in few.scores} - {score.arm for score in every.scores} == {
        "real_pool",
        "gan+real_pool",
    }
    assert {score.split for score in few.scores} == {"test"}
    assert 0 < few.teacher_error < 1
    assert (tmp_path / "docs" / "students.md").read_text() == render_page([few, every])


def test_the_page_is_that_of_the_draws_in_the_tree():
    assert (ROOT / "docs" / "students.md").read_text() == render_page(LEDGER.read(ROOT))
