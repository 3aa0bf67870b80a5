"""What is measured of methods that choose images, and the page that has the how-to too."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from benchmarks import suggestion
from benchmarks.suggestion import METHODS, Ground, Measurement, render_page, summarize
from benchmarks.workbench import Workbench
from gan_aug.flows.cli import main
from gan_aug.images import ImageSpec, LabeledImages
from gan_aug.representation.propagation import build_graph, find_neighbors

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "labeling.md"
SMALL = ["--preset", "smoke", "--device", "cpu", "--encoder.steps", "2", "--encoder.width", "4"]


def make_measurement(**values):
    sound = {
        "method": "medoids",
        "labels": 100,
        "seed": 0,
        "error": 0.02,
        "free_error": 0.03,
        "missing": 0,
        "settings": {"encoder": {"steps": 1}},
        "dataset": "mnist",
        "commit": "12ab",
        "cpu": "a CPU",
    }
    return Measurement.model_validate(sound | values)


@pytest.fixture(scope="module")
def ground():
    """Three groups of features, far apart; a class each."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [60, 30, 10]).astype(np.uint16)
    rows = np.eye(6)[labels] + 0.05 * rng.normal(size=(100, 6))
    features = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    spec = ImageSpec((16, 16, 1), ("a", "b", "c"))
    train = LabeledImages(np.zeros((100, 16, 16), np.uint8), labels, spec)
    return Ground(train, features, build_graph(find_neighbors(features, 5)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [6, 21])
def test_every_method_chooses_so_many_different_images(ground, method, count):
    found = METHODS[method].choose(ground, count, 0)
    assert len(set(found.tolist())) == len(found) == count


def test_labels_spread_within_their_groups(ground):
    places = np.array([0, 1, 60, 90])
    assert ground.measure_error(places, suggestion.ANY_SIZE) == 0


def test_images_of_a_class_without_a_label_are_wrong(ground):
    places = np.array([0, 1, 60])
    assert ground.measure_error(places, suggestion.ANY_SIZE) == pytest.approx(10 / 97)


def test_a_cell_has_the_mean_over_the_seeds_and_newer_settings_count():
    found = [make_measurement(seed=seed, error=error) for seed, error in enumerate((0.01, 0.03))]
    newer = make_measurement(seed=1, error=0.05, missing=1, settings={"encoder": {"steps": 2}})
    cell = summarize([*found, newer])["mnist"][100, "medoids"]
    assert (cell.error.mean, cell.error.highest) == (pytest.approx(0.03), 0.05)
    assert (cell.missing, cell.draws) == (0.5, 2)


def test_the_page_shows_both_errors_and_missing_classes():
    page = render_page([make_measurement(seed=seed, missing=seed) for seed in (0, 1)])
    cell = "2.00% (2.00 to 2.00), 0.5 classes without a label"
    assert f"| middles of clusters (`medoids`) | {cell} |" in page
    assert "| 3.00% (3.00 to 3.00), 0.5" in page
    assert "in means over\n2 seeds" in page


def test_what_is_measured_is_not_measured_again(tmp_path, monkeypatch):
    def measure(*methods, draws=1):
        suggestion.measure(
            draws=draws,
            budgets=(20,),
            variants=methods,
            preset="smoke",
            bench=Workbench(dataset="digits", artifacts=tmp_path / "store", root=tmp_path),
        )

    measure("balanced")
    measure(*METHODS, draws=2)
    found = suggestion.LEDGER.read(tmp_path)
    assert len({entry.cell for entry in found}) == len(found) == 2 * len(METHODS)
    assert all(0 < entry.error < 1 and 0 < entry.free_error < 1 for entry in found)
    assert (tmp_path / "docs" / "labeling.md").read_text() == render_page(found)
    monkeypatch.setattr(suggestion, "prepare_ground", None)
    measure(*METHODS, draws=2)


def test_the_committed_page_is_that_of_the_committed_numbers():
    assert PAGE.read_text() == render_page(suggestion.LEDGER.read(ROOT))


def list_calls():
    """Return each command of the page, and what it prints."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return re.findall(r"(?m)^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(blocks))


def test_the_commands_of_the_page_print_what_it_says(tmp_path, monkeypatch, capsys):
    (tmp_path / "photos").mkdir()
    small = load_digits().images[:250].repeat(2, axis=1).repeat(2, axis=2)
    for place, image in enumerate((small * 15).astype(np.uint8)):
        Image.fromarray(image).save(tmp_path / "photos" / f"{place:03}.png")
    monkeypatch.chdir(tmp_path)
    calls = list_calls()
    assert len(calls) == 4
    for command, expected in calls:
        with pytest.raises(SystemExit, match="0"):
            main([*shlex.split(command)[1:], *SMALL])
        assert capsys.readouterr().out == expected
