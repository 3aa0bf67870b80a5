"""A report's page in a real browser, without a network."""

import pytest

from gan_aug.arms import ARMS
from gan_aug.evaluation.calibration import TeacherCalibration
from gan_aug.evaluation.comparison import PairedDifference
from gan_aug.evaluation.study import Failure, summarize_study
from gan_aug.reporting.figures import render_learning_curves
from gan_aug.reporting.folders import Study
from gan_aug.reporting.galleries import render_grid
from gan_aug.reporting.render import RunFacts, StageTime, render_study_report
from gan_aug.reporting.tables import PseudoLabelCounts
from gan_aug.settings.study import StudyConfig

PICTURES = [
    "training",
    "gan_history",
    "neighbors",
    *(f"{name}-100" for name in ("confusion", "changes", "reliability", "decisions", "extremes")),
]

DIFFERENCE = PairedDifference(difference=0.01, low=0.0, high=0.1, mcnemar_p=0.1, gained=3, lost=1)


@pytest.fixture(scope="module")
def address(tmp_path_factory, digits, make_score):
    """The page of a study of all arms, with a failed cell."""
    scores = [
        make_score(
            budget=budget,
            seed=seed,
            arm=arm,
            classifier=classifier,
            split=split,
            accuracy=0.9 + budget / 20_000 + seed / 1000,
            differences={} if arm == "original" else {"original": DIFFERENCE},
        )
        for budget in (100, 1000)
        for seed in (0, 1)
        for arm in ARMS
        for classifier in ("cnn", "lightgbm")
        for split in ("validation", "test")
    ]
    failure = Failure(budget=100, seed=1, classifier=None, arm=None, message="<b>a | b</b>")
    result = summarize_study(scores, [failure], confidence_level=0.95)
    study = Study(tmp_path_factory.mktemp("study"))
    grid = render_grid(digits.train.images[:64])
    pictures = dict.fromkeys(PICTURES, grid) | {"learning_curves": render_learning_curves(result)}
    for name, picture in pictures.items():
        study.write_figure(name, picture)
    calibration = scores[0].calibration
    teacher = TeacherCalibration(
        networks=1,
        temperature=1.0,
        accuracy=0.9,
        balanced_accuracy=0.9,
        macro_f1=0.9,
        before=calibration,
        after=calibration,
    )
    counts = PseudoLabelCounts(
        offered=9, accepted=9, per_class={"generated": [1] * 10, "accepted": [1] * 10}
    )
    facts = RunFacts(counts, teacher, "CNN", trust={}, quality=None)
    environment = {
        "dataset": {
            "name": "digits",
            "sha256": {"x": "1" * 64},
            "notice": "Only digits.",
            "verified_mnist": False,
            "images": {"train": 100, "validation": 20, "test": 20},
            "shape": [28, 28, 1],
            "classes": [str(label) for label in range(10)],
        },
        "device": {"name": "CPU", "precision": "float32"},
        "cpu": {"model": "Some CPU", "cores": 2},
        "git_commit": None,
        "versions": {"gan-aug": "0.1.0"},
        "python": "3.12.0",
    }
    study.write_report(
        render_study_report(
            "tiny",
            StudyConfig(),
            result,
            {100: facts},
            environment=environment,
            stages=[StageTime("DCGAN", 1.0, cached=False)],
            pictures=pictures,
        )
    )
    return (study.path / "report.html").as_uri()


@pytest.fixture
def open_page(browser, address):
    """Open the page; whatever the browser complains of fails the test."""
    pages, complaints = [], []

    def open_page(width, **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, offline=True, **options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto(address)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_pictures_are_decoded_and_only_tables_scroll_sideways(open_page, width):
    page = open_page(width)
    pictures = page.eval_on_selector_all("img", "all => all.map(i => [i.naturalWidth, i.alt])")
    assert len(pictures) == len(PICTURES) + 1
    assert all(natural_width > 0 and alt for natural_width, alt in pictures)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("table").count() >= 4


def test_what_failed_is_text_and_not_markup(open_page):
    page = open_page(1280)
    assert page.get_by_role("cell", name="<b>a | b</b>").count() == 1
    assert page.locator("td b").count() == 0


def test_it_is_dark_where_that_is_preferred_and_white_on_paper(open_page):
    page = open_page(1280, color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(22, 22, 22)"
    page.emulate_media(media="print")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
