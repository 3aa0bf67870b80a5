import io

import numpy as np
import pytest
from PIL import Image

from flows import cli
from flows.cli import terminal
from flows.cli.view import view_digit, view_digits, view_run
from gan_aug.errors import UserError
from gan_aug.gan.networks import build_generator
from gan_aug.reporting.folders import Run
from gan_aug.settings.run import RunConfig, resolve_config

SIXTEEN = (16, 28, 28)


@pytest.fixture
def run(tmp_path, tiny_dcgan):
    """A run of which there is nothing yet but its settings and a generator."""
    config = resolve_config("smoke", {"dcgan": tiny_dcgan.model_dump()})
    run = Run.open(tmp_path, "drawn", config)
    build_generator(tiny_dcgan).save(run.path / "generator.keras")
    return run


@pytest.mark.parametrize(("part", "index"), [("train", 0), ("validation", 7), ("test", 3)])
def test_one_digit_is_that_of_the_data_set(digits, part, index):
    found = view_digit("digits", part, index)
    labeled = getattr(digits, part)
    np.testing.assert_array_equal(found.images, labeled.images[[index]])
    assert found.caption == f"digits, {part} {index}: {labeled.labels[index]}"
    assert found.name == f"digits-{part}-{index}"


def test_without_an_index_it_is_the_first_sixteen(digits):
    np.testing.assert_array_equal(view_digits("digits", "test").images, digits.test.images[:16])


@pytest.mark.parametrize("index", [-1, 100_000])
def test_an_index_out_of_range_is_refused(index):
    with pytest.raises(UserError, match=rf"index: expected 0 to \d+, .*found {index}"):
        view_digit("digits", "train", index)


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


def test_the_command_writes_a_png(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.app(["view", "drawn", "--artifacts", str(tmp_path)], result_action="return_value")
    with Image.open(tmp_path / "drawn-generated.png") as picture:
        assert picture.width == picture.height >= 4 * 28
    assert capsys.readouterr().out.splitlines()[-1] == "drawn-generated.png"


def test_an_index_of_a_run_is_refused(run, tmp_path):
    with pytest.raises(UserError, match="index: expected none for the run drawn"):
        cli.app(
            ["view", "drawn", "--index", "1", "--artifacts", str(tmp_path)],
            result_action="return_value",
        )


def test_a_terminal_shows_the_digit_in_half_blocks(monkeypatch, digits):
    shown = io.StringIO()
    monkeypatch.setattr(
        terminal, "OUT", terminal.Console(file=shown, force_terminal=True, width=80)
    )
    picture = io.BytesIO()
    Image.fromarray(digits.train.images[0]).save(picture, format="png")
    terminal.draw(picture.getvalue())
    assert shown.getvalue().count("▄") == 28 * 14
