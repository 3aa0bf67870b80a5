"""Imbalanced draws, what is said of them, and a whole measurement on small digits."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tiny import TINY_RUN

from benchmarks import rare_classes
from benchmarks.imbalance import arrange_classes, draw_counts, size_classes, thin_classes
from benchmarks.rare_classes import (
    METRICS,
    Draw,
    Result,
    bound_recall,
    compare_classes,
    group_draws,
    render_page,
    summarize,
)
from benchmarks.workbench import Workbench
from gan_aug.errors import UserError
from gan_aug.evaluation.comparison import ClassDifference
from gan_aug.settings.presets import resolve_config

ROOT = Path(__file__).parents[2]
COUNTS = [20, 17, 14, 11, 9, 7, 6, 5, 4, 3]


def test_class_sizes_fall_by_a_fixed_ratio():
    assert size_classes(10, 100, 5) == [100, 72, 51, 37, 26, 19, 14, 10, 7, 5]
    assert size_classes(2, 8, 8) == [8, 8]


def test_the_rare_classes_are_others_from_draw_to_draw():
    orders = [arrange_classes(10, 3, seed) for seed in range(3)]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({label for order in orders for label in order[-3:]}) == 9


def test_thinned_classes_are_in_proportion_and_held_out_images_stay(digits):
    thinned = thin_classes(digits, COUNTS, seed=0)
    sizes = np.bincount(thinned.train.labels)
    scale = (np.bincount(digits.train.labels) / COUNTS).min()
    np.testing.assert_array_equal(sizes, np.floor(np.array(COUNTS) * scale))
    assert thinned.test is digits.test
    assert thinned.validation is digits.validation
    assert thinned.provenance.images["train"] == len(thinned.train)
    others = [thin_classes(digits, COUNTS, seed=seed).provenance for seed in (0, 1)]
    assert others[0] == thinned.provenance != others[1]


def test_so_many_images_of_each_class_are_drawn_by_seed(digits):
    drawn = draw_counts(digits.train, COUNTS, seed=0)
    assert np.bincount(digits.train.labels[drawn]).tolist() == COUNTS
    assert (np.diff(drawn) > 0).all()
    np.testing.assert_array_equal(drawn, draw_counts(digits.train, COUNTS, seed=0))
    assert not np.array_equal(drawn, draw_counts(digits.train, COUNTS, seed=1))
    with pytest.raises(UserError, match="lower --most"):
        draw_counts(digits.train, [10_000, *COUNTS[1:]], seed=0)


def make_result(training_set, recalls, classifier="cnn"):
    """Of four classes with 100 test images each; mistakes are taken for the first."""
    right = [round(100 * recall) for recall in recalls]
    confusion = np.diag(right)
    confusion[:, 0] += 100 - np.array(right)
    differences = [
        ClassDifference(
            name=name, labeled=1, images=100, recall=recall, difference=0.5, low=0.4, high=0.6
        )
        for name, recall in zip("abcd", recalls, strict=True)
    ]
    return Result(
        classifier=classifier,
        training_set=training_set,
        n_train=10,
        confusion=confusion.tolist(),
        differences=differences,
    )


def make_draw(seed, results, **values):
    labeled = {"d": 40, "c": 20, "b": 10, "a": 5}
    settings = {"classes": ["a", "b", "c", "d"]} | resolve_config("quick").model_dump(mode="json")
    sound = {
        "dataset": "own",
        "seed": seed,
        "labeled": labeled,
        "pool": labeled,
        "accepted": {"gan, level": labeled},
        "right": {},
        "results": results,
        "settings": settings,
        "commit": "12ab",
        "cpu": "a CPU",
    }
    return Draw.model_validate(sound | values)


@pytest.fixture
def draws():
    """The rare classes are a, b and c; their mean recall rises from draw to draw."""
    recalls = {"original": 0.1, "class_weight": 0.3, "gan, level": 0.5}
    return [
        make_draw(
            seed,
            [
                make_result(name, [recall + seed / 10, recall, recall, 1])
                for name, recall in recalls.items()
            ],
        )
        for seed in range(3)
    ]


def test_a_row_has_the_mean_over_the_draws_and_students_interval(draws):
    row = summarize(draws, "cnn", "original", "recall of the rare classes")
    # What is taken for a wrongly is right of a.
    values = np.array([(1 + 0.1 + 0.1) / 3] * 3)
    assert row.mean == pytest.approx(values.mean())
    apart = summarize(draws, "cnn", "gan, level", "macro F1", beside="original")
    alone = [
        METRICS["macro F1"](draw, draw.find("cnn", "gan, level"))
        - METRICS["macro F1"](draw, draw.find("cnn", "original"))
        for draw in draws
    ]
    assert apart.mean == pytest.approx(np.mean(alone))
    assert summarize(draws[:1], "cnn", "original", "macro F1").margin is None


def test_the_interval_of_differences_is_over_the_draws():
    before, after = [0.2, 0.3, 0.4], [0.5, 0.5, 0.8]
    draws = [
        make_draw(
            seed,
            [
                make_result(name, [1, recall, 1, 1])
                for name, recall in (("original", first), ("gan, level", second))
            ],
        )
        for seed, (first, second) in enumerate(zip(before, after, strict=True))
    ]
    row = summarize(draws, "cnn", "gan, level", "recall of the rare classes", "original")
    differences = (np.array(after) - before) / 3
    low, _ = stats.t.interval(0.95, 2, differences.mean(), stats.sem(differences))
    assert row.mean == pytest.approx(differences.mean())
    assert row.mean - row.margin == pytest.approx(low)
    assert row.clear
    assert (row.lowest, row.highest) == pytest.approx((0.2 / 3, 0.4 / 3))


def test_over_classes_each_rare_class_of_each_draw_is_a_value():
    recalls = {"original": [0.5, 0.1, 0.2, 1], "gan, level": [0.5, 0.4, 0.8, 1]}
    draws = [make_draw(s, [make_result(n, r) for n, r in recalls.items()]) for s in range(2)]
    row = compare_classes(draws, "cnn", "gan, level", "original")
    differences = np.array([0.3, 0.6, 0.0] * 2)
    low, _ = stats.t.interval(0.95, 5, differences.mean(), stats.sem(differences))
    assert row.mean == pytest.approx(differences.mean())
    assert row.mean - row.margin == pytest.approx(low)


def test_a_recall_has_wilsons_interval():
    draw = make_draw(0, [make_result("original", [1, 0.3, 0.5, 1])])
    recall, low, high = bound_recall(draw, draw.results[0], "b")
    assert recall == 0.3
    z2 = stats.norm.ppf(0.975) ** 2
    center = (30 + z2 / 2) / (100 + z2)
    assert (low + high) / 2 == pytest.approx(center)


def test_draws_of_other_settings_have_no_mean_with_the_newest(draws):
    other = make_draw(7, draws[0].results, labeled={"d": 9, "c": 8, "b": 7, "a": 6})
    assert group_draws([other, *draws[::-1]]) == {"own": draws}
    assert group_draws([*draws, other]) == {"own": [other]}


@pytest.fixture
def tiny(monkeypatch):
    """Settings that take seconds."""

    def resolve_tiny(preset, changes):
        kept = {name: changes[name] for name in ("labels", "seed")}
        return resolve_config("smoke", TINY_RUN | kept)

    monkeypatch.setattr(rare_classes, "resolve_config", resolve_tiny)


def test_what_is_measured_is_not_measured_again(tiny, tmp_path):
    for draws in (1, 2, 2):
        rare_classes.measure(
            draws=draws,
            most=10,
            fewest=3,
            bench=Workbench(dataset="digits", artifacts=tmp_path / "artifacts", root=tmp_path),
        )
    found = rare_classes.LEDGER.read(tmp_path)
    assert [draw.seed for draw in found] == [0, 1]
    assert not set(found[0].rare) & set(found[1].rare)
    for draw in found:
        assert list(draw.labeled.values()) == size_classes(10, 10, 3)
        sets = {result.training_set for result in draw.results}
        arms = {"original", "class_weight", "oversample", "shift"}
        assert sets == arms | {"gan, level", "gan, cap", "real_pool, level"}
        assert len(draw.results) == 2 * len(sets)
        right, accepted = draw.right["real_pool, level"], draw.accepted["real_pool, level"]
        assert all(right[name] <= accepted[name] <= 20 for name in draw.labeled)
    page = (tmp_path / "docs" / "rare_classes.md").read_text()
    assert page == render_page(found)


def test_the_page_has_recalls_before_and_after(draws):
    page = render_page(draws)
    before, after = (
        summarize(draws, "cnn", name, "recall of the rare classes")
        for name in ("original", "gan, level")
    )
    for name, row in (("original", before), ("gan, level", after)):
        shown = [f"{100 * value:.1f}" for value in (row.mean, row.lowest, row.highest)]
        assert "| `{}` | {}% ({} to {}) |".format(name, *shown) in page
    assert "minus that with `class_weight`: " in page
    assert "--dataset FOLDER --draws 3 --most 40 --fewest 5" in page


def test_the_committed_page_is_that_of_the_committed_numbers():
    found = rare_classes.LEDGER.read(ROOT)
    page = (ROOT / "docs" / "rare_classes.md").read_text()
    assert page == render_page(found)
    groups = group_draws(found)
    assert set(groups) == {"mnist", "fashion-mnist"}
    assert all(len(group) >= 2 for group in groups.values())
