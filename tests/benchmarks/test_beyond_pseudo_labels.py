"""The page of a study that has both arms: its numbers, and where they come from."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks import beyond_pseudo_labels
from benchmarks.beyond_pseudo_labels import has_both_arms, render_page
from gan_aug.evaluation.comparison import PairedDifference
from gan_aug.evaluation.study import StudyResult, summarize_study
from gan_aug.reporting.folders import Study
from gan_aug.settings.study import StudyConfig

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "dataset": {"name": "mnist"},
    "platform": "Linux",
    "cpu": {"model": "a CPU", "cores": 2},
    "device": {"name": "CPU", "precision": "float32"},
    "git_commit": "12ab",
}
POOL = [0.05, 0.06, 0.04]
BEYOND = [0.002, -0.001, 0.005]
COLUMNS = ("labels", "classifier", "draws", "pool", "both", "beyond")


@pytest.fixture
def make_study(make_score):
    def make_study(arms=("original", "real_pool", "gan+real_pool"), budgets=(20, 1000)):
        scores = [
            make_score(
                classifier=classifier,
                arm=arm,
                split=split,
                budget=budget,
                seed=seed,
                differences=differ(arm, seed, (budget == 20) + 1 if split == "test" else -10),
            )
            for budget in budgets
            for seed in range(3 if budget == 20 else 1)
            for classifier in ("lightgbm", "cnn")
            for arm in arms
            for split in ("validation", "test")
        ]
        return summarize_study(scores, [], confidence_level=0.95)

    return make_study


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


def read_rows(page, count):
    """Return the cells of the rows of that many columns."""
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if len(row) == count]


def test_a_row_has_both_arms_beside_original_and_beside_each_other(make_study):
    page = render_page(make_study(), StudyConfig(), ENVIRONMENT)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in read_rows(page, 6)[2:]]
    assert [(row["labels"], row["classifier"], row["draws"]) for row in rows] == [
        ("20", "CNN", "3"),
        ("20", "LightGBM", "3"),
        ("1,000", "CNN", "1"),
        ("1,000", "LightGBM", "1"),
    ]
    twice = 200 * np.array(BEYOND)
    low, high = stats.ttest_1samp(twice, 0).confidence_interval(0.95)
    assert rows[0]["beyond"] == f"{twice.mean():+.2f} ({low:+.2f} to {high:+.2f})"
    assert rows[0]["pool"].startswith("**+10.00** (")
    assert rows[0]["both"].startswith("**+10.40** (")
    assert rows[2]["beyond"] == "+0.20 (-0.80 to +1.20)"


def test_every_draw_is_listed_in_a_part_that_opens(make_study):
    page = render_page(make_study(), StudyConfig(), ENVIRONMENT)
    [opened] = re.findall(r"<details>\n<summary>.*</summary>\n\n(.*)\n</details>", page, re.DOTALL)
    rows = read_rows(opened, 7)[2:]
    assert len(rows) == 2 * 3 + 2
    assert rows[1] == ["20", "CNN", "1", "+12.00", "+11.80", "-0.20", "0.25"]


def test_the_page_says_it_in_words_and_where_it_comes_from(make_study):
    study = make_study()
    page = render_page(study, StudyConfig(budgets=(20, 1000), draws=(3, 1)), ENVIRONMENT)
    assert "\n> Beyond the real images that the same teacher labeled, synthetic images" in page
    assert f"> {study.verdict}\n" in page
    assert "gan-aug study --budgets 20 --budgets 1000 --draws 3 --draws 1" in page
    assert "by a CPU, 2 cores, CPU in float32, at commit `12ab`" in page


def test_all_training_sets_of_the_study_are_shown(make_study):
    page = render_page(make_study(), StudyConfig(), ENVIRONMENT)
    assert "| labels | classifier | `original` | `real_pool` | `gan+real_pool` |" in page
    assert "| `real_pool` | with real images the teacher labeled |" in page
    assert "synthetic_only" not in page


def test_a_finished_study_becomes_a_page_and_another_is_refused(make_study, tmp_path):
    folder = Study.open(tmp_path, "mine", StudyConfig())
    folder.write_environment(ENVIRONMENT)
    folder.write_study(make_study())
    beyond_pseudo_labels.write_page(folder.path, root=tmp_path)
    page = (tmp_path / "docs" / "beyond_pseudo_labels.md").read_text()
    assert page == render_page(make_study(), StudyConfig(), ENVIRONMENT)
    folder.write_study(make_study(arms=("original", "real_pool")))
    with pytest.raises(SystemExit, match=r"expected draws with real_pool and gan\+real_pool"):
        beyond_pseudo_labels.write_page(folder.path, root=tmp_path)


def test_the_page_is_that_of_the_reference_study_once_it_has_both_arms():
    folder = Study(ROOT / "artifacts" / "reference")
    page = ROOT / "docs" / "beyond_pseudo_labels.md"
    result: StudyResult = folder.read_study()
    assert page.exists() == has_both_arms(result)
    if page.exists():
        assert page.read_text() == render_page(
            result, folder.read_config(), folder.read_environment()
        )
