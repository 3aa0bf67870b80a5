"""Two ways beside each other: their means, their page, and a whole measurement on small digits."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tiny import TINY_RUN

from benchmarks import conditioning
from benchmarks.conditioning import LEDGER, Draw, Way, render_page, summarize
from benchmarks.workbench import Workbench, group_alike
from gan_aug.settings.presets import resolve_config

ROOT = Path(__file__).parents[2]


def make_way(right=90, cnn=0.9, agreement=None):
    """Of 200 images, 100 are accepted and 20 more could be."""
    decisions = {
        "accepted": 100,
        "surplus": 20,
        "low confidence": 50,
        "small margin": 0,
        "disagreement": 30,
    }
    accuracies = {"cnn": cnn, "lightgbm": 0.8}
    return Way(decisions=decisions, right=right, agreement=agreement, accuracies=accuracies)


def make_draw(seed=0, plain=0.9, conditioned=0.92, **values):
    sound = {
        "dataset": "own",
        "labels": 100,
        "seed": seed,
        "oracle": 0.99,
        "teacher": 0.94,
        "original": {"cnn": 0.8, "lightgbm": 0.7},
        "ways": {
            "none": make_way(cnn=plain),
            "teacher": make_way(right=98, cnn=conditioned, agreement=0.75),
        },
        "settings": conditioning.list_settings(resolve_config("quick")),
        "commit": "12ab",
        "cpu": "a CPU",
    }
    return Draw.model_validate(sound | values)


def test_shares_are_of_what_was_offered_and_of_what_was_accepted():
    way = make_way()
    assert way.usable == 120 / 200
    assert way.purity == 90 / 100


def test_differences_are_taken_draw_by_draw():
    before, after = np.array([0.9, 0.8, 0.7]), np.array([0.93, 0.85, 0.72])
    draws = [make_draw(s, *pair) for s, pair in enumerate(zip(before, after, strict=True))]
    row = summarize(draws, "cnn")
    low, _ = stats.t.interval(0.95, 2, (after - before).mean(), stats.sem(after - before))
    assert row.mean == pytest.approx((after - before).mean())
    assert row.mean - row.margin == pytest.approx(low)
    assert summarize(draws, "cnn", "none").mean == pytest.approx(before.mean())
    assert summarize(draws, "purity").mean == pytest.approx(0.08)


def test_draws_of_other_settings_have_no_mean_with_the_newest():
    draws = [make_draw(0), make_draw(0, labels=50), make_draw(1)]
    other = make_draw(2, settings={"dcgan": {"steps": 1}})
    assert group_alike([other, *draws]) == {"own": {50: [draws[1]], 100: [draws[0], draws[2]]}}


def test_the_page_has_both_ways_and_their_difference():
    page = render_page([make_draw(0), make_draw(1, plain=0.88)])
    cnn = "80.00% (80.00 to 80.00) | 89.00% (88.00 to 90.00) | 92.00% (92.00 to 92.00) | +3.00 ± "
    assert f"| 100 | CNN | {cnn}" in page
    assert "| 75.0% (75.0 to 75.0) | 60.0%" in page
    assert "98.0% (98.0 to 98.0) | **+8.00** ± 0.00 |" in page


def test_a_page_without_draws_says_so():
    page = render_page([])
    assert "Nothing yet. `python -m benchmarks.conditioning`" in page
    assert "How it was measured" not in page


@pytest.fixture
def tiny(monkeypatch):
    """Settings that take seconds."""

    def resolve_tiny(_preset, changes):
        judge = {"updates": 4, "batch_size": 16}
        small = TINY_RUN | {"quality": {"judge": judge}, "pseudo_labels": {}}
        small["cnn"] = TINY_RUN["cnn"] | {"updates": 60}  # a teacher that knows all classes
        kept = {name: changes[name] for name in ("labels", "seed", "arms")}
        return resolve_config("smoke", small | kept)

    monkeypatch.setattr(conditioning, "resolve_config", resolve_tiny)


def test_what_is_measured_is_not_measured_again(tiny, tmp_path):
    for draws in (1, 2, 2):
        conditioning.measure(
            draws=draws,
            budgets=(40,),
            bench=Workbench(dataset="digits", artifacts=tmp_path / "artifacts", root=tmp_path),
        )
    found = LEDGER.read(tmp_path)
    assert [(draw.labels, draw.seed) for draw in found] == [(40, 0), (40, 1)]
    for draw in found:
        plain, conditioned = draw.ways["none"], draw.ways["teacher"]
        assert sum(plain.decisions.values()) == sum(conditioned.decisions.values()) == 60
        assert plain.agreement is None
        assert plain.decisions["disagreement"] == 0
        assert conditioned.agreement == pytest.approx(
            1 - conditioned.decisions["disagreement"] / 60
        )
        assert 0 <= conditioned.right <= conditioned.accepted
        for way in (plain, conditioned):
            assert set(way.accuracies) == set(draw.original) == {"cnn", "lightgbm"}
    assert (tmp_path / "docs" / "conditioning.md").read_text() == render_page(found)


def test_the_committed_page_is_that_of_the_committed_numbers():
    page = (ROOT / "docs" / "conditioning.md").read_text()
    assert page == render_page(LEDGER.read(ROOT))
