import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from gan_aug.evaluation.comparison import PairedDifference
from gan_aug.evaluation.study import Failure, StudyResult, student_margin, summarize_study


@pytest.fixture
def score(make_score):
    def score(
        budget,
        seed,
        accuracy,
        *,
        arm="gan",
        classifier="cnn",
        split="test",
        difference=0.0,
        p=None,
        constants=(),
        baselines=("original",),
        **values,
    ):
        paired = PairedDifference(
            difference=difference,
            low=difference - 0.001,
            high=difference + 0.001,
            mcnemar_p=p or (1e-3 if difference else 0.5),
            gained=1,
            lost=1,
            constants=constants,
        )
        return make_score(
            **values,
            budget=budget,
            seed=seed,
            accuracy=accuracy,
            arm=arm,
            classifier=classifier,
            split=split,
            differences={} if arm == "original" else dict.fromkeys(baselines, paired),
        )

    return score


def summarize(scores, failures=(), *, trial=False):
    return summarize_study(scores, failures, confidence_level=0.95, trial=trial)


def test_the_interval_over_draws_is_students(score):
    differences = [0.01, 0.02, 0.03, 0.02]
    scores = [score(100, seed, 0.9, difference=d) for seed, d in enumerate(differences)]
    [cell] = summarize(scores).summaries
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    found = cell.versus_original
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.difference == pytest.approx(0.02)
    assert (found.draws, cell.draws, found.effect) == (4, 4, "helps")


def test_one_draw_has_the_interval_of_its_images_and_no_spread(score):
    [cell] = summarize([score(100, 0, 0.9, difference=-0.02)]).summaries
    found = cell.versus_original
    assert (found.low, found.high) == pytest.approx((-0.021, -0.019))
    assert cell.accuracy_sd is None
    assert found.effect == "hurts"


def test_original_has_a_mean_and_a_spread_but_no_difference(score):
    accuracies = [0.8, 0.9, 0.85]
    scores = [score(100, seed, a, arm="original") for seed, a in enumerate(accuracies)]
    [cell] = summarize(scores).summaries
    assert cell.accuracy == pytest.approx(0.85)
    assert cell.accuracy_sd == pytest.approx(np.std(accuracies, ddof=1))
    assert cell.versus_original is None


def test_a_cell_has_the_means_of_balanced_accuracy_and_f1(score):
    confusions = [[[9, 1], [1, 1]], [[9, 1], [2, 0]]]
    scores = [score(100, seed, 0.8, confusion=c) for seed, c in enumerate(confusions)]
    [cell] = summarize(scores).summaries
    assert cell.balanced_accuracy == pytest.approx(np.mean([0.7, 0.45]))
    assert cell.macro_f1 == pytest.approx(np.mean([0.7, 18 / 21 / 2]))


def test_a_study_that_was_kept_without_these_means_has_them(score):
    confusions = [[[9, 1], [1, 1]], [[9, 1], [2, 0]]]
    result = summarize(
        [
            score(budget, 0, 0.8, confusion=c)
            for budget, c in zip((100, 50), confusions, strict=True)
        ]
    )
    kept = result.model_dump(mode="json")
    for part in (*kept["scores"], *kept["summaries"]):
        del part["balanced_accuracy"], part["macro_f1"]
    assert StudyResult.model_validate_json(json.dumps(kept)) == result


@pytest.mark.parametrize("summaries", [None, [None], [{}]])
def test_summaries_that_are_none_are_refused(score, summaries):
    kept = summarize([score(100, 0, 0.8)]).model_dump() | {"summaries": summaries}
    with pytest.raises(ValidationError):
        StudyResult.model_validate(kept)


def test_cells_are_told_apart_by_classifier_arm_budget_and_split(score):
    scores = [
        score(budget, seed, 0.9, arm=arm, classifier=classifier, split=split)
        for budget in (100, 1000)
        for seed in (0, 1)
        for arm in ("original", "gan")
        for classifier in ("cnn", "lightgbm")
        for split in ("validation", "test")
    ]
    result = summarize(scores)
    assert len(result.summaries) == len(scores) / 2
    assert {cell.draws for cell in result.summaries} == {2}
    assert result.scores == scores


