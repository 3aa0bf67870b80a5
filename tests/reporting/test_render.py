import re
from datetime import UTC, datetime

import numpy as np
import pytest

from gan_aug.evaluation.calibration import TeacherCalibration
from gan_aug.evaluation.comparison import ClassDifference, Comparison, PairedDifference
from gan_aug.pseudo_labels import accept_images
from gan_aug.reporting.page import render_page
from gan_aug.reporting.render import (
    RunFacts,
    Shown,
    StageTime,
    Surroundings,
    render_report,
    show_duration,
)
from gan_aug.reporting.tables import summarize_pseudo_labels
from gan_aug.settings.pseudo_labels import PseudoLabelConfig
from gan_aug.settings.run import RunConfig

PAIRED = PairedDifference(
    difference=0.0179, low=0.0121, high=0.024, mcnemar_p=1e-5, gained=30, lost=9
)

MADE = datetime(2026, 11, 27, 21, 44, tzinfo=UTC)

# Of the last class no image is right, and the others are perfect but for one guess each.
CONFUSION = np.diag([9] * 9 + [0]).tolist()
CONFUSION[9] = [1] * 9 + [0]


@pytest.fixture
def comparison(make_score):
    scores = [
        make_score(
            classifier="lightgbm",
            arm=arm,
            n_train=n_train,
            accuracy=0.91,
            confusion=CONFUSION,
            differences=differences,
        )
        for arm, n_train, differences in (
            ("original", 1000, {}),
            ("gan", 11_000, {"original": PAIRED}),
        )
    ]
    return Comparison(verdict="It helps.", confidence_level=0.95, scores=scores)


@pytest.fixture
def pseudo():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.1), 50).astype(np.float32)
    images = rng.integers(1, 256, (50, 28, 28)).astype(np.uint8)
    config = PseudoLabelConfig(confidence_threshold=0.7, per_class=1)
    return accept_images(images, probabilities, **config.acceptance)


@pytest.fixture
def render(comparison, pseudo, make_score):
    calibration = make_score().calibration
    teacher = TeacherCalibration(
        networks=3,
        temperature=1.25,
        accuracy=0.97,
        balanced_accuracy=0.94,
        macro_f1=0.93,
        before=calibration,
        after=calibration,
    )

    def render(
        notice=None,
        quality=None,
        pictures=("confusion", "comparison"),
        reused=True,
        note=None,
        rare=(),
        verdict="It helps.",
        **dataset,
    ):
        scores = [
            score.model_copy(update={"rare_classes": rare if score.versus_original else ()})
            for score in comparison.scores
        ]
        environment = {
            "dataset": {
                "name": "mnist",
                "sha256": {"x_train": "12ab"},
                "verified_mnist": True,
                "notice": notice,
                "images": {"train": 50_000},
                "shape": [28, 28, 1],
                "classes": list("0123456789"),
                **dataset,
            },
            "device": {"name": "CPU", "precision": "float32", "reproducibility": note},
            "versions": {"keras": "3"},
            "python": "3.12",
            "platform": "Linux",
            "cpu": {"model": "", "cores": 2},
            "git_commit": None,
        }
        return render_report(
            "mine",
            RunConfig(),
            comparison.model_copy(update={"scores": scores, "verdict": verdict}),
            RunFacts(summarize_pseudo_labels(pseudo), teacher, "CNN", {}, quality),
            Surroundings(
                environment,
                [StageTime("DCGAN", 192.34, MADE, reused=reused)],
                {name: [Shown(f"{name}.svg")] for name in pictures},
                ["comparison.csv", "cnn-gan+shift.keras"],
            ),
        )

    return render


def test_how_the_data_were_read_and_how_many_images_each_class_has_is_told(render):
    counts = {part: [9, *[2] * 9] for part in ("train", "validation", "test")}
    report = render(
        notes=["pixels of x_train run from 0 to 255"],
        class_counts=counts,
        images={"train": 27, "unlabeled": 5000},
    )
    assert "train run from 0 to 255 |" in report
    assert "| train | 9 | 2 |" in report
    assert "4.5 times the training images of the smallest" in report
    assert "10 classes, 5,000 unlabeled images" in report
    assert "5,000 training images have no label" in report


def test_the_head_tells_of_data_date_time_and_verdict_before_any_number(render):
    title, _, facts, _, verdict, *_ = render().splitlines()
    assert title == "# GAN augmentation of `mnist` with 1,000 labels"
    assert facts.endswith(". Computed on 27 November 2026 in 3 min 12 s, on CPU.")
    assert verdict == "**It helps.**"


def test_a_verdict_of_several_sentences_leads_with_the_first(render, comparison):
    verdict = "It helps in 1 of 2 comparisons. It hurts LightGBM (p = 0.1). All in points."
    sentences = render(verdict=verdict).split("**", 1)[1].split("\n\n")[:3]
    assert sentences == [
        "It helps in 1 of 2 comparisons.**",
        "It hurts LightGBM (p = 0.1).",
        "All in points.",
    ]


def test_quality_is_told_beside_its_floor(render, make_quality):
    report = render(quality=make_quality(12.5, 2.5))
    assert "Fréchet distance 12.5, 5.0 times the 2.5 of" in report
    assert "| Fréchet distance | 12.50 | 2.50 | less |" in report
    assert "| coverage: real images with a synthetic neighbour | 0.600 | 0.600 | more |" in report
    assert "40 synthetic images (0.40%) are closer to a training image than 3.21" in report
    assert "99.52% on the validation images; weights abcdef012345" in report
    assert "How good are the synthetic images" not in render()


