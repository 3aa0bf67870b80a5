import re
import warnings

import numpy as np
import pytest
from pets import make_pets
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score

from gan_aug.evaluation.comparison import (
    Comparison,
    Predictions,
    Score,
    compare_arms,
    compare_cells,
    compare_paired,
)
from gan_aug.settings.evaluation import ComparisonConfig

CONFIG = ComparisonConfig(resamples=500)
TRIAL = CONFIG.model_copy(update={"trial": True})
DIGITS = tuple("0123456789")
NEW = {"balanced_accuracy", "macro_f1", "rare_classes"}
LABELED = dict.fromkeys(DIGITS, 10)


def predict(truth, wrong, confidence=0.9, classes=10):
    """Probabilities that are right everywhere but at the indices in ``wrong``."""
    guesses = truth.copy()
    guesses[wrong] = (guesses[wrong] + 1) % classes
    return be_sure(guesses, confidence, classes)


def be_sure(guesses, confidence=0.9, classes=10):
    """Probabilities of which one stands out."""
    probabilities = np.full((len(guesses), classes), (1 - confidence) / (classes - 1), np.float32)
    probabilities[np.arange(len(guesses)), guesses] = confidence
    return probabilities


def compare_two(original, gan, truth, config=CONFIG, labeled=LABELED):
    """Compare two arms of the CNN by their probabilities."""
    predictions = [
        Predictions("cnn", arm, n_train, dict.fromkeys(("validation", "test"), probabilities))
        for arm, n_train, probabilities in (("original", 100, original), ("gan", 300, gan))
    ]
    labels = {"validation": truth, "test": truth}
    return compare_arms(predictions, labels, config, labeled=labeled, budget=100, seed=0)


def compare(original_wrong, gan_wrong, n=1000, config=CONFIG, classes=DIGITS):
    truth = (np.arange(n) % len(classes)).astype(np.uint16)
    original, gan = (
        predict(truth, wrong, classes=len(classes)) for wrong in (original_wrong, gan_wrong)
    )
    return compare_two(original, gan, truth, config, dict.fromkeys(classes, 10))


def test_scores_are_those_of_the_predictions():
    comparison = compare(original_wrong=np.arange(50), gan_wrong=np.arange(0, 200, 10))
    original, _, gan, _ = comparison.scores
    assert (original.accuracy, gan.accuracy) == (0.95, 0.98)
    assert original.class_accuracy == dict.fromkeys(DIGITS, 0.95)
    assert gan.class_accuracy == dict.fromkeys(DIGITS, 1.0) | {"0": 0.8}
    assert original.log_loss == pytest.approx(
        -0.95 * np.log(0.9) - 0.05 * np.log(0.1 / 9), rel=1e-4
    )
    assert (original.n_train, gan.n_train, gan.budget, gan.images) == (100, 300, 100, 1000)
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
    truth = (np.arange(1000) % 10).astype(np.uint16)
    wrong = {("cnn", "original"): 10, ("cnn", "gan"): 5, ("lightgbm", "original"): 10}
    wrong["lightgbm", "gan"] = 300
    predictions = [
        Predictions(
            classifier, arm, 1, dict.fromkeys(("validation", "test"), predict(truth, np.arange(n)))
        )
        for (classifier, arm), n in wrong.items()
    ]
    labels = {"validation": truth, "test": truth}
    verdict = compare_arms(predictions, labels, CONFIG, labeled=LABELED, budget=10, seed=0).verdict
    assert verdict.index("hurts LightGBM") < verdict.index("the CNN")


def test_a_class_that_a_split_lacks_has_no_accuracy_and_the_json_stays_valid():
    comparison = compare(np.arange(2), np.arange(1), n=9)
    assert list(comparison.scores[0].class_accuracy.values()) == [0.0] * 2 + [1.0] * 7 + [None]
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_rows_are_flat_and_the_json_comes_back_whole():
    comparison = compare(np.arange(5), np.arange(3))
    rows = [score.to_row() for score in comparison.scores]
    assert list(rows[0])[:11] == [
        "classifier",
        "arm",
        "split",
        "budget",
        "seed",
        "n_train",
        "accuracy",
        "log_loss",
        "balanced_accuracy",
        "macro_f1",
        "calibration_error",
    ]
    assert len({tuple(row) for row in rows}) == 1, "every row has the same columns"
    assert list(rows[0])[-10:] == [f"accuracy_{digit}" for digit in range(10)]
    assert rows[0]["difference"] is None
    assert rows[2]["difference"] == pytest.approx(0.002)
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


