"""docs/python.md and examples/: their code runs, and does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def run(code, folder):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )


def test_the_page_runs_from_top_to_bottom(tmp_path):
    code = "\n".join(BLOCK.findall((ROOT / "docs" / "python.md").read_text()))
    printed = run(code, tmp_path).stdout
    assert "With 85 labels" in printed
    assert "report.html" in printed
    assert "30 images to label" in printed
    assert "[60 40 25] becomes [60 60 60]" in printed
    assert "y: expected 537 labels, one for each image of X, found 536" in printed
    assert (tmp_path / "digits-run" / "report.md").is_file()
    assert (tmp_path / "cache" / "dcgan").is_dir()


def test_the_script_prints_two_reports(tmp_path):
    script = ROOT / "examples" / "rare_digit.py"
    assert sum(line.strip() != "" for line in script.read_text().splitlines()[2:]) <= 15
    assert run(script.read_text(), tmp_path).stdout.count("macro avg") == 2


@pytest.mark.slow
def test_the_notebook_runs_and_shows_its_result(tmp_path):
    notebook = nbformat.read(ROOT / "examples" / "augment.ipynb", as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
    shown = [
        output.data["text/html"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    ]
    assert any("data:image/png;base64," in html and "labels" in html for html in shown)
