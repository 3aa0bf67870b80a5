"""Tables, verdicts and pictures as they are printed."""

import io
from types import SimpleNamespace

import pytest
from PIL import Image

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.evaluation.comparison import Comparison, PairedDifference
from gan_aug.evaluation.verdict import Difference
from gan_aug.flows.cli import terminal

FOREIGN = [("noise", "logit", 0.5), ("noise", "other", 0.75), ("turned [90]", "logit", 1.0)]

SHARES = ["accuracy", "balanced", "F1"]
PAIRED = PairedDifference(
    difference=-0.2087, low=-0.2196, high=-0.1975, mcnemar_p=1.2e-105, gained=3, lost=2000
)


@pytest.fixture
def shown(monkeypatch):
    """Return what is printed on stdout, as on a terminal of 120 columns."""
    shown = io.StringIO()
    monkeypatch.setattr(terminal, "OUT", terminal.Console(file=shown, width=120))
    return shown


def print_table(table, shown):
    terminal.OUT.print(table)
    return [line.split() for line in shown.getvalue().splitlines()]


def test_a_study_is_shown_by_its_means_on_test_images(shown):
    cell = SimpleNamespace(
        classifier="cnn",
        budget=1000,
        arm="original",
        split="test",
        draws=5,
        accuracy=0.9375,
        balanced_accuracy=0.875,
        macro_f1=0.75,
    )
    original = SimpleNamespace(**vars(cell), versus_original=None)
    found = Difference(difference=0.01, low=-0.005, high=0.025)
    gan = SimpleNamespace(**vars(cell) | {"arm": "gan"}, versus_original=found)
    hidden = SimpleNamespace(**vars(original) | {"split": "validation"})
    study = SimpleNamespace(summaries=[original, gan, hidden])
    title, shares = CLASSIFIERS["cnn"].title, ["93.75%", "87.50%", "75.00%"]
    assert print_table(terminal.tabulate_study(study), shown) == [
        ["model", "labels", "arm", "draws", *SHARES, "minus", "original"],
        [title, "1,000", "original", "5", *shares],
        [title, "1,000", "gan", "5", *shares, "+1.00", "[-0.50,", "+2.50]"],
    ]


def test_what_arms_have_beyond_others_is_a_table_of_its_own(shown, make_score):
    plain = make_score(arm="real_pool", differences={"original": PAIRED})
    assert terminal.tabulate_contrasts([plain]) == []
    both = {"original": PAIRED, "real_pool": PAIRED}
    [table] = terminal.tabulate_contrasts(
        [plain, make_score(arm="gan+real_pool", differences=both)]
    )
    assert print_table(table, shown) == [
        ["model", "labels", "arm", "minus", "split", "points"],
        [
            CLASSIFIERS["cnn"].title,
            "1,000",
            "gan+real_pool",
            "real_pool",
            "validation",
            "-20.87",
            "[-21.96,",
            "-19.75]",
        ],
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_a_wide_table_is_cut_nowhere_and_has_at_most_100_columns(shown, make_score, width):
    score = make_score(
        classifier="lightgbm", arm="synthetic_only", differences={"original": PAIRED}
    )
    comparison = Comparison(verdict="It hurts.", confidence_level=0.95, scores=[score])
    terminal.print_whole(
        terminal.tabulate_comparison(comparison),
        terminal.Console(file=shown, soft_wrap=True, width=width),
    )
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    heads, row = (line.split() for line in lines[:2])
    assert heads == ["model", "arm", "split", *SHARES, "loss", "minus", "original", "p"]
    assert row[:7] == [
        "LightGBM",
        "synthetic_only",
        "validation",
        "90.00%",
        "91.00%",
        "91.00%",
        "0.300",
    ]
    assert row[7:] == ["-20.87", "[-21.96,", "-19.75]", "1.2e-105"]


def test_foreign_images_have_a_row_for_each_kind_and_a_column_for_each_detector(shown):
    separations = [
        SimpleNamespace(kind=kind, detector=detector, auroc=auroc)
        for kind, detector, auroc in FOREIGN
    ]
    assert print_table(terminal.tabulate_separations(separations), shown) == [
        ["AUROC", "logit", "other"],
        ["noise", "0.500", "0.750"],
        ["turned", "[90]", "1.000"],
    ]


def test_a_failed_cell_is_one_line_on_stderr(capsys):
    failures = [
        SimpleNamespace(budget=50, seed=2, classifier="cnn", arm="gan", message="it\ndiverged"),
        SimpleNamespace(budget="all", seed=0, classifier=None, arm=None, message="no memory"),
    ]
    terminal.print_failures(failures)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        f"gan-aug: failed: 50 labels, seed 2, {CLASSIFIERS['cnn'].title}, gan: it diverged",
        "gan-aug: failed: all labels, seed 0, all classifiers, all arms: no memory",
    ]


def test_a_terminal_shows_a_picture_in_half_blocks(monkeypatch, digits):
    shown = io.StringIO()
    monkeypatch.setattr(
        terminal, "OUT", terminal.Console(file=shown, force_terminal=True, width=80)
    )
    picture = io.BytesIO()
    Image.fromarray(digits.train.images[0]).save(picture, format="png")
    terminal.draw(picture.getvalue())
    assert shown.getvalue().count("▄") == 28 * 14


def test_a_picture_that_is_too_wide_or_has_no_terminal_is_not_drawn(shown, monkeypatch):
    picture = io.BytesIO()
    Image.new("RGB", (90, 4)).save(picture, format="png")
    terminal.draw(picture.getvalue())
    assert shown.getvalue() == ""
    narrow = terminal.Console(file=shown, force_terminal=True, width=80)
    monkeypatch.setattr(terminal, "OUT", narrow)
    terminal.draw(picture.getvalue())
    assert shown.getvalue() == ""
