"""How a trained DCGAN is stored."""

from pathlib import Path

import pandas as pd

import gan_aug.gan.networks  # noqa: F401 - Keras finds the layers of the networks by it
from gan_aug.gan.adversarial import TrainedDcgan
from gan_aug.store.files import write_rows
from gan_aug.store.formats import load_keras, map_array, save_array

__all__ = ["DISCRIMINATOR_FILE", "GENERATOR_FILE", "HISTORY_FILE", "DcganFormat"]

GENERATOR_FILE = "generator.keras"
DISCRIMINATOR_FILE = "discriminator.keras"
HISTORY_FILE = "gan_history.csv"
SAMPLES_FILE = "samples.npy"


class DcganFormat:
    """Both networks in Keras's format, the history as CSV, the samples as an array."""

    def save(self, folder: Path, value: TrainedDcgan) -> None:
        """Write a trained DCGAN."""
        value.generator.save(folder / GENERATOR_FILE)
        value.discriminator.save(folder / DISCRIMINATOR_FILE)
        write_rows(folder / HISTORY_FILE, value.history)
        save_array(folder / SAMPLES_FILE, value.samples)

    def load(self, folder: Path) -> TrainedDcgan:
        """Read it back."""
        table = pd.read_csv(folder / HISTORY_FILE)
        return TrainedDcgan(
            load_keras(folder / GENERATOR_FILE),
            load_keras(folder / DISCRIMINATOR_FILE),
            [{str(name): value for name, value in row.items()} for row in table.to_dict("records")],
            map_array(folder / SAMPLES_FILE),
        )
