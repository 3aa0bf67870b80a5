"""`gan-aug runs` and `gan-aug show` as users meet them."""

import json

import pytest

from gan_aug.flows.cli import main


def test_runs_lists_and_show_prints(call, artifacts, tiny_run):
    code, out, _ = call("runs")
    assert code == 0
    [line] = [line for line in out.splitlines() if line.startswith("tiny ")]
    assert "CNN gan " in line
    assert "LightGBM gan " in line
    summaries = {summary["name"]: summary for summary in json.loads(call("runs", "--json")[1])}
    assert summaries["tiny"]["comparison"]["verdict"].startswith("With 100 labels")
    code, out, _ = call("show", "tiny")
    assert code == 0
    assert "With 100 labels" in out
    assert out.rstrip().splitlines()[-1] == str(artifacts / "runs" / "tiny")
    code, out, _ = call("show", "tiny", "--json")
    assert json.loads(out)["verdict"].startswith("With 100 labels")


def test_no_runs_are_no_error(capsys, tmp_path):
    with pytest.raises(SystemExit, match="0"):
        main(["runs", "--artifacts", str(tmp_path)])
    assert capsys.readouterr().out == f"no runs in {tmp_path}\n"


def test_a_run_that_is_not_there_is_one_line_and_code_2(call):
    code, out, err = call("show", "gone")
    assert (code, out) == (2, "")
    assert err.startswith("gan-aug: run: expected one of the runs in ")
    assert err.endswith("found 'gone'\n")
