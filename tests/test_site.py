"""docs/ as a site: it is built without a warning, and read without a network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import gan_aug

ROOT = Path(__file__).parent.parent
LOADED = re.compile(r"<(?:script|img|iframe)[^>]*\ssrc=\"([^\"]+)|<link[^>]*\shref=\"([^\"]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site; links that lead nowhere are errors."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_of_docs_is_in_the_site(site):
    sources = [page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")]
    missing = [page for page in sources if not (site / page.with_suffix(".html")).exists()]
    assert not missing
    assert "Install and run" in (site / "index.html").read_text()


def test_public_names_are_in_the_reference(site):
    reference = (site / "api.html").read_text()
    assert all(f'id="gan_aug.{name}"' in reference for name in gan_aug.__all__)


def test_nothing_is_loaded_from_elsewhere(site):
    found = [one for page in site.rglob("*.html") for one in LOADED.findall(page.read_text())]
    assert found
    assert not [url for pair in found for url in pair if url.startswith(("http:", "https:", "//"))]


def test_what_pages_say_is_found(site):
    assert "pseudo-labels.trust" in (site / "search" / "search_index.json").read_text()
