import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from gan_aug.evaluation.anomaly import Separation
from gan_aug.evaluation.comparison import PairedDifference
from gan_aug.evaluation.study import summarize_study
from gan_aug.images import Decision, PseudoLabels
from gan_aug.reporting.confusion import Confusions, draw_matrix, pick_pairs, render_confusion
from gan_aug.reporting.figures import (
    ARM_STYLES,
    DETECTOR_STYLES,
    render_decisions,
    render_gains,
    render_reliability,
    render_separations,
)

DIGITS = tuple("0123456789")
MANY = tuple(f"class {number}" for number in range(47))


def colors(png):
    """Return the colours that a picture has."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return {color for _, color in picture.getcolors(picture.width * picture.height)}


def near(wanted, png):
    """Whether a picture has the colour, or what is left of it after saving few."""
    target = np.array([int(wanted[i : i + 2], 16) for i in (1, 3, 5)])
    return min(np.abs(np.array(color) - target).sum() for color in colors(png)) < 30


def read(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def make_pseudo(classes, decision):
    """One sure image of every class, all with the same decision."""
    probabilities = np.eye(classes, dtype=np.float32)
    images = np.zeros((classes, 16, 16), np.uint8)
    return PseudoLabels(images, probabilities, np.full(classes, decision, np.uint8))


@pytest.mark.parametrize("classes", [("cat", "dog"), DIGITS, MANY])
@pytest.mark.parametrize(
    ("decision", "color"),
    [
        (Decision.ACCEPTED, "#0072b2"),
        (Decision.DISAGREEMENT, "#cc79a7"),
        (Decision.LOW_CONFIDENCE, "#d55e00"),
    ],
)
def test_only_decisions_that_occurred_are_drawn(classes, decision, color):
    png = render_decisions(make_pseudo(len(classes), decision), classes)
    assert near(color, png)
    assert not near("#e69f00", png)


def test_a_row_of_confusion_matrices_for_each_classifier():
    matrices = Confusions(np.diag([40] * 10) + 1, np.diag([50] * 10))
    one, two = (
        read(render_confusion(dict.fromkeys(titles, matrices), "gan", DIGITS))
        for titles in (["CNN"], ["CNN", "B"])
    )
    assert two.shape == (2 * one.shape[0], one.shape[1])


@pytest.mark.parametrize(("classes", "counts"), [(2, 2), (12, 12), (13, 0), (20, 0)])
def test_counts_are_in_the_cells_of_a_few_classes_only(classes, counts):
    axes = Figure().subplots()
    matrix = np.diag([50] * classes)
    draw_matrix(axes, matrix, matrix, "Oranges", (0, 1))
    assert len(axes.texts) == counts


def test_of_many_classes_the_most_confused_pairs_are_drawn():
    before, after = np.diag([50] * 47), np.diag([50] * 47)
    before[3, 5] = after[7, 2] = 9
    after[3, 5] = 2
    pair = Confusions(before, after)
    assert pick_pairs(pair) == [(3, 5), (7, 2)]
    png = render_confusion({"CNN": pair}, "gan", MANY)
    assert all(near(ARM_STYLES[arm][0], png) for arm in ("original", "gan"))


def test_the_pairs_of_a_thousand_classes_are_few():
    matrix = np.ones((1000, 1000), dtype=int)
    assert len(pick_pairs(Confusions(matrix, matrix))) == 15


def test_a_classifier_without_errors_has_no_pairs():
    perfect = Confusions(np.eye(47, dtype=int), np.eye(47, dtype=int))
    assert pick_pairs(perfect) == []
    assert render_confusion({"CNN": perfect}, "gan", MANY)


def test_a_dollar_in_a_class_name_is_no_mathematics():
    names = ("a$b$", "$x_$", "\\frac{$")
    assert render_decisions(make_pseudo(3, Decision.ACCEPTED), names)


def test_every_arm_has_a_look_of_its_own():
    assert len(set(ARM_STYLES.values())) == len(ARM_STYLES)
    assert ARM_STYLES["original"] == ("#000000", "o")
    assert ARM_STYLES["repeat"] == ("#999999", "X")


def test_reliability_curves_have_the_colour_of_their_arm_everywhere(make_score):
    calibration = make_score().calibration
    for arm, (color, _) in ARM_STYLES.items():
        png = render_reliability({"CNN, test": {arm: calibration}})
        assert near(color, png)
        other = "#0072b2" if arm == "gan" else "#d55e00"
        assert not near(other, png)


def test_gains_are_those_of_the_arms_that_were_compared(make_score):
    better = PairedDifference(
        difference=0.05, low=0.04, high=0.06, mcnemar_p=0.01, gained=9, lost=1
    )
    scores = [
        make_score(split="test", arm=arm, budget=budget, differences=differences)
        for arm, differences in (("original", {}), ("gan", {"original": better}))
        for budget in (100, 1000)
    ]
    png = render_gains(summarize_study(scores, [], confidence_level=0.95))
    assert near(ARM_STYLES["gan"][0], png)
    assert not near(ARM_STYLES["shift"][0], png)


def test_every_detector_has_its_colour_whether_classes_were_left_out_or_not():
    foreign, left_out = (
        [
            Separation(
                kind=kind,
                detector=detector,
                images=9,
                auroc=0.8,
                low=0.7,
                high=0.9,
                average_precision=0.8,
            )
            for kind in kinds
            for detector in DETECTOR_STYLES
        ]
        for kinds in (["noise", "inverted"], [f"class {name}" for name in MANY])
    )
    for panels in ({"foreign": foreign}, {"foreign": foreign, "left out": left_out}):
        png = render_separations(panels)
        assert all(near(color, png) for color, *_ in DETECTOR_STYLES.values())
