import json

import numpy as np
import pytest

from gan_aug.errors import UserError
from gan_aug.images import PseudoLabels
from gan_aug.reporting.folders import Run, find_run, list_runs
from gan_aug.settings.run import RunConfig, resolve_config


def test_a_run_is_unfinished_again_while_it_is_made_again(tmp_path):
    run = Run.open(tmp_path, "mine", RunConfig())
    (run.path / "comparison.json").write_text("old")
    assert Run.open(tmp_path, "mine", RunConfig()).path == run.path
    with pytest.raises(UserError, match="expected a finished run"):
        run.read_comparison()


def test_a_run_goes_on_under_the_same_settings_only(tmp_path):
    config = RunConfig()
    Run.open(tmp_path, "mine", config)
    Run.open(tmp_path, "mine", config)
    with pytest.raises(UserError, match="choose another --name"):
        Run.open(tmp_path, "mine", resolve_config("quick", {"seed": 5}))
    assert Run(tmp_path / "runs" / "mine").read_config() == config


@pytest.mark.parametrize("name", ["", "..", "../other", "a/b", ".hidden", "a b"])
def test_a_run_name_is_no_path(tmp_path, name):
    with pytest.raises(UserError, match="expected letters"):
        Run.open(tmp_path, name, RunConfig())
    assert list(tmp_path.iterdir()) == []


def test_runs_are_listed_and_found(tmp_path):
    assert list_runs(tmp_path) == []
    run = Run.open(tmp_path, "mine", RunConfig())
    [summary] = list_runs(tmp_path)
    assert (summary.name, summary.config, summary.comparison) == ("mine", RunConfig(), None)
    assert find_run(tmp_path, "mine") == run
    with pytest.raises(UserError, match=r"\(mine\), found 'other'"):
        find_run(tmp_path, "other")
    with pytest.raises(UserError, match="expected a finished run"):
        run.read_comparison()


@pytest.mark.parametrize("file", ["config.json", "comparison.json"])
@pytest.mark.parametrize("content", ["", '{"unknown": 1}', "\0\xff"])
def test_a_run_of_another_version_is_left_out_of_the_list(tmp_path, caplog, file, content):
    for name in ("broken", "whole"):
        Run.open(tmp_path, name, RunConfig())
    (tmp_path / "runs" / "broken" / file).write_text(content, encoding="latin1")
    assert [summary.name for summary in list_runs(tmp_path)] == ["whole"]
    assert f"broken/{file}: expected what this version of gan-aug writes" in caplog.text
    with pytest.raises(UserError, match=f"{file}: expected what this version"):
        run = find_run(tmp_path, "broken")
        run.read_config()
        run.read_comparison()


def test_synthetic_file_holds_the_accepted_images_only(tmp_path):
    rng = np.random.default_rng(0)
    pseudo = PseudoLabels(
        rng.integers(0, 256, (9, 28, 28)).astype(np.uint8),
        rng.dirichlet(np.ones(10), 9).astype(np.float32),
        (np.arange(9) % 2).astype(np.uint8),
    )
    Run(tmp_path).write_synthetic(pseudo)
    with np.load(tmp_path / "synthetic.npz") as file:
        np.testing.assert_array_equal(file["images"], pseudo.images[::2])
        np.testing.assert_array_equal(file["labels"], pseudo.labels[::2])
        np.testing.assert_array_equal(file["confidence"], pseudo.confidence[::2])
        assert file["images"].dtype == np.uint8


def test_a_report_can_carry_its_pictures(tmp_path):
    run = Run(tmp_path)
    run.write_figure("comparison", b"PNG")
    run.write_report("![Differences](comparison.png) and [a link](other.txt)\n")
    assert run.read_report() == "![Differences](comparison.png) and [a link](other.txt)\n"
    embedded = run.read_report_with_pictures()
    assert embedded == "![Differences](data:image/png;base64,UE5H) and [a link](other.txt)\n"


def test_pictures_beyond_the_limit_are_named_and_not_carried(tmp_path):
    run = Run(tmp_path)
    for name in ("small", "large", "last"):
        run.write_figure(name, b"PNG" * (100 if name == "large" else 1))
    run.write_report("![Small](small.png) ![Large](large.png) ![Last](last.png)")
    assert run.read_report_with_pictures(limit=10) == (
        "![Small](data:image/png;base64,UE5H) *Large: in report.html.* "
        "![Last](data:image/png;base64,UE5H)"
    )


def test_samples_and_curves_are_carried_before_other_pictures(tmp_path):
    run = Run(tmp_path)
    for name in ("extremes", "training"):
        run.write_figure(name, b"PNG")
    run.write_report("![Extremes](extremes.png) ![Training](training.png)")
    assert run.read_report_with_pictures(limit=4) == (
        "*Extremes: in report.html.* ![Training](data:image/png;base64,UE5H)"
    )


def test_config_on_disk_is_plain_json(tmp_path):
    run = Run.open(tmp_path, "mine", RunConfig())
    written = json.loads((run.path / "config.json").read_text())
    assert written["dcgan"]["architecture"] == "compact"