@pytest.mark.parametrize("classes", [("no", "yes"), tuple(f"kind {i}" for i in range(47))])
def test_any_number_of_named_classes_is_compared(classes):
    comparison = compare(np.arange(100), np.arange(20), n=470, classes=classes)
    original, _, gan, _ = comparison.scores
    assert np.shape(gan.confusion) == (len(classes), len(classes))
    assert np.sum(gan.confusion) == gan.images == 470
    assert gan.accuracy == pytest.approx(450 / 470)
    assert gan.to_row()[f"accuracy_{classes[-1]}"] == gan.class_accuracy[classes[-1]]
    assert original.log_loss > gan.log_loss > 0
    assert "helps the CNN" in comparison.verdict


def test_a_score_that_was_kept_without_names_numbers_its_classes(make_score):
    kept = make_score().model_dump()
    del kept["classes"]
    assert Score.model_validate(kept).classes == DIGITS


# ------------------------------------------------- numbers that count every class the same


def test_both_numbers_are_scikit_learns_where_a_class_is_missing_and_one_never_right():
    truth = np.repeat(np.array([0, 1, 2], np.uint16), [40, 10, 2])
    guesses = truth.astype(int)
    guesses[[0, 1, 2, 41, 42]] = 1, 3, 1, 0, 3
    guesses[-2:] = 0
    sure = be_sure(guesses, classes=5)
    score = compare_two(sure, sure, truth, labeled=dict.fromkeys("abcde", 1)).scores[0]
    with warnings.catch_warnings():
        # Class 3 is predicted, and has no image.
        warnings.simplefilter("ignore", UserWarning)
        expected = balanced_accuracy_score(truth, guesses)
    assert score.balanced_accuracy == pytest.approx(expected)
    assert score.macro_f1 == pytest.approx(f1_score(truth, guesses, average="macro"))
    assert score.macro_f1 < score.balanced_accuracy < score.accuracy


@pytest.mark.parametrize("seed", range(5))
def test_both_numbers_are_scikit_learns_for_any_predictions(seed, make_score):
    rng = np.random.default_rng(seed)
    truth, guesses = np.arange(200) % 7, rng.integers(0, 7, 200)
    score = make_score(confusion=confusion_matrix(truth, guesses).tolist())
    assert score.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, guesses))
    assert score.macro_f1 == pytest.approx(f1_score(truth, guesses, average="macro"))


def test_a_score_that_was_kept_without_both_numbers_has_them_and_keeps_them(make_score):
    kept = make_score(confusion=[[9, 0], [1, 0]], classes=["no", "yes"]).model_dump(mode="json")
    assert (kept["balanced_accuracy"], kept["macro_f1"]) == pytest.approx((0.5, 9 / 19))
    older = {name: value for name, value in kept.items() if name not in NEW}
    assert Score.model_validate(older).model_dump(mode="json") == kept


# ------------------------------------------------------------------------ rare classes


def compare_imbalanced(labeled):
    """Original gets no image of class ``c`` right, and ``gan`` 12 of 20; the rest is right."""
    truth = np.repeat(np.arange(3, dtype=np.uint16), [100, 100, 20])
    original, gan = truth.copy(), truth.copy()
    original[200:], gan[212:] = 0, 0
    sides = (be_sure(guesses, classes=len(labeled)) for guesses in (original, gan))
    return compare_two(*sides, truth, labeled=labeled)


