"""`gan-aug view` as users meet it, for data sets of any classes and for runs."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from gan_aug.data import load
from gan_aug.errors import UserError
from gan_aug.flows.cli.app import app
from gan_aug.flows.cli.view import view_image, view_images, view_run
from gan_aug.gan.networks import build_generator
from gan_aug.reporting.folders import Run
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig

SIXTEEN = (16, 28, 28)


@pytest.fixture
def run(tmp_path, tiny_dcgan):
    """A run of which there is nothing yet but its settings and a generator."""
    config = resolve_config("smoke", {"dcgan": tiny_dcgan.model_dump()})
    run = Run.open(tmp_path, "drawn", config)
    build_generator(tiny_dcgan, (28, 28, 1)).save(run.path / "generator.keras")
    return run


@pytest.fixture
def clothes(monkeypatch):
    """Three RGB images of classes with names, as the only data set there is."""
    labeled = SimpleNamespace(
        images=np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8),
        labels=np.array([1, 0, 1], dtype=np.uint16),
        spec=SimpleNamespace(classes=("ankle boot", "[bag]")),
    )
    data = SimpleNamespace(test=labeled, provenance=SimpleNamespace(name="clothes"))
    monkeypatch.setattr(load, "load_dataset", lambda *_: data)
    return labeled


def call_view(*words):
    app(["view", *words], result_action="return_value")


@pytest.mark.parametrize(("part", "index"), [("train", 0), ("validation", 7), ("test", 3)])
def test_one_image_is_that_of_the_data_set(digits, part, index):
    found = view_image("digits", part, index)
    labeled = getattr(digits, part)
    np.testing.assert_array_equal(found.images, labeled.images[[index]])
    assert found.caption == f"digits, {part} {index}: {labeled.labels[index]}"
    assert found.name == f"digits-{part}-{index}"


def test_without_an_index_it_is_the_first_sixteen(digits):
    found = view_images("digits", "test")
    np.testing.assert_array_equal(found.images, digits.test.images[:16])
    labels = ", ".join(str(label) for label in digits.test.labels[:16])
    assert (found.caption, found.name) == (f"digits, test: {labels}", "digits-test")


@pytest.mark.parametrize("index", [-1, 100_000])
def test_an_index_out_of_range_is_refused(index):
    with pytest.raises(UserError, match=rf"index: expected 0 to \d+ .*found {index}"):
        view_image("digits", "train", index)


@pytest.mark.usefixtures("clothes")
def test_rgb_images_are_named_by_their_classes(tmp_path, capsys):
    path = tmp_path / "seen.png"
    call_view("clothes", "--part", "test", "--output", str(path))
    captions = capsys.readouterr().out.splitlines()[-2:]
    assert captions == ["clothes, test: [bag], ankle boot, [bag]", str(path)]
    with Image.open(path) as picture:
        colors = np.asarray(picture.convert("RGB"))
    assert np.ptp(colors, axis=-1).any(), "drawn in color"


@pytest.mark.usefixtures("clothes")
def test_one_rgb_image_is_named_by_its_class(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    call_view("clothes", "--part", "test", "--index", "1")
    captions = capsys.readouterr().out.splitlines()[-2:]
    assert captions == ["clothes, test 1: ankle boot", "clothes-test-1.png"]


def test_a_runs_generator_draws_sixteen_always_the_same(run):
    found = view_run(run)
    assert found.images.shape == SIXTEEN
    np.testing.assert_array_equal(found.images, view_run(run).images)


def test_a_run_without_a_generator_is_refused(tmp_path):
    run = Run.open(tmp_path, "unfinished", RunConfig())
    with pytest.raises(UserError, match="expected a trained generator, found none; finish the run"):
        view_run(run)


def test_a_foreign_file_in_its_place_is_refused(run):
    (run.path / "generator.keras").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="expected a generator of gan-aug, found"):
        view_run(run)


@pytest.mark.parametrize("words", ["drawn", "dra", "latest"])
def test_the_command_writes_a_png(run, tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    call_view(words, "--artifacts", str(tmp_path))
    with Image.open(tmp_path / "drawn-generated.png") as picture:
        assert picture.width == picture.height >= 4 * 28
    assert capsys.readouterr().out.splitlines()[-1] == "drawn-generated.png"


def test_a_data_set_is_meant_before_the_beginning_of_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Run.open(tmp_path, "digits-100-labels", RunConfig())
    call_view("digits", "--artifacts", str(tmp_path))
    assert capsys.readouterr().out.splitlines()[-1] == "digits-train.png"


def test_an_index_of_a_run_is_refused(run, tmp_path):
    with pytest.raises(UserError, match="index: expected none for the run drawn"):
        call_view("drawn", "--index", "1", "--artifacts", str(tmp_path))


def test_nothing_but_a_file_is_replaced_and_a_folder_is_not_made(
    run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full.png").symlink_to("/dev/full")
    for output, message in (
        ("full.png", "full.png: expected a file or a new name, found a folder, a device"),
        ("gone/new.png", "gone/new.png: expected a folder that exists, found none"),
    ):
        with pytest.raises(UserError, match=message):
            call_view("digits", "--output", output)
    assert (tmp_path / "full.png").is_symlink()
    assert not (tmp_path / "gone").exists()
