import numpy as np
import pytest
from scipy import stats

from gan_aug.evaluation.comparison import PairedDifference
from gan_aug.evaluation.study import Failure, summarize_study


@pytest.fixture
def score(make_score):
    def score(labels, seed, accuracy, *, arm="gan", classifier="cnn", split="test", difference=0.0):
        paired = PairedDifference(
            difference=difference,
            low=difference - 0.001,
            high=difference + 0.001,
            mcnemar_p=0.5,
            gained=1,
            lost=1,
        )
        return make_score(
            labels=labels,
            seed=seed,
            accuracy=accuracy,
            arm=arm,
            classifier=classifier,
            split=split,
            versus_original=None if arm == "original" else paired,
        )

    return score


def summarize(scores, failures=()):
    return summarize_study(scores, failures, confidence_level=0.95)


def test_the_interval_over_draws_is_students(score):
    differences = [0.01, 0.02, 0.03, 0.02]
    scores = [score(100, seed, 0.9, difference=d) for seed, d in enumerate(differences)]
    [cell] = summarize(scores).summaries
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (cell.low, cell.high) == pytest.approx((expected.low, expected.high))
    assert cell.difference == pytest.approx(0.02)
    assert (cell.draws, cell.effect) == (4, "helps")


def test_one_draw_has_the_interval_of_its_images_and_no_spread(score):
    [cell] = summarize([score(100, 0, 0.9, difference=-0.02)]).summaries
    assert (cell.low, cell.high) == pytest.approx((-0.021, -0.019))
    assert cell.accuracy_sd is None
    assert cell.effect == "hurts"


def test_original_has_a_mean_and_a_spread_but_no_difference(score):
    accuracies = [0.8, 0.9, 0.85]
    scores = [score(100, seed, a, arm="original") for seed, a in enumerate(accuracies)]
    [cell] = summarize(scores).summaries
    assert cell.accuracy == pytest.approx(0.85)
    assert cell.accuracy_sd == pytest.approx(np.std(accuracies, ddof=1))
    assert cell.difference is cell.effect is None


def test_cells_are_told_apart_by_classifier_arm_budget_and_split(score):
    scores = [
        score(labels, seed, 0.9, arm=arm, classifier=classifier, split=split)
        for labels in (100, 1000)
        for seed in (0, 1)
        for arm in ("original", "gan")
        for classifier in ("cnn", "lightgbm")
        for split in ("validation", "test")
    ]
    result = summarize(scores)
    assert len(result.summaries) == len(scores) / 2
    assert {cell.draws for cell in result.summaries} == {2}
    assert result.scores == scores


def test_the_verdict_is_of_the_gan_arm_on_test_images_bad_news_first(score):
    scores = [
        score(100, 0, 0.9, classifier="lightgbm", difference=0.15),
        score(1000, 0, 0.9, classifier="cnn", difference=-0.02),
        score(5000, 0, 0.9, classifier="cnn", difference=0.0),
        score(100, 0, 0.9, classifier="cnn", difference=-0.5, split="validation"),
        score(100, 0, 0.9, classifier="cnn", difference=-0.5, arm="shift"),
    ]
    verdict = summarize(scores).verdict
    assert verdict.startswith(
        "GAN augmentation hurts the CNN with 1,000 labels (-2.00, -2.10 to -1.90); "
        "helps LightGBM with 100 labels (+15.00, +14.90 to +15.10); "
        "makes no detectable difference to the CNN with 5,000 labels (+0.00, -0.10 to +0.10) ("
    )
    assert "50.00" not in verdict


def test_failures_are_kept_and_nothing_at_all_is_said_too():
    failure = Failure(labels=100, seed=0, classifier=None, arm=None, message="out of luck")
    result = summarize([], [failure])
    assert result.failures == [failure]
    assert result.verdict.startswith("No GAN arm could be compared")
