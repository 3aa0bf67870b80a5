"""`gan-aug run` as users meet it: what it prints, and how it fails."""

import gzip
import json
import os
import pickle
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from prefect.settings import PREFECT_API_URL, temporary_settings

from gan_aug.device import select_compute
from gan_aug.flows.cli import main
from gan_aug.settings.flags import to_flags
from gan_aug.settings.presets import PRESETS, resolve_config
from gan_aug.settings.run import RunConfig


def test_a_run_ends_with_table_verdict_and_path(tiny_run, artifacts):
    code, out, err = tiny_run
    assert code == 0
    lines = out.rstrip().splitlines()
    assert lines[-1] == str(artifacts / "runs" / "tiny")
    assert lines[0].split() == [
        "model",
        "arm",
        "split",
        "accuracy",
        "balanced",
        "F1",
        "loss",
        "minus",
        "original",
        "p",
    ]
    assert len([line for line in lines if line.startswith(("CNN", "LightGBM"))]) == 8
    assert any(
        line.startswith("With 100 labels, what augmentation does can't be told:") for line in lines
    )
    starting, trial, *_ = err.splitlines()
    assert "starting TensorFlow and Prefect" in starting
    assert "this is a trial, too brief for its numbers" in trial
    assert f"networks train on CPU in {select_compute('cpu').dtype_policy}" in err
    assert "DCGAN: step 2 of 2" in " ".join(err.split())


def test_every_stage_has_one_line(tiny_run):
    words = " ".join(tiny_run[2].split())
    for stage in ("labels", "CNN, original", "LightGBM, gan", "pseudo-labels, synthetic"):
        assert words.count(f"INFO {stage}: ") == 1


def test_json_leaves_stdout_to_json(call, tiny_flags, tiny_run):
    code, out, err = call("run", *tiny_flags(name="tiny"), "--json")
    assert code == 0
    comparison = json.loads(out)
    assert len(comparison["scores"]) == 8
    assert comparison["verdict"] in err
    assert "CNN, gan: cached" in err


def test_dry_run_prints_the_resolved_settings_and_leaves_nothing(call, artifacts):
    before = sorted(artifacts.rglob("*"))
    code, out, _ = call("run", "--preset", "chapter", "--dcgan.steps", "7", "--dry-run")
    assert code == 0
    expected = resolve_config("chapter", {"dataset": "auto", "dcgan": {"steps": 7}})
    assert RunConfig.model_validate_json(out) == expected
    assert sorted(artifacts.rglob("*")) == before


@pytest.mark.parametrize(
    ("flag", "enabled"),
    [
        ("--quality.enabled", True),
        ("--quality.enabled=True", True),
        ("--quality.enabled=False", False),
        ("--quality.no-enabled", False),
    ],
)
def test_a_switch_is_turned_on_and_off(call, flag, enabled):
    _, out, _ = call("run", flag, "--dry-run")
    assert RunConfig.model_validate_json(out).quality.enabled is enabled


@pytest.mark.parametrize("preset", PRESETS)
def test_the_flags_in_the_report_resolve_to_the_settings_of_the_run(call, preset):
    arms = ["original", "shift", "real_pool"]
    changes = {
        "dataset": "digits",
        "arms": arms,
        "quality": {"enabled": True, "judge": {"updates": 7}},
    }
    config = resolve_config(preset, changes)
    _, out, _ = call("run", *to_flags(config), "--dry-run")
    assert RunConfig.model_validate_json(out) == config


def test_every_setting_is_a_flag_in_the_help(read_help):
    def flags(model, prefix="--"):
        for name, field in model.model_fields.items():
            if hasattr(field.annotation, "model_fields"):
                yield from flags(field.annotation, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}".replace("_", "-")

    out = read_help("run", page="--help-all")
    missing = [flag for flag in flags(RunConfig) if flag not in out]
    assert not missing


def wrong_npz(folder):
    np.savez(folder / "foreign.npz", a=np.zeros(1))
    return folder / "foreign.npz"


def truncated_npz(folder):
    path = folder / "truncated.npz"
    np.savez(path, x_train=np.zeros((9, 28, 28), np.uint8))
    path.write_bytes(path.read_bytes()[:2000])
    return path


