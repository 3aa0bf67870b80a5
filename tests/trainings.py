"""Every training there is, with few channels and few steps, as the arrays that come of it."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from gan_aug.arms import build_original_set
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.classifiers.cnn import CnnConfig, train_cnn
from gan_aug.device import Compute
from gan_aug.gan import adversarial, semi_supervised
from gan_aug.gan.adversarial import train_dcgan
from gan_aug.gan.semi_supervised import train_sgan
from gan_aug.images import LabeledImages
from gan_aug.progress import ignore_progress
from gan_aug.representation import consistency, contrastive
from gan_aug.representation.consistency import Lesson, train_consistently
from gan_aug.representation.contrastive import build_encoder, train_encoder
from gan_aug.representation.propagation import Propagated
from gan_aug.representation.views import VIEWS
from gan_aug.seeding import seed_keras
from gan_aug.settings.consistency import ConsistencyConfig
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.encoder import EncoderConfig
from gan_aug.settings.sgan import SganConfig

EVERYTHING = {
    "historical_averaging": 0.1,
    "label_smoothing": 0.1,
    "virtual_batch_normalization": 4,
}
DCGANS: Mapping[str, Mapping[str, Any]] = {
    "compact": EVERYTHING,
    "features": {"feature_matching": True},
    "chapter": {"architecture": "chapter", "optimizer": "rmsprop", "clusters": 0},
    "paper": {"architecture": "paper", "gradient_penalty": 0.0, "minibatch_discrimination": 4},
    "plain": {"gradient_penalty": 0.0, "clusters": 0, "discriminator_dropout": 0.0},
}
NETWORKS = ("SGAN", "CNN", "encoder", "consistency")
TREES = tuple(name for name, entry in CLASSIFIERS.items() if not entry.uses_device)
RESUMABLE = (*DCGANS, "SGAN", "encoder", "consistency")


@dataclass(frozen=True)
class Trainings:
    """Trains anything by its name.

    Attributes:
        real: Images of 28x28 and their labels.
        dcgan: Settings of a small DCGAN.
        compute: Device and compilation.
    """

    real: LabeledImages
    dcgan: DcganConfig
    compute: Compute

    def train(
        self,
        name: str,
        policy: str,
        steps: int,
        *,
        checkpoint: Any = None,
        on_progress: Callable[[int, Mapping[str, float]], None] = ignore_progress,
    ) -> list[np.ndarray[Any, Any]]:
        """Take steps of a training and return all that comes of it."""
        compute = dataclasses.replace(self.compute, dtype_policy=policy)
        labeled = self.real.take(np.arange(50))
        common: dict[str, Any] = {"seed": 0, "compute": compute, "on_progress": on_progress}
        if name in TREES:
            entry = CLASSIFIERS[name]
            model = entry.train(build_original_set(labeled), entry.settings(), **common)
            return [entry.predict(model, self.real.images)]
        if name == "CNN":
            config = CnnConfig(updates=steps, batch_size=8)
            return train_cnn(build_original_set(labeled), config, **common).get_weights()
        common["checkpoint"] = checkpoint
        if name == "SGAN":
            config = SganConfig(updates=steps, batch_size=8, labeled_batch_size=8)
            return train_sgan(labeled, self.real.images, config, **common).get_weights()
        if name == "encoder":
            config = EncoderConfig(width=4, steps=steps, batch_size=8)
            return train_encoder(self.real.images, config, **common).get_weights()
        if name == "consistency":
            return self.train_consistently(labeled, policy, steps, common)
        changes = {"penalty_interval": 2, "steps": steps} | dict(DCGANS[name])
        config = self.dcgan.model_copy(update=changes)
        trained = train_dcgan(self.real.images, config, **common)
        weights = trained.generator.get_weights() + trained.discriminator.get_weights()
        return [*weights, *(np.array(list(row.values())) for row in trained.history)]

    def train_consistently(
        self, labeled: LabeledImages, policy: str, steps: int, common: dict[str, Any]
    ) -> list[np.ndarray[Any, Any]]:
        """Take steps of a network that agrees with itself, from an encoder that knows nothing."""
        config = ConsistencyConfig(updates=steps, warmup=0.5, batch_size=8, labeled_batch_size=8)
        none = np.empty(0, np.float32)
        spread = Propagated(self.real.labels, np.zeros(len(self.real), np.float32), none, none > 0)
        lesson = Lesson(self.real.images, np.arange(50), labeled.labels, spread, 10)
        with seed_keras(0):
            encoder = build_encoder((28, 28, 1), 4, dtype_policy=policy)
        model = train_consistently(lesson, encoder, config, views=VIEWS["photos"], **common)
        return model.get_weights()


@contextlib.contextmanager
def shorten(interval: int) -> Iterator[None]:
    """Have all trainings keep their state after so many steps, and none take long to end."""
    with contextlib.ExitStack() as patches:
        patches.enter_context(mock.patch.object(adversarial, "STATISTICS_BATCHES", 1))
        for module in (semi_supervised, consistency, contrastive):
            patches.enter_context(mock.patch.object(module, "INTERVAL", interval))
        yield