def test_a_change_of_data_is_said_before_any_number(render):
    report = render(notice="These are digits, not MNIST")
    assert report.index("These are digits") < report.index("|")


def test_every_table_is_whole(render):
    """A table has a blank line before it and the same number of cells in every row."""
    blocks = [block for block in render().split("\n\n") if block.startswith("|")]
    assert len(blocks) == 8
    assert "<table>" not in render()
    for block in blocks:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(cells) == 1, block


def test_numbers_are_readable(render):
    report = render()
    row = "| LightGBM | GAN images | 11,000 | validation | 91.00% | 90.00% | 85.26% | 0.3000 |"
    assert f"{row} +1.79 | +1.21 to +2.40 | 1e-05 |" in report
    assert "| LightGBM | validation | 91.00% | **+1.79** (+1.21 to +2.40) |" in report
    assert "gan-aug run --dataset mnist" in report


def test_a_stage_says_when_it_was_computed_and_whether_before_this_run(render):
    stage = "| DCGAN | 3 min 12 s | 2026-11-27 21:44 |"
    assert f"{stage} reused |" in render()
    assert f"{stage} computed |" in render(reused=False)


def test_files_beside_the_report_are_linked(render):
    links = "[comparison.csv](comparison.csv), [cnn-gan+shift.keras](cnn-gan%2Bshift.keras)."
    assert links in render()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(1.52, "1.5 s"), (59.97, "1 min 0 s"), (192.3, "3 min 12 s"), (7500, "2 h 05 min")],
)
def test_times_are_told_in_hours_minutes_and_seconds(seconds, shown):
    assert show_duration(seconds) == shown


def test_what_an_arm_has_beyond_another_is_told_where_both_are_there(render, comparison):
    heading = "### What synthetic images add beyond real ones"
    assert heading not in render()
    both = {"original": PAIRED, "real_pool": PAIRED.model_copy(update={"difference": -0.002})}
    more = comparison.scores[1].model_copy(update={"arm": "gan+real_pool", "differences": both})
    comparison.scores.append(more)
    report = render()
    assert heading in report
    names = "GAN and pseudo-labeled real images | pseudo-labeled real images"
    row = f"| LightGBM | {names} | validation | -0.20 | +1.21 to +2.40 | 1e-05 |"
    assert f"|\n{row}\n\nThe same teacher labeled" in report


def test_the_recall_of_rare_classes_is_shown_where_there_are_any(render):
    assert "Recall by class" not in render()
    rare = ClassDifference(
        name="a|b", labeled=5, images=1020, recall=0.75, difference=0.125, low=-0.01, high=0.26
    )
    report = render(rare=(rare,))
    assert "### Recall by class" in report
    assert "| class | labeled images | split | held-out images | LightGBM, GAN images |\n" in report
    row = r"| a\|b | 5 | validation | 1,020 | 75.0% (+12.5, -1.0 to +26.0) |"
    assert f"|\n{row}\n\n" in report


def test_every_image_is_counted_once_with_what_became_of_it(pseudo):
    counts = summarize_pseudo_labels(pseudo)
    assert counts.offered == len(pseudo.images) == 50
    assert set(counts.per_class) == {
        "generated",
        "accepted",
        "rejected: confidence below the threshold",
        "rejected: class already full",
    }
    assert sum(counts.per_class["accepted"]) == counts.accepted
    generated, *fates = counts.per_class.values()
    np.testing.assert_array_equal(generated, np.sum(fates, axis=0))


def test_only_pictures_that_are_there_are_shown(render):
    assert "](confusion.svg)" in render()
    assert "](confusion.svg)" not in render(pictures=())


def test_the_teacher_is_told_with_its_temperature(render):
    report = render()
    assert "The teacher, 3 CNNs at temperature 1.25, names 97.00%" in report
    assert "(balanced accuracy 94.00%, macro F1 93.00%)" in report
    assert "expected calibration error there is 0.0500, and was 0.0500 before" in report


def test_the_source_of_the_numbers_is_told(render):
    report = render()
    assert "| SHA-256 of `x_train` | `12ab` |" in report
    assert "| keras | 3 |" in report


def test_shape_and_classes_are_told(render):
    report = render()
    assert (
        "| data | `mnist`, shape 28x28x1, 10 classes, verified byte for byte as MNIST |" in report
    )
    assert "| classes | 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 |" in report


def test_names_are_no_markup(render):
    names = ["a|b", "*bold*", "`code`", "[x](y)", "<b>", "_i_", "snake_case", "\\", "8", "9"]
    report = render(name="my `data`|*x*", classes=names)
    page = render_page(report, "mine", {})
    for name in names:
        shown = name.replace("<", "&lt;").replace(">", "&gt;")
        assert re.search(rf'<th style="text-align:right"[^>]*>{re.escape(shown)}</th>', page)
    assert "<code>my `data`|*x*</code>" in page
    assert "snake_case" in report


def test_a_note_on_reproducibility_is_told_where_there_is_one(render):
    note = "Trainings differ in their last digits."
    assert note not in render()
    assert f"\n{note}\n" in render(note=note)
