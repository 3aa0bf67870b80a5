"""`gan-aug study` as users meet it: what it prints, and how it fails."""

from typing import get_args

import pytest

from gan_aug.arms import STUDY_ARMS
from gan_aug.settings.flags import to_study_flags
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import ArmName
from gan_aug.settings.study import StudyConfig


def test_a_study_ends_with_means_verdict_and_path(call, artifacts, tiny_flags):
    words = tiny_flags(name="grid", arms="gan")
    code, out, _ = call("study", "--budgets", "50", "--budgets", "60", "--draws", "1", *words)
    assert code == 0
    lines = out.rstrip().splitlines()
    assert lines[-1] == str(artifacts / "studies" / "grid")
    assert lines[0].split()[:4] == ["model", "labels", "arm", "draws"]
    assert len([line for line in lines if line.startswith(("CNN", "LightGBM"))]) == 8
    assert any(line.startswith("What augmentation does can't be told") for line in lines)


def test_the_flags_in_a_studys_report_resolve_to_its_settings(call):
    arms = list(get_args(ArmName))
    run = resolve_config("chapter", {"dataset": "digits", "labels": "auto", "arms": arms})
    config = StudyConfig(budgets=(50, "all"), draws=(2, 1), run=run)
    code, out, _ = call("study", *to_study_flags(config), "--dry-run")
    assert code == 0
    assert StudyConfig.model_validate_json(out) == config


def test_a_study_compares_the_arms_that_balanced_labels_tell_apart_whatever_the_preset(call):
    code, out, _ = call("study", "--preset", "chapter", "--dry-run")
    assert code == 0
    run = resolve_config("chapter", {"dataset": "auto", "labels": "auto", "arms": STUDY_ARMS})
    assert StudyConfig.model_validate_json(out) == StudyConfig(run=run)


@pytest.mark.parametrize("labels", ["50", "all"])
def test_labels_are_refused_with_what_to_write_instead(call, labels):
    code, out, err = call("study", "--labels", labels)
    assert (code, out) == (2, "")
    assert err == (
        f"gan-aug: labels: expected --budgets for a study, found --labels {labels}; write "
        f"--budgets {labels}\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budgets", "5"], "labels: expected 10 (one a class) to"),
        (["--draws", "1", "--draws", "2", "--draws", "3"], "expected one number, or one for each"),
        (["--budgets", "100000"], "found 100000"),
        (["--arms", "magic"], "arms"),
        (["--workers", "2", "--dask", "tcp://here:1"], "expected --workers or --dask, found both"),
    ],
)
def test_an_impossible_study_is_one_line_and_code_2(call, artifacts, tiny_flags, words, message):
    code, out, err = call("study", *tiny_flags(name="none"), *words)
    assert (code, out) == (2, "")
    [line] = [line for line in err.splitlines() if line.startswith("gan-aug: ")]
    assert message in line
    assert not (artifacts / "studies" / "none").exists()