def test_the_verdict_is_of_the_gan_arm_on_test_images_classifier_by_classifier(score):
    scores = [
        score(100, 0, 0.9, classifier="lightgbm", difference=0.15),
        score(1000, 0, 0.9, classifier="cnn", difference=-0.02),
        score(5000, 0, 0.9, classifier="cnn", difference=0.0),
        score(100, 0, 0.9, classifier="cnn", difference=-0.5, split="validation"),
        score(100, 0, 0.9, classifier="cnn", difference=-0.5, arm="shift"),
    ]
    verdict = summarize(scores).verdict
    assert verdict == (
        "GAN augmentation hurts in 1 of 3 comparisons, helps in 1 and makes no detectable "
        "difference in 1. "
        "It hurts the CNN with 1,000 labels (-2.00, -2.10 to -1.90); "
        "makes no detectable difference to the CNN with 5,000 labels (+0.00, -0.10 to +0.10). "
        "It helps LightGBM with 100 labels (+15.00, +14.90 to +15.10). "
        "Numbers are points of accuracy on test images: means over label draws, with 95% "
        "intervals."
    )
    assert "50.00" not in verdict


def test_the_verdict_says_first_what_is_so_most_often_and_goes_from_few_labels_to_many(score):
    scores = [
        score(budget, 0, 0.9, classifier=classifier, difference=difference)
        for classifier, differences in (
            ("lightgbm", (0.1, 0.05, 0.03)),
            ("cnn", (0.04, 0.02, -0.1)),
        )
        for budget, difference in zip((1000, 100, 5000), differences, strict=True)
    ]
    assert summarize(scores).verdict.startswith(
        "GAN augmentation helps in 5 of 6 comparisons and hurts in 1. It helps the CNN with 100 "
        "labels (+2.00, +1.90 to +2.10) and 1,000 labels (+4.00, +3.90 to +4.10); hurts the CNN "
        "with 5,000 labels (-10.00, -10.10 to -9.90). It helps LightGBM with 100 labels "
    )
    better = [score for score in scores if score.versus_original.difference > 0]
    assert summarize(better).verdict.startswith(
        "GAN augmentation helps in all 5 comparisons. It helps the CNN with"
    )
    assert summarize([better[0], better[-1]]).verdict.startswith(
        "GAN augmentation helps in both comparisons. It helps the CNN with"
    )


def test_a_study_is_told_in_the_words_of_this_version(score):
    result = summarize([score(100, 0, 0.9, difference=0.02)])
    kept = json.loads(result.model_dump_json())
    assert kept["verdict"].startswith("GAN augmentation helps the CNN with 100 labels (")
    assert StudyResult.model_validate(kept | {"verdict": "It was good."}).verdict == result.verdict


def test_an_arm_that_every_draw_leaves_out_is_left_out(score):
    def leave_out(drawn):
        paired = drawn.differences["original"].model_copy(update={"left_out": True})
        return drawn.model_copy(update={"differences": {"original": paired}})

    always = [leave_out(score(100, seed, 0.9, difference=0.0)) for seed in range(2)]
    once = [leave_out(score(1000, 0, 0.9, difference=0.0)), score(1000, 1, 0.9, difference=0.1)]
    result = summarize(always + once)
    assert [cell.versus_original.left_out for cell in result.summaries] == [True, False]
    assert "is left out for the CNN with 100 labels; " in result.verdict


def test_failures_are_kept_and_nothing_at_all_is_said_too():
    failure = Failure(budget=100, seed=0, classifier=None, arm=None, message="out of luck")
    result = summarize([], [failure])
    assert result.failures == [failure]
    assert result.verdict.startswith("No GAN arm could be compared")


