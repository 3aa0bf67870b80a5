import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from gan_aug.evaluation.anomaly import Separation
from gan_aug.evaluation.comparison import PairedDifference
from gan_aug.evaluation.study import summarize_study
from gan_aug.evaluation.titles import ARM_TITLES
from gan_aug.images import Decision, PseudoLabels
from gan_aug.reporting.colors import INK, PAPER
from gan_aug.reporting.confusion import Confusions, draw_matrix, pick_pairs, render_confusion
from gan_aug.reporting.figures import (
    ARM_STYLES,
    DECISION_STYLES,
    DETECTOR_STYLES,
    SPLIT_STYLES,
    render_decisions,
    render_gains,
    render_reliability,
    render_separations,
    render_trainings,
    to_svg,
)

DIGITS = tuple("0123456789")
MANY = tuple(f"class {number}" for number in range(47))


def draw(panels):
    """Return the text of charts."""
    charts = [to_svg(panel.content) for panel in panels]
    for chart in charts:
        assert ElementTree.fromstring(chart).get("class") == "chart", "whole by itself, too"
    return "".join(charts)


def contrast(one, other):
    """Of two colours, as WCAG has it."""
    channels = (np.array([int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)]) for c in (one, other))
    linear = (np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in channels)
    darker, lighter = sorted(c @ [0.2126, 0.7152, 0.0722] for c in linear)
    return (lighter + 0.05) / (darker + 0.05)


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
    svg = draw(render_decisions(make_pseudo(len(classes), decision), classes))
    assert color in svg
    assert DECISION_STYLES[Decision.SMALL_MARGIN][1] not in svg


def test_three_confusion_matrices_for_each_classifier():
    matrices = Confusions(np.diag([40] * 10) + 1, np.diag([50] * 10))
    panels = render_confusion(dict.fromkeys(["CNN", "B"], matrices), "gan", DIGITS)
    assert [panel.title for panel in panels] == [
        f"{name}, {shown}"
        for name in ("CNN", "B")
        for shown in ("original", "GAN images", "difference")
    ]


@pytest.mark.parametrize(("classes", "counts"), [(2, 2), (12, 12), (13, 0), (20, 0)])
def test_counts_are_in_the_cells_of_a_few_classes_only(classes, counts):
    axes = Figure().subplots()
    matrix = np.diag([50] * classes)
    draw_matrix(axes, matrix, matrix, 1)
    assert len(axes.texts) == counts


def test_of_many_classes_the_most_confused_pairs_are_drawn():
    before, after = np.diag([50] * 47), np.diag([50] * 47)
    before[3, 5] = after[7, 2] = 9
    after[3, 5] = 2
    pair = Confusions(before, after)
    assert pick_pairs(pair) == [(3, 5), (7, 2)]
    svg = draw(render_confusion({"CNN": pair}, "gan", MANY))
    assert "class 3 → class 5" in svg
    assert ARM_STYLES["gan"][0] in svg


def test_the_pairs_of_a_thousand_classes_are_few():
    matrix = np.ones((1000, 1000), dtype=int)
    assert len(pick_pairs(Confusions(matrix, matrix))) == 15


def test_a_classifier_without_errors_has_no_pairs():
    perfect = Confusions(np.eye(47, dtype=int), np.eye(47, dtype=int))
    assert pick_pairs(perfect) == []
    assert render_confusion({"CNN": perfect}, "gan", MANY)


def test_a_dollar_in_a_class_name_is_no_mathematics():
    names = ("a$b$", "$x_$", "\\frac{$")
    svg = draw(render_decisions(make_pseudo(3, Decision.ACCEPTED), names))
    assert all(f">{name}<" in svg for name in names)


def test_a_name_is_no_markup_in_a_chart():
    names = ("<script>", "--><b>", "&lt;")
    svg = draw(render_decisions(make_pseudo(3, Decision.ACCEPTED), names))
    assert "<script" not in svg
    assert "<b>" not in svg
    texts = [
        text.text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert set(names) <= set(texts)


def test_a_chart_is_the_same_text_each_time_and_takes_its_colours_from_the_page():
    first, again = (
        draw(render_decisions(make_pseudo(10, Decision.ACCEPTED), DIGITS)) for _ in range(2)
    )
    assert first == again
    assert "#000000" not in first
    assert "prefers-color-scheme:dark" in first
    assert "fill: #ffffff" not in first


@pytest.mark.parametrize("paper", PAPER.values())
def test_everything_drawn_stands_out_on_light_and_on_dark_paper(paper):
    styles = [*ARM_STYLES.values(), *DETECTOR_STYLES.values(), *SPLIT_STYLES.values()]
    drawn = {style[0] for style in styles} | {color for _, color in DECISION_STYLES.values()}
    assert min(contrast(color, paper) for color in drawn - {"#000000"}) >= 3
    ink = INK["light" if paper == PAPER["light"] else "dark"]
    assert contrast(ink, paper) >= 7


def test_every_arm_has_a_look_of_its_own():
    assert len(set(ARM_STYLES.values())) == len(ARM_STYLES)
    assert ARM_STYLES["original"] == ("#000000", "o")
    assert ARM_STYLES["repeat"] == ("#808080", "X")


def test_reliability_curves_have_the_colour_of_their_arm_everywhere(make_score):
    calibration = make_score().calibration
    for arm, (color, _) in ARM_STYLES.items():
        svg = draw(render_reliability({"CNN, test": {ARM_TITLES[arm]: calibration}}))
        assert color.replace("#000000", "currentColor") in svg
        other = "#0072b2" if arm == "gan" else "#d55e00"
        assert other not in svg


def test_gains_are_those_of_the_arms_that_were_compared(make_score):
    better = PairedDifference(
        difference=0.05, low=0.04, high=0.06, mcnemar_p=0.01, gained=9, lost=1
    )
    scores = [
        make_score(split="test", arm=arm, budget=budget, differences=differences)
        for arm, differences in (("original", {}), ("gan", {"original": better}))
        for budget in (100, 1000)
    ]
    svg = draw(render_gains(summarize_study(scores, [], confidence_level=0.95)))
    assert ARM_STYLES["gan"][0] in svg
    assert ARM_STYLES["shift"][0] not in svg


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
        svg = draw(render_separations(panels))
        assert {color for color, *_ in DETECTOR_STYLES.values()} - {"#000000"} <= set(
            re.findall("#[0-9a-f]{6}", svg)
        )


def test_a_classifier_that_learned_has_a_line_for_each_training_set():
    curve = {1: {"loss": 2.3}, 100: {"loss": 0.2}, 50: {"loss": 0.9}}
    [panel] = render_trainings({"CNN": {"original": curve, "gan": curve}})
    lines = panel.content.axes[0].get_lines()
    assert panel.title == "CNN"
    assert [line.get_label() for line in lines] == ["original", "GAN images"]
    assert [list(line.get_xdata()) for line in lines] == [[1, 50, 100]] * 2
    assert list(lines[0].get_ydata()) == [2.3, 0.9, 0.2]
