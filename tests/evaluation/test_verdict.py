import numpy as np
import pytest

from gan_aug.arms import ARMS
from gan_aug.evaluation.titles import ARM_TITLES
from gan_aug.evaluation.verdict import (
    FEWEST_IMAGES,
    TRIAL,
    check_agreement,
    check_spread,
    find_doubt,
    name_effect,
)

SOUND = {"trial": False, "images": FEWEST_IMAGES, "constants": (), "degenerate": None}


@pytest.mark.parametrize(
    ("low", "high", "effect"),
    [
        (0.01, 0.02, "helps"),
        (-0.02, -0.01, "hurts"),
        (-0.01, 0.01, "makes no detectable difference to"),
        (0.0, 0.02, "makes no detectable difference to"),
        (0.0, 0.0, "makes no detectable difference to"),
    ],
)
def test_the_effect_is_what_the_interval_says_unless_there_is_a_doubt(low, high, effect):
    assert name_effect(low, high, None) == effect
    assert name_effect(low, high, "too few") == "can't be told"


def test_a_sound_comparison_leaves_no_doubt():
    assert find_doubt(**SOUND) is None


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"trial": True}, TRIAL),
        ({"images": 29}, "a verdict needs at least 30 held-out images, and there are 29"),
        ({"constants": ["gan"]}, "trained on GAN images, it predicts one class for every image"),
        (
            {"constants": ["gan", "original"]},
            "trained on GAN images and on original, it predicts one class for every image",
        ),
        ({"degenerate": "no interval"}, "no interval"),
        ({"trial": True, "images": 1, "constants": ["gan"]}, TRIAL),
    ],
)
def test_what_carries_no_verdict(change, doubt):
    assert find_doubt(**SOUND | change) == doubt


@pytest.mark.parametrize(
    ("low", "high", "p", "found"),
    [
        (0.001, 0.02, 0.04, None),
        (-0.02, -0.001, 0.04, None),
        (-0.01, 0.01, 0.4, None),
        (0.001, 0.02, 0.06, "finds no difference (p = 0.06) where the interval finds one"),
        (-0.02, -0.001, 0.06, "finds no difference (p = 0.06) where the interval finds one"),
        (-0.001, 0.02, 0.04, "finds a difference (p = 0.04) where the interval finds none"),
    ],
)
def test_the_interval_and_the_exact_test_must_agree(low, high, p, found):
    disagreement = check_agreement(low, high, p, 0.95)
    assert disagreement == (found and f"McNemar's exact test {found}")


def test_a_p_value_is_judged_by_the_coverage_of_the_interval():
    assert check_agreement(0.001, 0.02, 0.04, 0.99) is not None
    assert check_agreement(0.001, 0.02, 0.06, 0.9) is None


def test_draws_that_all_differ_by_the_same_have_no_interval():
    assert "all 3 draws find the same difference" in check_spread(np.array([0.1, 0.1, 0.1]))
    assert check_spread(np.array([0.3 - 0.2, 0.1])), "rounding is no spread"
    assert check_spread(np.array([0.1, 0.1, 0.11])) is None
    assert check_spread(np.zeros(3)) is None, "no difference at all is none that can be detected"


def test_every_arm_has_a_title_of_its_own():
    assert list(ARM_TITLES) == list(ARMS)
    assert len(set(ARM_TITLES.values())) == len(ARMS)