@pytest.mark.parametrize("count", [2, 5])
def test_the_margin_is_half_of_students_interval(count):
    values = np.random.default_rng(0).normal(size=count)
    expected = stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count)
    assert student_margin(values, 0.95) == pytest.approx(expected, rel=1e-12)


def test_values_that_are_all_the_same_have_no_margin():
    assert student_margin(np.full(3, 0.1), 0.95) == 0


# ------------------------------------------------------- beside other arms than original


@pytest.fixture
def draws(score):
    """Return draws of ``gan+real_pool`` with such differences from ``real_pool``."""

    def draws(differences, budget=100, classifier="cnn", **values):
        return [
            score(
                budget,
                seed,
                0.9,
                arm="gan+real_pool",
                classifier=classifier,
                difference=difference,
                baselines=("original", "real_pool"),
                **values,
            )
            for seed, difference in enumerate(differences)
        ]

    return draws


def test_what_an_arm_has_beyond_another_is_averaged_draw_by_draw(draws):
    differences = [0.004, 0.001, -0.002, 0.003]
    scores = draws(differences)
    [cell] = summarize(scores).summaries
    found = cell.versus_others["real_pool"]
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert found.difference == pytest.approx(np.mean(differences))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.draws, found.effect) == (4, "makes no detectable difference to")


def test_a_draw_that_lacks_the_other_arm_has_no_part_in_that_mean(draws):
    lone = draws([0.3])[0].model_copy(update={"seed": 9})
    lone = lone.model_copy(update={"differences": {"original": lone.versus_original}})
    [cell] = summarize([*draws([0.01, 0.02]), lone]).summaries
    assert cell.draws == cell.versus_original.draws == 3
    assert cell.versus_others["real_pool"].draws == 2
    assert cell.versus_others["real_pool"].difference == pytest.approx(0.015)
    [cell] = summarize([lone]).summaries
    assert cell.versus_others == {}


def test_one_draw_has_the_interval_of_its_images_there_too(draws):
    [cell] = summarize(draws([0.02])).summaries
    found = cell.versus_others["real_pool"]
    assert (found.low, found.high, found.draws) == pytest.approx((0.019, 0.021, 1))
    doubtful = summarize(draws([0.02], p=0.06))
    assert "what synthetic images add to the CNN can't be told with 100" in doubtful.verdict


def test_the_verdict_says_what_synthetic_images_add_beyond_real_ones(score, draws):
    scores = [
        *draws([-0.02]),
        *draws([0.0], budget=1000),
        *draws([0.03], classifier="lightgbm"),
        *draws([0.0], budget=1000, classifier="lightgbm", constants=("real_pool",)),
        *draws([-0.5], budget=20, split="validation"),
        score(100, 0, 0.9, difference=0.1),
    ]
    assert summarize(scores).verdict == (
        "GAN augmentation helps the CNN with 100 labels (+10.00, +9.90 to +10.10). Beyond the real "
        "images that the same teacher labeled, synthetic images cost the CNN accuracy with 100 "
        "labels (-2.00, -2.10 to -1.90); add nothing detectable to the CNN with 1,000 labels "
        "(+0.00, -0.10 to +0.10); add accuracy to LightGBM with 100 labels (+3.00, +2.90 to "
        "+3.10); what synthetic images add to LightGBM can't be told with 1,000 labels (+0.00, "
        "-0.10 to +0.10; trained on pseudo-labeled real images, it predicts one class for every "
        "image). Numbers are points of accuracy on test images: means over label draws, with 95% "
        "intervals."
    )


def test_a_study_without_a_gan_arm_tells_what_it_has(draws):
    verdict = summarize(draws([0.01, 0.02])).verdict
    assert verdict.startswith("Beyond the real images that the same teacher labeled, synthetic")
    assert "Beyond" not in summarize(draws([0.01, 0.02]), trial=True).verdict