def test_the_recall_of_rare_classes_is_compared_the_rarest_first():
    original, _, gan, _ = compare_imbalanced({"a": 90, "b": 60, "c": 5}).scores
    assert original.rare_classes == ()
    c, b, a = gan.rare_classes
    assert [part.name for part in (c, b, a)] == ["c", "b", "a"]
    assert (c.labeled, c.images, c.recall, c.difference) == (5, 20, 0.6, 0.6)
    assert (a.recall, a.difference, a.low, a.high) == (1, 0, 0, 0)
    half = 1.96 * np.sqrt(0.6 * 0.4 / 20)
    assert c.low == pytest.approx(0.6 - half, abs=0.06)
    assert c.high == pytest.approx(0.6 + half, abs=0.06)


def test_a_class_that_the_images_lack_has_no_recall():
    comparison = compare_imbalanced({"a": 90, "b": 60, "c": 5, "d": 1})
    assert [part.name for part in comparison.scores[2].rare_classes] == ["c", "b", "a"]


@pytest.mark.parametrize(("smallest", "told"), [(50, True), (51, False), (100, False)])
def test_classes_are_told_where_the_largest_is_at_least_twice_the_smallest(smallest, told):
    comparison = compare_imbalanced({"a": 100, "b": 100, "c": smallest})
    assert [bool(score.rare_classes) for score in comparison.scores] == [False, False, told, told]
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_a_budget_that_the_classes_cannot_share_evenly_is_balanced():
    comparison = compare_imbalanced({"a": 2, "b": 1, "c": 1})
    assert not any(score.rare_classes for score in comparison.scores)


def test_of_many_classes_the_twelve_rarest_are_told():
    truth = np.arange(300, dtype=np.uint16) % 30
    sides = (predict(truth, wrong, classes=30) for wrong in ([1, 2], [3]))
    labeled = {f"kind {number}": 100 - number for number in range(30)} | {"kind 7": 3}
    rare = compare_two(*sides, truth, labeled=labeled).scores[2].rare_classes
    assert [part.name for part in rare] == [
        "kind 7",
        *(f"kind {number}" for number in range(29, 18, -1)),
    ]


def test_the_labels_that_were_drawn_say_which_classes_are_rare(pets):
    drawn = np.flatnonzero((pets.train.labels != 1) | (np.arange(40) < 6))
    sure = dict.fromkeys(("validation", "test"), predict(pets.test.labels, [], classes=3))
    comparison = compare_cells(
        pets,
        [sure, sure],
        [np.ones(len(drawn), np.float32)] * 2,
        drawn,
        cells=[["cnn", "original"], ["cnn", "gan"]],
        config=CONFIG,
        budget=len(drawn),
        seed=0,
    )
    found = [(part.name, part.labeled) for part in comparison.scores[2].rare_classes]
    assert found == [("dog", 2), ("fox", 13), ("cat", 14)]


# ------------------------------------------------------------------ honest verdicts


def assert_nothing_is_told(comparison, why):
    """Neither the sentence nor the scores take a side."""
    assert "helps" not in comparison.verdict
    assert "hurts" not in comparison.verdict
    assert "no detectable difference" not in comparison.verdict
    assert "can't be told" in comparison.verdict
    assert why in comparison.verdict
    paired = [score.versus_original for score in comparison.scores if score.versus_original]
    assert {part.effect for part in paired} == {"can't be told"}


def test_a_trial_says_so_first_and_nothing_else():
    comparison = compare(np.arange(100), np.arange(20), config=TRIAL)
    assert_nothing_is_told(comparison, "this was a trial")
    assert comparison.verdict == (
        "With 100 labels, what augmentation does can't be told: this was a trial, too brief for "
        "its numbers to mean anything."
    )
    assert comparison.scores[2].versus_original.difference == pytest.approx(0.08)


@pytest.mark.parametrize("constant", ["original", "gan", "original and on gan"])
def test_a_constant_classifier_carries_no_verdict_on_either_side(constant):
    truth = np.arange(1000, dtype=np.uint16) % 10
    good, one_class = predict(truth, np.arange(20)), be_sure(np.full(1000, 3))
    sides = {"original": (one_class, good), "gan": (good, one_class)}
    original, gan = sides.get(constant, (one_class, one_class))
    expected = {"gan": "GAN images", "original and on gan": "GAN images and on original"}.get(
        constant, constant
    )
    comparison = compare_two(original, gan, truth)
    assert_nothing_is_told(
        comparison, f"trained on {expected}, it predicts one class for every image"
    )


