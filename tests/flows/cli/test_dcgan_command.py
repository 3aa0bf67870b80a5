"""`gan-aug dcgan` as users meet it; its whole flow is tested in tests/flows/test_dcgan_flow.py."""

import pytest

from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.presets import resolve_pictures_config


@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_dry_run_prints_the_settings_of_the_preset_with_the_changes(call, preset):
    words = ["./photos", "--preset", preset, "--side", "32", "--dcgan.steps", "7", "--dry-run"]
    code, out, _ = call("dcgan", *words)
    assert code == 0
    changes = {"source": "./photos", "side": 32, "dcgan": {"steps": 7}}
    assert PicturesConfig.model_validate_json(out) == resolve_pictures_config(preset, changes)


def test_an_impossible_side_is_one_line_and_code_2(call):
    code, out, err = call("dcgan", "./photos", "--side", "30")
    assert (code, out) == (2, "")
    assert err == "gan-aug: side: input should be a multiple of 4, found '30'\n"
