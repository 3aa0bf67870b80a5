"""What the site has beside the pages of docs/: a hook of MkDocs.

Its start is the README, its API reference comes from docstrings, and files that pages link to
outside docs/ are in it too.
"""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import gan_aug

ROOT = Path(__file__).parent.parent
START = "index.md"
PAGES = {START: "README.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
REFERENCE = "artifacts/reference"
SERVER = "flows/server"
LINKED = (
    "LICENSE",
    f"{SERVER}/automations.yaml",
    f"{SERVER}/prefect.yaml",
    f"{REFERENCE}/report.html",
    f"{REFERENCE}/learning_curves.png",
    f"{REFERENCE}/samples.png",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and files that are outside docs/."""
    for uri, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, uri, content=text))
    files.append(File.generated(config, "api.md", content=list_names()))
    for name in LINKED:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Have links lead to where things are in the site."""
    if page.file.src_uri in PAGES:
        return markdown.replace("](docs/", "](")
    # A browser shows the report as the page that it is, a repository as text.
    markdown = markdown.replace(f"](../{REFERENCE}/report.md", f"](../{REFERENCE}/report.html")
    for name in (*LINKED, *PAGES.values()):
        markdown = markdown.replace(f"](../{name}", f"]({name}")
    return markdown


def list_names() -> str:
    """Return a page on which the docstrings of the public names are put."""
    names = "\n\n".join(f"::: gan_aug.{name}" for name in gan_aug.__all__)
    return f"# Python API\n\n{names}\n"
