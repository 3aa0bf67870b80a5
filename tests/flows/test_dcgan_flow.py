import keras
import numpy as np
import pytest
from PIL import Image

from gan_aug.errors import UserError
from gan_aug.flows.cli.app import app
from gan_aug.flows.dcgan import dcgan
from gan_aug.settings.flags import to_source_flags
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.presets import resolve_pictures_config

TINY = {
    "source": "colored-digits",
    "device": "cpu",
    "dcgan": {
        "generator_width": 16,
        "discriminator_width": 4,
        "steps": 2,
        "batch_size": 4,
        "interval": 1,
    },
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    config = resolve_pictures_config("paper", TINY)
    return dcgan(config, name="tiny", artifacts=str(tmp_path_factory.mktemp("artifacts")))


def test_the_folder_has_networks_samples_and_a_report(trained):
    files = {path.relative_to(trained.path).as_posix() for path in trained.path.rglob("*.*")}
    assert {"generator.keras", "discriminator.keras", "gan_history.csv", "report.html"} <= files
    assert "DCGAN: step 2 of 2" in trained.log.read_text()
    assert {"samples/step-000001.png", "samples/step-000002.png", "training.png"} <= files
    with Image.open(trained.path / "samples.png") as grid:
        assert grid.width == grid.height == 2 * (8 * (64 + 2) + 2)
    report = trained.read_report()
    assert report.startswith(
        "# DCGAN of `colored-digits`\n\n"
        "**A DCGAN of 64×64×3 pictures, trained on 1,797 of them for 2 steps.**"
    )
    assert "gan-aug dcgan colored-digits --device cpu --dcgan.architecture paper" in report


def test_the_networks_are_for_each_other(trained):
    generator, discriminator = (
        keras.models.load_model(trained.path / f"{name}.keras")
        for name in ("generator", "discriminator")
    )
    noise = np.random.default_rng(0).uniform(-1, 1, (3, 100)).astype(np.float32)
    assert discriminator(generator(noise)).shape == (3, 1)


def test_a_second_call_trains_nothing(trained, caplog):
    artifacts = trained.path.parent.parent
    again = dcgan(resolve_pictures_config("paper", TINY), name="tiny", artifacts=str(artifacts))
    assert again == trained
    assert "DCGAN: cached" in caplog.messages


@pytest.mark.parametrize(("side", "channels"), [(28, 1), (32, 3)])
def test_other_shapes_and_architectures_train_too(tmp_path, side, channels):
    pictures = np.random.default_rng(0).integers(0, 256, (9, side, side, channels), dtype=np.uint8)
    np.savez(tmp_path / "some.npz", x_train=pictures)
    config = resolve_pictures_config(
        "smoke", TINY | {"source": str(tmp_path / "some.npz"), "dcgan": TINY["dcgan"]}
    )
    folder = dcgan(config, artifacts=str(tmp_path / "artifacts"))
    generator = keras.models.load_model(folder.path / "generator.keras")
    assert generator.output_shape == (None, side, side, channels)


def test_pictures_without_networks_leave_nothing(tmp_path):
    np.savez(tmp_path / "wide.npz", images=np.zeros((5, 28, 32), np.uint8))
    config = PicturesConfig(source=str(tmp_path / "wide.npz"))
    with pytest.raises(UserError, match=r"images: expected grey or RGB squares .* found 28x32"):
        dcgan(config, artifacts=str(tmp_path / "artifacts"))
    assert not (tmp_path / "artifacts" / "dcgans").exists()


def test_the_command_takes_what_the_report_prints(capsys):
    config = resolve_pictures_config("paper", TINY)
    app(["dcgan", *to_source_flags(config), "--dry-run"], result_action="return_value")
    assert PicturesConfig.model_validate_json(capsys.readouterr().out) == config