def test_a_class_that_is_the_only_guess_in_one_split_is_a_constant_there_alone():
    truth = np.arange(100, dtype=np.uint16) % 2
    good, one_class = predict(truth, [0], classes=2), be_sure(np.zeros(100, int), classes=2)
    predictions = [
        Predictions("cnn", "original", 9, {"validation": good, "test": good}),
        Predictions("cnn", "gan", 9, {"validation": good, "test": one_class}),
    ]
    labels = {"validation": truth, "test": truth}
    labeled = {"no": 1, "yes": 1}
    comparison = compare_arms(predictions, labels, CONFIG, labeled=labeled, budget=2, seed=0)
    _, _, validation, test = comparison.scores
    assert validation.versus_original.constants == ()
    assert test.versus_original.constants == ("gan",)
    assert "makes no detectable difference to the CNN" in comparison.verdict


def test_what_adds_nothing_to_the_training_set_is_left_out_and_not_without_effect():
    truth = np.arange(100, dtype=np.uint16) % 2
    guesses = predict(truth, [0, 1], classes=2)
    sizes = {"original": 9, "gan": 9, "real_pool": 12, "gan+real_pool": 12, "shift": 18}
    predictions = [
        Predictions("cnn", arm, size, {"validation": guesses, "test": guesses})
        for arm, size in sizes.items()
    ]
    labels = {"validation": truth, "test": truth}
    labeled = {"no": 1, "yes": 1}
    comparison = compare_arms(predictions, labels, CONFIG, labeled=labeled, budget=2, seed=0)
    told = {
        (score.arm, baseline): paired.left_out
        for score in comparison.scores
        for baseline, paired in score.differences.items()
    }
    assert {pair for pair, left_out in told.items() if left_out} == {
        ("gan", "original"),
        ("gan+real_pool", "real_pool"),
    }
    verdict = comparison.verdict
    assert "GAN augmentation is left out for the CNN (nothing is added to its trai" in verdict
    assert (
        "). Augmentation with transformed copies makes no detectable difference to the CNN (+0.00"
    ) in verdict
    assert "synthetic images are left out for the CNN (nothing" in verdict


def test_where_the_exact_test_and_the_interval_disagree_nothing_is_told():
    """Five gained and none lost: the bootstrap excludes 0, the exact p is 1/16."""
    comparison = compare(np.arange(5), [])
    paired = comparison.scores[2].versus_original
    assert paired.low > 0
    assert paired.mcnemar_p == 0.0625
    assert_nothing_is_told(
        comparison, "McNemar's exact test finds no difference (p = 0.062) where the interval finds"
    )
    assert "+0.50 points, 95% interval +0.10 to" in comparison.verdict


@pytest.mark.parametrize("n", [1, 2, 3, 29])
def test_few_held_out_images_carry_no_verdict(n):
    comparison = compare(np.arange(n), [], n=n, classes=("cat", "dog", "fox"))
    assert_nothing_is_told(comparison, f"at least 30 held-out images, and there are {n}")
    paired = comparison.scores[2].versus_original
    assert -1 <= paired.low <= paired.difference <= paired.high <= 1
    assert 0 < paired.mcnemar_p <= 1
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_a_single_image_says_nothing_of_the_difference():
    paired = compare_paired(np.array([True]), np.array([False]), CONFIG, seed=0)
    assert (paired.low, paired.high) == (-1, 1)


def test_what_is_told_comes_before_what_is_not():
    truth = np.arange(1000, dtype=np.uint16) % 10
    good, one_class = predict(truth, np.arange(20)), be_sure(np.full(1000, 3))
    predictions = [
        Predictions(classifier, arm, 1, dict.fromkeys(("validation", "test"), probabilities))
        for classifier, arm, probabilities in (
            ("cnn", "original", good),
            ("cnn", "gan", one_class),
            ("lightgbm", "original", good),
            ("lightgbm", "shift", predict(truth, [])),
        )
    ]
    labels = {"validation": truth, "test": truth}
    verdict = compare_arms(predictions, labels, CONFIG, labeled=LABELED, budget=10, seed=0).verdict
    copies = "augmentation with transformed copies helps LightGBM (+2.00 points"
    assert verdict.index(copies) < verdict.index(
        "What GAN augmentation does to the CNN can't be told (-88.00 points"
    )