def test_a_study_that_was_kept_with_one_difference_a_cell_has_it_from_original(score):
    result = summarize([score(100, seed, 0.9, difference=d) for seed, d in enumerate((0.1, 0.2))])
    kept = result.model_dump(mode="json")
    for cell in kept["summaries"]:
        cell.update(cell.pop("differences")["original"])
    for part in kept["scores"]:
        part["versus_original"] = part.pop("differences")["original"]
    assert StudyResult.model_validate(kept) == result


# ------------------------------------------------------------------ honest verdicts


def assert_nothing_is_told(result, why):
    """Neither the sentence nor the summaries take a side."""
    assert {found.effect for cell in result.summaries for found in cell.differences.values()} == {
        "can't be told"
    }
    assert "can't be told" in result.verdict
    assert why in result.verdict
    for word in ("helps", "hurts", "no detectable difference"):
        assert word not in result.verdict


def test_a_study_of_trials_says_so_first(score):
    scores = [score(100, seed, 0.9, difference=0.1 + seed / 100) for seed in range(3)]
    result = summarize(scores, trial=True)
    assert_nothing_is_told(result, "this was a trial")
    assert result.verdict == (
        "What augmentation does can't be told: this was a trial, too brief for its numbers to mean "
        "anything."
    )


def test_one_draw_is_tested_as_a_run_is(score):
    result = summarize([score(100, 0, 0.9, difference=0.02, p=0.06)])
    assert_nothing_is_told(result, "McNemar's exact test finds no difference (p = 0.06)")
    assert result.verdict.startswith(
        "What GAN augmentation does to the CNN can't be told with 100 labels (+2.00, +1.90 to "
        "+2.10; McNemar's"
    )


def test_over_several_draws_students_interval_is_the_test(score):
    scores = [score(100, seed, 0.9, difference=0.1 + seed / 100, p=0.9) for seed in range(3)]
    assert summarize(scores).summaries[0].versus_original.effect == "helps"


def test_a_constant_in_one_draw_is_enough(score):
    scores = [
        score(100, seed, 0.9, difference=0.1 + seed / 100, constants=constants)
        for seed, constants in enumerate([(), ("original",), ("original",)])
    ]
    assert_nothing_is_told(
        summarize(scores), "trained on original, it predicts one class for every image"
    )


def test_few_held_out_images_carry_no_verdict_in_any_number_of_draws(score):
    few = {"confusion": [[5, 0], [0, 5]]}
    for draws in (1, 3):
        scores = [score(4, seed, 0.9, difference=0.1 + seed / 100, **few) for seed in range(draws)]
        assert_nothing_is_told(summarize(scores), "and there are 10")


def test_draws_that_agree_exactly_have_no_interval(score):
    result = summarize([score(100, seed, 0.9, difference=0.02) for seed in (0, 1)])
    assert_nothing_is_told(result, "all 2 draws find the same difference")
    result = summarize([score(100, seed, 0.9, difference=0.0) for seed in (0, 1)])
    assert "makes no detectable difference to the CNN" in result.verdict


def test_what_is_told_comes_before_what_is_not(score):
    scores = [
        score(100, 0, 0.9, difference=-0.1, constants=("gan",)),
        score(1000, 0, 0.9, difference=0.2),
    ]
    assert summarize(scores).verdict.startswith(
        "GAN augmentation helps the CNN with 1,000 labels (+20.00, +19.90 to +20.10); what GAN "
        "augmentation does to the CNN can't be told with 100 labels (-10.00, "
    )


def test_the_reference_study_says_what_its_scores_say():
    path = Path(__file__).parents[2] / "artifacts" / "reference" / "study.json"
    kept = StudyResult.model_validate_json(path.read_bytes())
    again = summarize(kept.scores, kept.failures)
    assert again.verdict == kept.verdict
    for cell, before in zip(again.summaries, kept.summaries, strict=True):
        assert (cell.accuracy, cell.macro_f1) == (before.accuracy, before.macro_f1)
        found, expected = cell.versus_original, before.versus_original
        assert (found is None) == (cell.arm == "original") == (expected is None)
        if found:
            assert (found.difference, found.effect) == (expected.difference, expected.effect)
            assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
