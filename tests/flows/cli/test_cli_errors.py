"""How errors are put into words."""

import errno
import socket

import pytest
from pydantic import ValidationError

from gan_aug.errors import UserError
from gan_aug.flows.cli.errors import phrase
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig


def refuse(model, values):
    with pytest.raises(ValidationError) as refusal:
        model.model_validate(values)
    return refusal.value


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (OSError("boom"), "boom"),
        (OSError(), "OSError"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name not known"), "Name not known"),
    ],
)
def test_an_error_without_a_file_blames_no_folder(error, found):
    assert phrase(error) == f"a read, a write or a connection failed: {found}"


def test_an_error_with_a_file_names_it():
    with pytest.raises(OSError, match="nowhere") as refusal, open("/nowhere/file"):  # noqa: PTH123
        pass
    assert phrase(refusal.value) == (
        "/nowhere/file: expected to read or write there, found: No such file or directory"
    )


@pytest.mark.parametrize(
    ("model", "values", "line"),
    [
        (
            RunConfig,
            {"dcgan": {"steps": 0}},
            "dcgan.steps: input should be greater than or equal to 1, found 0",
        ),
        (
            RunConfig,
            {"device": "tpu"},
            "device: input should be 'auto', 'cpu' or 'gpu', found 'tpu'",
        ),
        (
            RunConfig,
            {"pseudo_labels": {"calibration_folds": 1}},
            "pseudo-labels.calibration-folds: expected 0 for no calibration, or at least 2, "
            "found 1",
        ),
        (
            StudyConfig,
            {"draws": (1, 2, 3)},
            "draws: expected one number, or one for each of 2 budgets, found 3",
        ),
        (
            RunConfig,
            {"dcgan": {"steps": 0, "interval": 0}},
            "dcgan.steps: input should be greater than or equal to 1, found 0; "
            "dcgan.interval: input should be greater than or equal to 1, found 0",
        ),
    ],
)
def test_a_wrong_setting_is_named_as_its_flag(model, values, line):
    assert phrase(refuse(model, values)) == line


@pytest.mark.parametrize(
    ("model", "values", "field"),
    [
        (RunConfig, {"labels": "some"}, "labels"),
        (RunConfig, {"arms": ["gan", "magic"]}, "arms.1"),
        (StudyConfig, {"budgets": [1]}, "budgets.0"),
    ],
)
def test_the_members_of_a_union_are_alternatives(model, values, field):
    line = phrase(refuse(model, values))
    assert line.startswith(f"{field}: input should be ")
    assert ", found " in line
    assert ";" not in line
    assert "literal" not in line


def test_a_user_error_keeps_its_own_words():
    error = UserError("config.json: expected other settings")
    error.__cause__ = refuse(RunConfig, {"device": "tpu"})
    assert phrase(error) == "config.json: expected other settings"