# ------------------------------------------------------- beside other arms than original


def compare_pools(wrong, config=CONFIG, n=1000):
    """Compare classifiers on arms by which of the images each gets wrong."""
    truth = (np.arange(n) % 10).astype(np.uint16)
    predictions = [
        Predictions(*cell, 1, dict.fromkeys(("validation", "test"), predict(truth, places)))
        for cell, places in wrong.items()
    ]
    labels = {"validation": truth, "test": truth}
    return compare_arms(predictions, labels, config, labeled=LABELED, budget=100, seed=0)


def find_score(comparison, classifier, arm):
    return next(s for s in comparison.scores if (s.classifier, s.arm) == (classifier, arm))


def pool_arms(both_wrong, classifier="cnn"):
    """Of the CNN, 100 images are wrong with ``original``, and 30 with ``real_pool``."""
    return {
        (classifier, "original"): np.arange(100),
        (classifier, "real_pool"): np.arange(30),
        (classifier, "gan+real_pool"): both_wrong,
    }


def test_an_arm_is_compared_with_each_of_its_baselines_image_by_image():
    comparison = compare_pools(pool_arms(np.arange(20, 35)))
    score = find_score(comparison, "cnn", "gan+real_pool")
    assert list(score.differences) == ["original", "real_pool"]
    paired = score.differences["real_pool"]
    assert paired.difference == pytest.approx((20 - 5) / 1000)
    assert (paired.gained, paired.lost) == (20, 5)
    assert paired.mcnemar_p == pytest.approx(2 * stats.binom.cdf(5, 25, 0.5))
    right, other = np.ones(1000, bool), np.ones(1000, bool)
    right[20:35], other[:30] = False, False
    assert paired == compare_paired(right, other, CONFIG, seed=0)
    assert score.versus_original.difference == pytest.approx(0.085)
    assert list(find_score(comparison, "cnn", "real_pool").differences) == ["original"]
    assert find_score(comparison, "cnn", "original").differences == {}


def test_a_difference_is_positive_where_the_arm_with_synthetic_images_is_better():
    better, worse = (
        find_score(compare_pools(pool_arms(wrong)), "cnn", "gan+real_pool")
        for wrong in (np.arange(10), np.arange(80))
    )
    assert better.versus_others["real_pool"].difference == pytest.approx(0.02)
    assert worse.versus_others["real_pool"].difference == pytest.approx(-0.05)


@pytest.mark.parametrize(
    ("both_wrong", "told"),
    [
        (np.arange(10), "add 2.00 points to the CNN (95% interval +1."),
        (np.arange(80), "cost the CNN 5.00 points (95% interval -6."),
        (
            np.arange(1, 32),
            "add nothing detectable to the CNN (-0.10 points, 95% interval -0.50 to +0.20).",
        ),
    ],
)
def test_what_synthetic_images_add_beyond_real_ones_is_said_in_words(both_wrong, told):
    verdict = compare_pools(pool_arms(both_wrong)).verdict
    lead = " Beyond the real images that the same teacher labeled, synthetic images "
    assert f").{lead}{told}" in verdict
    assert verdict.startswith("With 100 labels, on validation images: ")
    assert verdict.endswith(").")


def test_every_classifier_is_in_the_sentence_harm_first_and_doubts_last():
    wrong = (
        pool_arms(np.arange(10))
        | pool_arms(np.arange(80), "lightgbm")
        # Five gained and none lost, of which the two tests say different things.
        | pool_arms(np.arange(5, 30), "random_forest")
    )
    sentence = compare_pools(wrong).verdict.split(". Beyond")[1]
    assert re.search(
        r"images cost LightGBM 5\.00 points .*; add 2\.00 points to the CNN .*; what synthetic "
        r"images add to the random forest can't be told \(\+0\.50 points, .*; McNemar's exact test",
        sentence,
    )


