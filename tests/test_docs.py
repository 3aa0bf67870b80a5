"""What the documentation says is what the code does."""

import importlib
import pkgutil
import re
import runpy
from pathlib import Path

import pandas as pd
import pytest

import benchmarks
from benchmarks.pages import render_pages
from gan_aug.flows.cli.app import app

ROOT = Path(__file__).parent.parent
REFERENCE = re.compile(r"<!-- reference -->.*<!-- /reference -->", re.DOTALL)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LONGEST_README = 900
FLAGS_OF_OTHERS = {
    *("--pool", "--limit", "--type"),  # prefect
    *("--strict", "--universal", "--stat"),  # mypy, uv, git
    *("--classes",),  # examples/hide_labels.py
}


def test_the_settings_page_is_up_to_date():
    render = runpy.run_path(str(ROOT / "docs" / "render_settings.py"))["render_settings"]
    assert (ROOT / "docs" / "settings.md").read_text() == render(), "run `make docs`"


def test_the_settings_page_gives_the_datasets_default_as_the_command_has_it():
    page = (ROOT / "docs" / "settings.md").read_text()
    [row] = re.findall(r"(?m)^\| `--dataset` \|.*$", page)
    assert row.endswith(" | `auto`" * 4 + " |")


@pytest.mark.parametrize("page", render_pages(), ids=lambda page: page.name)
def test_numbers_on_pages_are_those_that_were_measured(page):
    assert page.read_text() == render_pages()[page], "run `make docs`"


def test_the_readme_is_read_in_a_few_minutes():
    assert len((ROOT / "README.md").read_text().split()) <= LONGEST_README


def test_the_table_of_results_has_the_means_of_the_references_rows():
    rows = pd.read_csv(ROOT / "artifacts" / "reference" / "comparison.csv")
    means = rows[rows["split"] == "test"].groupby(["classifier", "budget", "arm"])
    page = (ROOT / "docs" / "results.md").read_text()
    table = re.findall(r"(?m)^\|.*\|$", REFERENCE.search(page)[0])
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    broken = [
        target
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
        if "://" not in target and not leads_somewhere(page, target)
    ]
    assert not broken


def leads_somewhere(page, target):
    """Whether there is the file, and in it the heading."""
    name, _, heading = target.partition("#")
    file = page.parent / name if name else page
    return file.exists() and (not heading or heading in list_anchors(file.read_text()))


def list_anchors(text):
    """Return how a page's headings are linked to."""
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def flags():
    """Every flag of the command and of the benchmarks."""
    modules = [name for _, name, _ in pkgutil.iter_modules(benchmarks.__path__, "benchmarks.")]
    loaded = [importlib.import_module(name) for name in modules if not name.endswith("__main__")]
    commands = [app[name] for name in app if not name.startswith("-")]
    commands += [module.app for module in loaded if hasattr(module, "app")]
    arguments = [one for command in commands for one in command.assemble_argument_collection()]
    named = {name for argument in arguments for name in argument.names}
    return named | {name for name in app if name.startswith("-")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_flags_on_pages_exist(page, flags):
    named = set(re.findall(r"(?<![\w-])--[a-z][\w.-]*[\w]", page.read_text()))
    assert named <= flags | FLAGS_OF_OTHERS


def list_commands():
    """Return the commands in blocks of all pages, and those that begin the row of a table."""
    text = "\n".join(page.read_text() for page in PAGES).replace("\\\n", " ")
    blocks = "".join(re.findall(r"(?ms)^```\w*\n(.*?)^```", text))
    found = re.findall(r"(?m)^(?:\$ )?gan-aug (.*?)(?:\s+#.*)?$", blocks)
    found += re.findall(r"(?m)^\| `gan-aug ([^`]+)` \|", text)
    return sorted({" ".join(words.split()) for words in found})


@pytest.mark.parametrize("words", list_commands())
def test_commands_on_pages_are_understood(words):
    app.parse_args(words, exit_on_error=False, print_error=False)
