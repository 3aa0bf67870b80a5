"""A DCGAN in the store: kept whole, and resumed where a kill left it."""

import dataclasses

import numpy as np
import pytest
from climbing import Watcher

from gan_aug.execution import execute_stage
from gan_aug.gan.adversarial import TrainedDcgan, train_dcgan
from gan_aug.gan.formats import DcganFormat
from gan_aug.stage import External, Stage
from gan_aug.store.store import Store


@pytest.fixture
def stage(real, tiny_dcgan, cpu):
    """The training of a tiny DCGAN: four steps, of which every other is kept."""
    return Stage(
        "dcgan",
        "DCGAN",
        train_dcgan,
        DcganFormat(),
        settings={"config": tiny_dcgan, "seed": 3},
        inputs={"images": External("64 images", lambda: real.images[:64])},
        compute=dataclasses.replace(cpu, steps_per_call=1),
        steps=tiny_dcgan.steps,
        trains=True,
        resumable=True,
    )


def assert_same(found: TrainedDcgan, expected: TrainedDcgan):
    assert found.history == expected.history
    np.testing.assert_array_equal(found.samples, expected.samples)
    for name in ("generator", "discriminator"):
        pairs = zip(
            getattr(found, name).get_weights(), getattr(expected, name).get_weights(), strict=True
        )
        assert all(np.array_equal(one, other) for one, other in pairs)


def test_a_killed_training_goes_on_and_leaves_what_an_uninterrupted_one_does(stage, tmp_path):
    """Samples, history and weights, through the checkpoint and through the output's own files."""
    killed, whole = Store(tmp_path / "killed"), Store(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        execute_stage(stage, killed, watch=Watcher(last=3))
    watcher = Watcher()
    resumed = execute_stage(stage, killed, watch=watcher)
    assert watcher.steps == [3, 4]
    assert_same(resumed.load(), execute_stage(stage, whole).load())
    assert len(resumed.load().samples) == 2
    assert not resumed.entry.checkpoint.path.exists()


def test_a_dcgan_comes_back_from_its_folder_as_it_was(real, tiny_dcgan, cpu, tmp_path):
    trained = train_dcgan(real.images[:64], tiny_dcgan, seed=0, compute=cpu)
    DcganFormat().save(tmp_path, trained)
    assert_same(DcganFormat().load(tmp_path), trained)
