"""`gan-aug doctor` as users meet it."""

import json

import pytest

from gan_aug.flows.cli import main


def test_doctor_tells_what_a_run_will_use(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["doctor", "--device", "cpu"])
    assert "CPU, without XLA" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["doctor", "--device", "cpu", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert {"GPUs", "precision", "oneDNN", "CPU flags", "threads", "memory"} <= set(facts)
