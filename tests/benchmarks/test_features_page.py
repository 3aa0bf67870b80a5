"""By which features labels spread: what is measured, and the page."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import features
from benchmarks.features import FEATURES, Measurement, Networks, render_page, summarize
from benchmarks.workbench import Workbench
from gan_aug.gan.networks import build_discriminator
from gan_aug.settings.dcgan import DcganConfig

ROOT = Path(__file__).parents[2]


def make_measurement(**values):
    sound = {
        "features": "encoder",
        "labels": 100,
        "seed": 0,
        "error": 0.02,
        "settings": {"encoder": {"steps": 1}},
        "dataset": "mnist",
        "commit": "12ab",
        "cpu": "a CPU",
    }
    return Measurement.model_validate(sound | values)


@pytest.fixture(scope="module")
def networks():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(50, 16, 16), dtype=np.uint8)
    config = DcganConfig(discriminator_width=4, clusters=0)
    encoded = rng.normal(size=(50, 6)).astype(np.float32)
    return Networks(images, encoded, build_discriminator(config, (16, 16, 1)))


@pytest.mark.parametrize("name", FEATURES)
def test_all_features_have_a_row_an_image(networks, name):
    assert FEATURES[name].make(networks).shape[0] == 50


def test_of_a_draw_the_newest_settings_count():
    newer = make_measurement(error=0.05, settings={"encoder": {"steps": 2}})
    cells = summarize([make_measurement(), make_measurement(seed=1), newer])["mnist"]
    found = cells[100, "encoder"]
    assert (found.mean, found.lowest, found.highest) == (pytest.approx(0.035), 0.02, 0.05)


def test_the_page_has_means_and_intervals():
    page = render_page([make_measurement(seed=seed, error=0.01 * seed) for seed in (1, 2, 3)])
    assert "| the encoder | 2.00% ± 2.48 |" in page
    assert "## `mnist`, 3 draws" in page


def test_what_is_measured_is_not_measured_again(tmp_path, monkeypatch):
    def measure(*names, draws=1):
        features.measure(
            draws=draws,
            budgets=(20,),
            features=names,
            preset="smoke",
            bench=Workbench(dataset="digits", artifacts=tmp_path / "store", root=tmp_path),
        )

    measure("pixels")
    measure(*FEATURES, draws=2)
    found = features.LEDGER.read(tmp_path)
    assert len({entry.cell for entry in found}) == len(found) == 2 * len(FEATURES)
    assert all(0 < entry.error < 1 for entry in found)
    assert (tmp_path / "docs" / "features.md").read_text() == render_page(found)
    monkeypatch.setattr(features, "train_networks", None)
    measure(*FEATURES, draws=2)


def test_the_committed_page_is_that_of_the_committed_numbers():
    page = (ROOT / "docs" / "features.md").read_text()
    assert page == render_page(features.LEDGER.read(ROOT))
