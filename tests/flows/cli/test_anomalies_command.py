"""`gan-aug anomalies` before its flow; the flow is tested in tests/flows/test_anomalies.py."""

import pytest

from gan_aug import device
from gan_aug.errors import UserError
from gan_aug.reporting.folders import Run
from gan_aug.settings.presets import resolve_config


@pytest.fixture
def prepared(monkeypatch):
    """Collect what is asked of the device; end the command there."""
    asked = []

    def refuse(*settings):
        asked.append(settings)
        raise UserError("enough")

    monkeypatch.setattr(device, "select_compute", refuse)
    return asked


def test_the_device_is_prepared_as_the_run_was_trained(call, artifacts, prepared):
    settings = {"dataset": "digits", "device": "cpu", "precision": "float32"}
    Run.open(artifacts, "on-the-cpu", resolve_config("smoke", settings))
    code, _, err = call("anomalies", "on-the-cpu")
    starting, message = err.splitlines()
    assert "starting TensorFlow and Prefect" in starting
    assert (code, message) == (2, "gan-aug: enough")
    assert prepared == [("cpu", "float32")]


def test_for_a_file_the_device_is_prepared_by_default(call, prepared, tmp_path):
    call("anomalies", str(tmp_path / "discriminator.keras"), "--dataset", "digits")
    assert prepared == [("auto", "auto")]


def test_a_folder_that_is_no_run_is_one_line_and_code_2(call, artifacts, prepared):
    (artifacts / "runs" / "empty").mkdir(parents=True)
    code, out, err = call("anomalies", "empty")
    assert (code, out) == (2, "")
    assert err.startswith("gan-aug: run: expected one of the runs in ")
    assert prepared == []
