import numpy as np
import pytest
from scipy import stats

from gan_aug.evaluation.comparison import Comparison, Predictions, compare_arms, compare_paired
from gan_aug.settings.run import ComparisonConfig

CONFIG = ComparisonConfig(resamples=500)


def predict(truth, wrong, confidence=0.9):
    """Probabilities that are right everywhere but at the indices in ``wrong``."""
    guesses = truth.copy()
    guesses[wrong] = (guesses[wrong] + 1) % 10
    probabilities = np.full((len(truth), 10), (1 - confidence) / 9, np.float32)
    probabilities[np.arange(len(truth)), guesses] = confidence
    return probabilities


def compare(original_wrong, gan_wrong, n=1000):
    truth = (np.arange(n) % 10).astype(np.uint8)
    predictions = [
        Predictions(
            "cnn", arm, n_train, {split: predict(truth, wrong) for split in ("validation", "test")}
        )
        for arm, n_train, wrong in (
            ("original", 100, original_wrong),
            ("gan", 300, gan_wrong),
        )
    ]
    labels = {"validation": truth, "test": truth}
    return compare_arms(predictions, labels, CONFIG, labels=100, seed=0)


def test_scores_are_those_of_the_predictions():
    comparison = compare(original_wrong=np.arange(50), gan_wrong=np.arange(0, 200, 10))
    original, _, gan, _ = comparison.scores
    assert (original.accuracy, gan.accuracy) == (0.95, 0.98)
    assert original.class_accuracy == [0.95] * 10
    assert gan.class_accuracy == [0.8] + [1.0] * 9
    assert original.log_loss == pytest.approx(
        -0.95 * np.log(0.9) - 0.05 * np.log(0.1 / 9), rel=1e-4
    )
    assert (original.n_train, gan.n_train, gan.labels) == (100, 300, 100)
    assert original.versus_original is None
    assert gan.versus_original.difference == pytest.approx(0.03)
    assert (gan.versus_original.gained, gan.versus_original.lost) == (45, 15)


def test_mcnemar_is_the_exact_binomial_test_of_the_discordant_pairs():
    paired = compare(np.arange(12), np.arange(10, 15)).scores[2].versus_original
    assert (paired.gained, paired.lost) == (10, 3)
    assert paired.mcnemar_p == pytest.approx(2 * stats.binom.cdf(3, 13, 0.5))


def test_no_discordant_pair_is_no_difference_and_certainly_so():
    paired = compare(np.arange(5), np.arange(5)).scores[2].versus_original
    assert (paired.difference, paired.low, paired.high, paired.mcnemar_p) == (0, 0, 0, 1)


def test_bootstrap_interval_covers_as_the_normal_one_does():
    rng = np.random.default_rng(0)
    baseline, arm = rng.random(2000) < 0.90, rng.random(2000) < 0.93
    paired = compare_paired(arm, baseline, ComparisonConfig(resamples=4000), seed=0)
    differences = arm.astype(float) - baseline
    half = 1.96 * differences.std() / np.sqrt(2000)
    assert paired.low == pytest.approx(differences.mean() - half, abs=0.002)
    assert paired.high == pytest.approx(differences.mean() + half, abs=0.002)


@pytest.mark.parametrize(
    ("original_wrong", "gan_wrong", "phrase"),
    [
        (100, 20, "GAN augmentation helps the CNN (+8.00 points"),
        (20, 100, "GAN augmentation hurts the CNN (-8.00 points"),
        (20, 22, "GAN augmentation makes no detectable difference to the CNN (-0.20 points"),
    ],
)
def test_the_verdict_says_what_the_interval_says(original_wrong, gan_wrong, phrase):
    far_apart = np.arange(1000 - gan_wrong, 1000)
    verdict = compare(np.arange(original_wrong), far_apart).verdict
    assert phrase in verdict
    assert verdict.startswith("With 100 labels")
    assert verdict.endswith(").")


def test_harm_comes_first_in_the_verdict():
    truth = (np.arange(1000) % 10).astype(np.uint8)
    wrong = {("cnn", "original"): 10, ("cnn", "gan"): 5, ("lightgbm", "original"): 10}
    wrong["lightgbm", "gan"] = 300
    predictions = [
        Predictions(
            classifier, arm, 1, dict.fromkeys(("validation", "test"), predict(truth, np.arange(n)))
        )
        for (classifier, arm), n in wrong.items()
    ]
    labels = {"validation": truth, "test": truth}
    verdict = compare_arms(predictions, labels, CONFIG, labels=10, seed=0).verdict
    assert verdict.index("hurts LightGBM") < verdict.index("the CNN")


def test_a_digit_that_a_split_lacks_has_no_accuracy_and_the_json_stays_valid():
    comparison = compare(np.arange(2), np.arange(1), n=9)
    assert comparison.scores[0].class_accuracy == [0.0] * 2 + [1.0] * 7 + [None]
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_rows_are_flat_and_the_json_comes_back_whole():
    comparison = compare(np.arange(5), np.arange(3))
    rows = [score.to_row() for score in comparison.scores]
    assert list(rows[0])[:8] == [
        "classifier",
        "arm",
        "split",
        "labels",
        "seed",
        "n_train",
        "accuracy",
        "log_loss",
    ]
    assert len({tuple(row) for row in rows}) == 1, "every row has the same columns"
    assert rows[0]["difference"] is None
    assert rows[2]["difference"] == pytest.approx(0.002)
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison
