"""`gan-aug compare` as users meet it."""

import json
import shutil

import pytest


@pytest.fixture(scope="module")
def other_run(make_run, tiny_run):
    """The run ``other``, which differs from ``tiny`` in how LightGBM is trained."""
    return make_run("other", **{"lightgbm.rounds": "3"})


def test_runs_are_put_side_by_side(call, other_run):
    code, out, _ = call("compare", "tiny", "other")
    assert code == 0
    lines = out.splitlines()
    assert lines[:2] == ["1  tiny", "2  other"]
    [setting] = [line.split() for line in lines if line.startswith("--")]
    assert setting == ["--lightgbm.rounds", "2", "3"]
    rows = [line.split() for line in lines if line.startswith(("CNN ", "LightGBM "))]
    assert len(rows) == 8
    for model, _arm, _split, first, second, *difference in rows:
        assert (first == second) or model == "LightGBM"
        assert difference[0].startswith(("+", "-"))
    assert "percentage points of accuracy on the same images" in out


def test_json_has_every_difference(call, other_run):
    code, out, _ = call("compare", "tiny", "other", "--json")
    found = json.loads(out)
    assert (code, found["runs"], found["notes"]) == (0, ["tiny", "other"], [])
    assert {len(score["differences"]) for score in found["scores"]} == {1}


def test_runs_on_other_images_say_why_they_are_not_paired(call, artifacts, tiny_run):
    elsewhere = artifacts / "runs" / "elsewhere"
    shutil.copytree(artifacts / "runs" / "tiny", elsewhere)
    environment = json.loads((elsewhere / "environment.json").read_text())
    environment["dataset"]["sha256"]["validation images"] = "0" * 64
    (elsewhere / "environment.json").write_text(json.dumps(environment))
    code, out, _ = call("compare", "tiny", "elsewhere")
    shutil.rmtree(elsewhere)
    assert code == 0
    assert "tiny and elsewhere can't be paired: their validation images are not the same" in out
    assert "test images" not in out


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], "expected the names of two runs or more, found 0"),
        (["tiny"], "expected the names of two runs or more, found 1"),
        (["tiny", "tin"], "expected different runs, found tiny, tiny"),
        (["tiny", "gone"], "found 'gone'"),
    ],
)
def test_what_can_t_be_compared_is_one_line_and_code_2(call, tiny_run, runs, expected):
    code, out, err = call("compare", *runs)
    assert (code, out) == (2, "")
    assert expected in err
    assert len(err.splitlines()) == 1