def executable_pickle(folder):
    path = folder / "mnist.pkl.gz"
    with gzip.open(path, "wb") as file:
        pickle.dump(os.getcwd, file)
    return path


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("nope", "3", "--nope"),
        ("preset", "huge", "Choose from: "),
        ("arms", "nothing", "arms"),
        ("device", "tpu", "device: input should be 'auto', 'cpu' or 'gpu', found 'tpu'"),
        ("labels", "9", "labels"),
        ("dcgan.steps", "0", "dcgan.steps: input should be greater than or equal to 1, found '0'"),
        ("dcgan.steps", "many", "valid integer"),
        (
            "dcgan.minibatch-discrimination",
            "5",
            "by minibatch discrimination, found 0.1; set --dcgan.gradient-penalty 0",
        ),
        ("dcgan.architecture", "paper", "batch normalization of the architecture paper, found 0.1"),
        ("pseudo-labels.confidence-threshold", "2", "less than or equal to 1"),
        ("labels", "1251", "found 1251"),
        ("dataset", "/nowhere.npz", "found nothing there"),
        ("dataset", wrong_npz, "found a"),
        ("dataset", truncated_npz, "truncated"),
        ("dataset", executable_pickle, "refused, nothing was run"),
        ("pseudo-labels.confidence-threshold", "1", "found none"),
        ("name", "../up", "expected letters"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    call, artifacts, tmp_path, tiny_flags, flag, value, message
):
    given = str(value(tmp_path)) if callable(value) else value
    code, out, err = call("run", *tiny_flags(**{flag: given}))
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    [line] = [line for line in err.splitlines() if line.startswith("gan-aug: ")]
    assert message in line
    assert not list(artifacts.rglob("*.partial"))


def test_a_name_taken_by_other_settings_is_refused(call, tiny_flags, tiny_run):
    code, _, err = call("run", *tiny_flags(name="tiny", seed="9"))
    assert code == 2
    assert "choose another --name" in err


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU")
def test_gpu_without_a_gpu_is_an_error(call, tiny_flags):
    code, _, err = call("run", *tiny_flags(device="gpu"))
    assert code == 2
    assert "expected a GPU that TensorFlow can use, found none" in err


@pytest.mark.parametrize("artifacts_is", ["a file", "in /proc"])
def test_an_unwritable_folder_is_one_line_and_code_2(capsys, tmp_path, tiny_flags, artifacts_is):
    folder = (
        Path("/proc/gan-aug") if artifacts_is == "in /proc" else tmp_path / "file" / "artifacts"
    )
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SystemExit) as stop:
        main(["run", *tiny_flags(), "--artifacts", str(folder)])
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert "expected to read or write there" in err
    assert "Traceback" not in err


def test_a_full_disk_is_one_line_and_code_2_and_nothing_half_written(capsys, tmp_path, tiny_flags):
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(SystemExit) as stop:
            main(["run", *tiny_flags(), "--artifacts", str(tmp_path)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert "File too large" in err
    assert "Traceback" not in err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.gpu
@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="TensorFlow sees no GPU")
def test_a_run_on_the_gpu_says_so(tmp_path, tiny_flags):
    """In a process of its own: this one has hidden its GPUs."""
    command = [sys.executable, "-c", "from gan_aug.flows.cli import main; main()", "run"]
    words = [*tiny_flags(device="gpu"), "--name", "gpu", "--artifacts", str(tmp_path)]
    subprocess.run([*command, *words], check=True)
    environment = json.loads((tmp_path / "runs" / "gpu" / "environment.json").read_text())
    assert environment["device"]["kind"] == "gpu"
    assert environment["device"]["precision"] == "mixed_bfloat16"


def test_a_server_that_does_not_answer_is_one_line_and_code_2(call, tiny_flags):
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        code, out, err = call("run", *tiny_flags())
    assert code == 2
    assert out == ""
    assert "expected a Prefect server at http://127.0.0.1:9/api, found: Failed to reach" in err


@pytest.mark.slow
def test_ctrl_c_exits_130_and_the_same_command_goes_on(tmp_path, tiny_flags):
    command = [
        sys.executable,
        *("-c", "from gan_aug.flows.cli import main; main()", "run"),
        *tiny_flags(**{"dcgan.steps": "400", "dcgan.interval": "40"}),
        *("--artifacts", str(tmp_path)),
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as interrupted:
        seen = ""
        for line in interrupted.stderr:
            seen += line
            if "DCGAN: step 80" in line:
                # To the whole group, server included, as a terminal does.
                os.killpg(interrupted.pid, signal.SIGINT)
                break
        seen += interrupted.stderr.read()
    assert interrupted.returncode == 130
    assert "Traceback" not in seen
    assert "interrupted; run the same command again" in seen
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "DCGAN: resumed at step" in again.stderr
    assert "CNN, shift: cached" in again.stderr
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]


def test_quiet_leaves_the_result_and_warnings(call, tiny_run, tiny_flags):
    _, expected, _ = tiny_run
    code, out, err = call("run", *tiny_flags(name="tiny"), "--quiet")
    assert (code, out) == (0, expected)
    assert "WARNING" in err
    assert "INFO" not in err


def test_verbose_tells_what_each_stage_is_made_of_and_where_it_is(
    call, artifacts, tiny_run, tiny_flags
):
    _, expected, _ = tiny_run
    code, out, err = call("run", *tiny_flags(name="tiny"), "-v")
    assert (code, out) == (0, expected)
    told = "".join(err.split())  # a narrow terminal breaks paths
    assert re.search(r"DEBUGDCGAN:keydcgan/[0-9a-f]{16},madeofdataset/[0-9a-f]{16}", told)
    assert f"DCGAN:foundin{artifacts}/store/dcgan/" in told
    assert "memoryatthepeakofastage,about:DCGAN" in told
