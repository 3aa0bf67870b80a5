"""What the documentation says is what the code does."""

import re
import runpy
from pathlib import Path

import pandas as pd
import pytest

from gan_aug.settings.flags import flatten
from gan_aug.settings.run import RunConfig

ROOT = Path(__file__).parent.parent
README_RESULTS = re.compile(r"<!-- results -->.*<!-- /results -->", re.DOTALL)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def test_the_settings_page_is_up_to_date():
    render = runpy.run_path(str(ROOT / "docs" / "render_settings.py"))["render_settings"]
    assert (ROOT / "docs" / "settings.md").read_text() == render(), "run `make docs`"


def test_the_settings_page_gives_the_datasets_default_as_the_command_has_it():
    page = (ROOT / "docs" / "settings.md").read_text()
    [row] = re.findall(r"(?m)^\| `--dataset` \|.*$", page)
    assert row.endswith(" | `auto`" * 4 + " |")


def test_the_readmes_numbers_are_those_that_were_measured():
    render = runpy.run_path(str(ROOT / "docs" / "render_readme.py"))["render_readme"]
    assert (ROOT / "README.md").read_text() == render(), "run `make docs`"


def test_the_readmes_results_are_means_of_the_references_rows():
    rows = pd.read_csv(ROOT / "artifacts" / "reference" / "comparison.csv")
    means = rows[rows["split"] == "test"].groupby(["classifier", "budget", "arm"])
    readme = (ROOT / "README.md").read_text()
    table = re.findall(r"(?m)^\|.*\|$", README_RESULTS.search(readme)[0])
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table]
    arms = cells[0][4:]
    for classifier, labels, draws, original, *differences in cells[2:]:
        key = (classifier.lower(), int(labels.replace(",", "")))
        assert f"{means['accuracy'].mean()[(*key, 'original')]:.2%}" == original
        assert means["seed"].nunique()[(*key, "original")] == int(draws)
        for arm, difference in zip(arms, differences, strict=True):
            if difference:
                mean = 100 * means["difference"].mean()[(*key, arm)]
                assert difference.replace("*", "").startswith(f"{mean:+.2f} (")


def test_the_reference_study_is_small_and_whole():
    folder = ROOT / "artifacts" / "reference"
    files = {path.name for path in folder.iterdir()}
    assert {"report.html", "report.md", "comparison.csv", "study.json", "config.json"} <= files
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3 * 2**20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    missing = [target for target in targets if "://" not in target and not (ROOT / target).exists()]
    assert not missing


def test_flags_in_the_readme_exist():
    settings = {f"--{name}".replace("_", "-") for name in flatten(RunConfig().model_dump())}
    command = {"--preset", "--name", "--artifacts", "--dry-run", "--json", "--help"}
    command |= {"--budgets", "--draws", "--host", "--port"}
    command |= {"--auth-file", "--database-file", "--notify-file"}
    command |= {
        "--side",
        "--workers",
        "--dask",
        "--store",
        "--index",
        "--part",
        "--by",
        "--leave-one-out",
    }
    of_others = {"--pool", "--limit", "--type", "--steps", "--rounds"}
    named = set(re.findall(r"(?<![\w-])--[a-z][\w.-]*[\w]", (ROOT / "README.md").read_text()))
    assert named <= settings | command | of_others