def test_of_a_trial_and_of_few_images_nothing_is_said_of_real_ones_either():
    assert "Beyond" not in compare_pools(pool_arms(np.arange(10)), TRIAL).verdict
    few = compare_pools({cell: [place] for place, cell in enumerate(pool_arms([]))}, n=20)
    assert (
        "Beyond the real images that the same teacher labeled, what synthetic images add to the "
        "CNN can't be told (+0.00 points, 95% interval -15.00 to +15.00; a verdict needs at least"
    ) in few.verdict


@pytest.mark.parametrize("absent", ["real_pool", "gan+real_pool"])
def test_without_one_of_both_arms_they_are_not_compared(absent):
    wrong = pool_arms(np.arange(10))
    del wrong["cnn", absent]
    comparison = compare_pools(wrong)
    assert not any(score.versus_others for score in comparison.scores)
    assert "Beyond" not in comparison.verdict
    assert {row["minus_real_pool"] for row in map(Score.to_row, comparison.scores)} == {None}


def test_a_row_has_columns_for_every_baseline():
    comparison = compare_pools(pool_arms(np.arange(20, 35)))
    row = find_score(comparison, "cnn", "gan+real_pool").to_row()
    assert row["difference"] == pytest.approx(0.085)
    assert row["minus_real_pool"] == pytest.approx(0.015)
    assert row["minus_real_pool_low"] < row["minus_real_pool"] < row["minus_real_pool_high"]
    assert (row["minus_real_pool_gained"], row["minus_real_pool_lost"]) == (20, 5)
    assert 0 < row["minus_real_pool_mcnemar_p"] < 0.01
    assert len({tuple(score.to_row()) for score in comparison.scores}) == 1
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_a_score_that_was_kept_with_one_difference_has_it_from_original(make_score):
    comparison = compare(np.arange(5), np.arange(3))
    kept = comparison.scores[2].model_dump(mode="json")
    kept["versus_original"] = kept.pop("differences")["original"]
    assert Score.model_validate(kept) == comparison.scores[2]
    assert Score.model_validate(kept | {"versus_original": None}).differences == {}


# ------------------------------------------------------------------------ the stage


@pytest.fixture(scope="module")
def pets():
    return make_pets(train=40, validation=40, test=40)


def test_the_cells_of_a_run_are_compared_by_the_labels_of_the_data(pets):
    truth = pets.test.labels
    wrong = {"original": np.arange(20), "gan": np.arange(2), "shift": np.arange(10)}
    cells = [["cnn", "original"], ["cnn", "gan"], ["lightgbm", "shift"]]
    comparison = compare_cells(
        pets,
        [
            dict.fromkeys(("validation", "test"), predict(truth, wrong[arm], classes=3))
            for _, arm in cells
        ],
        [np.ones(count, np.float32) for count in (30, 90, 60)],
        np.arange(30),
        cells=cells,
        config=CONFIG,
        budget=30,
        seed=0,
    )
    found = [(s.classifier, s.arm, s.n_train, s.accuracy) for s in comparison.scores[::2]]
    assert found == [("cnn", "original", 30, 0.5), ("cnn", "gan", 90, 0.95)], "no lone LightGBM"
    assert {(score.budget, score.classes) for score in comparison.scores} == {
        (30, ("cat", "dog", "fox"))
    }
    assert "GAN augmentation helps the CNN" in comparison.verdict


def test_all_labels_are_as_many_as_there_are_training_images(pets):
    sure = dict.fromkeys(("validation", "test"), predict(pets.test.labels, [], classes=3))
    weights = np.ones(40, np.float32)
    comparison = compare_cells(
        pets,
        [sure],
        [weights],
        np.arange(40),
        cells=[["cnn", "original"]],
        config=CONFIG,
        budget="all",
        seed=0,
    )
    assert comparison.scores[0].budget == 40


def test_nothing_is_compared_where_every_original_is_missing(pets):
    comparison = compare_cells(
        pets, [], [], np.arange(30), cells=[], config=CONFIG, budget=30, seed=0
    )
    assert comparison.scores == []
    assert comparison.verdict.endswith("no arm was compared with the original training set.")
