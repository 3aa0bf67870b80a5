import io

import numpy as np
import pytest
from PIL import Image

from gan_aug.evaluation.anomaly import Separation
from gan_aug.images import Decision, PseudoLabels
from gan_aug.reporting.figures import (
    ARM_STYLES,
    DETECTOR_STYLES,
    render_confusion,
    render_decisions,
    render_reliability,
    render_separations,
)


def colors(png):
    """Return the colours that a picture has."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return {color for _, color in picture.getcolors(picture.width * picture.height)}


def near(wanted, png):
    """Whether a picture has the colour, or what is left of it after saving few."""
    target = np.array([int(wanted[i : i + 2], 16) for i in (1, 3, 5)])
    return min(np.abs(np.array(color) - target).sum() for color in colors(png)) < 30


@pytest.mark.parametrize(
    ("decision", "color"), [(Decision.ACCEPTED, "#0072b2"), (Decision.LOW_CONFIDENCE, "#d55e00")]
)
def test_only_decisions_that_occurred_are_drawn(decision, color):
    probabilities = np.eye(10, dtype=np.float32)
    images = np.zeros((10, 28, 28), np.uint8)
    pseudo = PseudoLabels(images, probabilities, np.full(10, decision, np.uint8))
    assert near(color, render_decisions(pseudo))
    assert not near("#e69f00", render_decisions(pseudo))


def test_a_row_of_confusion_matrices_for_each_classifier():
    perfect, some = np.diag([50] * 10), np.diag([40] * 10) + 1
    one = Image.open(io.BytesIO(render_confusion({"CNN": (some, perfect)}, "gan")))
    two = Image.open(
        io.BytesIO(render_confusion({"CNN": (some, perfect), "B": (some, some)}, "gan"))
    )
    assert two.width == one.width
    assert two.height == 2 * one.height


def test_reliability_curves_have_the_colour_of_their_arm_everywhere(make_score):
    calibration = make_score().calibration
    for arm, (color, _) in ARM_STYLES.items():
        png = render_reliability({"CNN, test": {arm: calibration}})
        assert near(color, png)
        other = "#0072b2" if arm == "gan" else "#d55e00"
        assert not near(other, png)


def test_every_detector_has_its_colour_whether_digits_were_left_out_or_not():
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
        for kinds in (["noise", "inverted"], ["digit 3"])
    )
    for panels in ({"foreign": foreign}, {"foreign": foreign, "left out": left_out}):
        png = render_separations(panels)
        assert all(near(color, png) for color, *_ in DETECTOR_STYLES.values())
