"""Small studies on real digits through the real flow."""

import csv
import logging
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from published import told_first
from tiny import TINY_STUDY

from gan_aug.arms import ARMS
from gan_aug.classifiers.cnn import CNN
from gan_aug.classifiers.lightgbm import LIGHTGBM
from gan_aug.errors import UserError
from gan_aug.flows.study import study

ARM_NAMES = ("original", "gan", "real_pool", "gan+real_pool")
CONFIG = TINY_STUDY.model_copy(
    update={"run": TINY_STUDY.run.model_copy(update={"arms": ARM_NAMES})}
)


class Page(HTMLParser):
    """Notes what a page refers to."""

    def __init__(self, html):
        super().__init__()
        self.sources, self.links, self.alternatives, self.tables = [], [], [], 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        noted = self.links if tag == "a" else self.sources
        noted += [attributes[name] for name in ("src", "href") if name in attributes]
        self.tables += tag == "table"
        if tag == "img":
            self.alternatives.append(attributes.get("alt"))


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="module")
def folder(artifacts):
    return study(CONFIG, name="tiny", artifacts=str(artifacts))


def test_every_cell_has_a_row_for_each_split(folder, digits):
    with (folder.path / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    cells = {
        tuple(row[name] for name in ("budget", "seed", "arm", "classifier", "split"))
        for row in rows
    }
    arms = {"50": ARM_NAMES, str(len(digits.train)): ("original", "gan")}
    draws = {"50": "01", str(len(digits.train)): "0"}
    assert cells == {
        (budget, seed, arm, classifier, split)
        for budget, names in arms.items()
        for seed in draws[budget]
        for arm in names
        for classifier in ("cnn", "lightgbm")
        for split in ("validation", "test")
    }
    assert len(rows) == len(cells)


def test_the_dcgan_is_trained_once_a_draw(folder, artifacts):
    assert len(list((artifacts / "store" / "dcgan").glob("*/manifest.json"))) == 2


def test_the_report_leads_with_the_verdict_and_the_page_needs_nothing_else(folder):
    result = folder.read_study()
    assert result.failures == []
    assert told_first(folder.read_report()) == result.verdict
    page = Page((folder.path / "report.html").read_text())
    assert page.tables >= 3
    assert page.sources
    assert all(source.startswith("data:") for source in page.sources)
    files = {unquote(link) for link in page.links if not link.startswith("#")}
    assert {"comparison.csv", "study.json"} <= files
    assert all((folder.path / file).is_file() for file in files)
    assert all(page.alternatives)


def test_what_synthetic_images_add_beyond_real_ones_is_everywhere_both_arms_are(folder):
    """Fifty labels leave a pool; all of them leave none."""
    result = folder.read_study()
    beyond = [cell for cell in result.summaries if cell.versus_others]
    assert {(c.budget, c.arm, *c.versus_others) for c in beyond} == {
        (50, "gan+real_pool", "real_pool")
    }
    accuracies = {
        (s.classifier, s.arm, s.budget, s.seed, s.split): s.accuracy for s in result.scores
    }
    for cell in beyond:
        apart = [
            accuracies[cell.classifier, cell.arm, 50, seed, cell.split]
            - accuracies[cell.classifier, "real_pool", 50, seed, cell.split]
            for seed in (0, 1)
        ]
        found = cell.versus_others["real_pool"]
        assert found.difference == pytest.approx(sum(apart) / 2)
        assert found.draws == 2
    assert "What synthetic images add beyond real ones, on test images" in folder.read_report()
    with (folder.path / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["arm"] for row in rows if row["minus_real_pool"]} == {"gan+real_pool"}


def test_again_nothing_is_trained(folder, artifacts, caplog):
    caplog.set_level(logging.INFO, logger="gan_aug.flows")
    before = folder.read_study()
    again = study(CONFIG, name="tiny", artifacts=str(artifacts))
    assert again.read_study() == before
    assert ": cached" in caplog.text
    assert ": done in" not in caplog.text


def test_a_failed_cell_is_told_the_rest_goes_on_and_only_it_is_tried_again(
    artifacts, monkeypatch, caplog
):
    caplog.set_level(logging.INFO, logger="gan_aug.flows")
    config = CONFIG.model_copy(update={"budgets": (60,), "draws": (1,)})
    build = ARMS["gan"].build

    def fail(material):
        raise RuntimeError("out of luck")

    monkeypatch.setitem(vars(ARMS["gan"]), "build", fail)
    broken = study(config, name="broken", artifacts=str(artifacts))
    result = broken.read_study()
    assert {(f.classifier, f.arm) for f in result.failures} == {("cnn", "gan"), ("lightgbm", "gan")}
    assert all("out of luck" in failure.message for failure in result.failures)
    assert {s.arm for s in result.scores} == {"original", "real_pool", "gan+real_pool"}
    assert "Failed cells: 2." in broken.read_report()

    monkeypatch.setitem(vars(ARMS["gan"]), "build", build)
    caplog.clear()
    mended = study(config, name="broken", artifacts=str(artifacts)).read_study()
    assert mended.failures == []
    assert {s.arm for s in mended.scores} == set(ARM_NAMES)
    done = [line for line in caplog.messages if ": done in" in line]
    assert done
    assert all("gan" in line or "comparison" in line for line in done)


def test_a_study_of_which_nothing_is_left_says_why(artifacts, monkeypatch):
    def fail(*arguments, **named):
        raise RuntimeError("out of luck")

    monkeypatch.setitem(vars(LIGHTGBM), "train", fail)
    run = CONFIG.run.model_copy(update={"classifiers": ("lightgbm",)})
    config = CONFIG.model_copy(update={"budgets": (70,), "draws": (1,), "run": run})
    folder = study(config, name="nothing", artifacts=str(artifacts))
    result = folder.read_study()
    assert result.scores == []
    assert {failure.message for failure in result.failures} == {"RuntimeError: out of luck"}
    assert "out of luck" in folder.read_report()


def test_only_the_classifiers_that_were_asked_for_are_compared(artifacts):
    run = CONFIG.run.model_copy(update={"classifiers": ("lightgbm",)})
    config = CONFIG.model_copy(update={"budgets": (50,), "draws": (1,), "run": run})
    result = study(config, name="trees", artifacts=str(artifacts)).read_study()
    assert {score.classifier for score in result.scores} == {"lightgbm"}


def test_an_impossible_budget_is_refused_before_any_training(artifacts, monkeypatch):
    def never(*arguments, **named):
        raise AssertionError("trained")

    monkeypatch.setitem(vars(CNN), "train", never)
    config = CONFIG.model_copy(update={"budgets": (50, 100_000), "draws": (1,)})
    with pytest.raises(UserError, match="found 100000"):
        study(config, name="never", artifacts=str(artifacts))
    assert not (artifacts / "studies" / "never").exists()
