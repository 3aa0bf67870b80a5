"""The page of the fault matrix is that of what was tried."""

import shutil
from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks.faults import (
    Group,
    Row,
    list_groups,
    measure,
    read_groups,
    render_groups,
    replace,
)
from benchmarks.results import Machine, Stamp

ROOT = Path(__file__).parent.parent.parent


def make_group(name, *, commit="a" * 40, survived=2):
    row = Row(part="Kills", what=f"kill {name}", promise="it goes on", tried=3, survived=survived)
    return Group(
        name=name,
        machine=Machine(cpu_model="A CPU", cores=2, cpu_flags=[], memory_gib=1.0),
        stamp=Stamp(commit=commit, date="2026-11-27", versions={}),
        rows=[row],
    )


def test_what_is_tried_again_takes_the_place_of_what_was_found_before():
    groups = [make_group("kills"), make_group("parts")]
    again = make_group("kills", survived=3)
    assert replace(groups, again) == [again, groups[1]]
    assert replace([], again) == [again]


def test_the_page_has_the_rows_of_a_part_together_and_each_groups_commit():
    page = render_groups([make_group("kills"), make_group("parts", commit="b" * 40)])
    assert "| kill kills | it goes on | 3 | 2 |\n| kill parts | it goes on | 3 | 2 |\n" in page
    assert "| `kills` | 2026-11-27 | `aaaaaaa` | A CPU, 2 cores |" in page
    assert "| `parts` | 2026-11-27 | `bbbbbbb` | A CPU, 2 cores |" in page


def test_what_is_no_part_of_the_matrix_is_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"found \['nonsense'\]"):
        measure("parts", "nonsense", root=tmp_path)


def test_a_part_that_did_not_run_replaces_nothing(tmp_path, monkeypatch):
    shutil.copy(faults.TESTS / "conftest.py", tmp_path)
    monkeypatch.setattr(faults, "TESTS", tmp_path)
    (tmp_path / "test_broken.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(SystemExit, match="broken: expected faults to be tried"):
        measure("broken", root=tmp_path)
    assert not (tmp_path / "artifacts").exists()


@pytest.fixture
def committed():
    return read_groups(ROOT)


def test_the_committed_page_is_that_of_the_committed_numbers(committed):
    assert (ROOT / "docs" / "reliability.md").read_text() == render_groups(committed)


def test_the_committed_page_has_all_of_the_matrix(committed):
    assert [group.name for group in committed] == list_groups()
    assert all(group.rows for group in committed)
