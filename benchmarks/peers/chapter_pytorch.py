"""The chapter's DCGAN in PyTorch; a unit is one step.

The same networks, losses and optimizers, in the loop that PyTorch's own DCGAN example has: images
are generated once a step and serve both players. The discriminator's weights get no gradients in
the generator's half, which saves PyTorch work that the example does for nothing.

Tuned, it has what makes PyTorch fast on a CPU: channels last, bfloat16 by autocast, and compiled
networks.
"""

import os
import shutil

import numpy as np
import torch
from torch import nn

from benchmarks.peers import read_mnist
from benchmarks.worker import Facts, Pause

BATCH_SIZE = 256
LATENT_DIM = 100
WARM_UP_STEPS = 2
# PyTorch writes C++ for a CPU.
CAN_COMPILE = shutil.which(os.environ.get("CXX", "c++")) is not None


def run(pause: Pause, *, tuned: bool = False) -> Facts:
    """Take steps, one a unit.

    Args:
        pause: Ends a unit.
        tuned: Whether PyTorch does all it can, or computes eagerly with its defaults.
    """
    torch.manual_seed(0)
    images = torch.from_numpy(read_mnist()[0][:, None].astype(np.float32) / 255)
    generator, discriminator = build_generator(), build_discriminator()
    if tuned:
        tune(generator)
        tune(discriminator)
    generator_optimizer, generator_rate = build_optimizer(generator, 1e-4, 3e-8)
    discriminator_optimizer, discriminator_rate = build_optimizer(discriminator, 2e-4, 6e-8)
    loss = nn.BCEWithLogitsLoss()
    precision = torch.autocast("cpu", torch.bfloat16, enabled=tuned)
    real, fake = torch.ones(BATCH_SIZE, 1), torch.zeros(BATCH_SIZE, 1)
    labels = torch.cat([real, fake])

    def take_step() -> None:
        reals = images[torch.randint(len(images), (BATCH_SIZE,))]
        with precision:
            fakes = generator(2 * torch.rand(BATCH_SIZE, LATENT_DIM) - 1)

        discriminator_optimizer.zero_grad()
        with precision:
            loss_of_both = loss(discriminator(torch.cat([reals, fakes.detach()])), labels)
        loss_of_both.backward()
        discriminator_optimizer.step()
        discriminator_rate.step()

        discriminator.requires_grad_(False)
        generator_optimizer.zero_grad()
        with precision:
            loss_of_fakes = loss(discriminator(fakes), real)
        loss_of_fakes.backward()
        generator_optimizer.step()
        generator_rate.step()
        discriminator.requires_grad_(True)

    for _ in range(WARM_UP_STEPS):
        take_step()
    while pause() is not None:
        take_step()
    return {
        "generator_parameters": count_parameters(generator),
        "discriminator_parameters": count_parameters(discriminator),
        "precision": "bfloat16" if tuned else "float32",
        "version": f"{torch.__version__}, compiled" if tuned and CAN_COMPILE else torch.__version__,
        "threads": torch.get_num_threads(),
    }


def tune(network: nn.Module) -> None:
    """Have a network keep its feature maps channels last, and compile it where that can be."""
    network.to(memory_format=torch.channels_last)
    if CAN_COMPILE:
        network.compile()


def build_generator() -> nn.Module:
    """``(n, 100)`` noise → ``(n, 1, 28, 28)`` in [0, 1]."""
    return nn.Sequential(
        nn.Linear(LATENT_DIM, 256 * 7 * 7),
        nn.BatchNorm1d(256 * 7 * 7, eps=1e-3, momentum=0.2),
        nn.ReLU(),
        nn.Unflatten(1, (256, 7, 7)),
        nn.Dropout(0.3),
        nn.Upsample(scale_factor=2),
        *normalized_convolution(256, 128),
        nn.Upsample(scale_factor=2),
        *normalized_convolution(128, 64),
        *normalized_convolution(64, 32),
        nn.ConvTranspose2d(32, 1, 5, padding=2),
        nn.Sigmoid(),
    )


def normalized_convolution(inputs: int, outputs: int) -> list[nn.Module]:
    """Keras's momentum .8 is the share of the old average; PyTorch's .2 that of the new value."""
    return [
        nn.ConvTranspose2d(inputs, outputs, 5, padding=2),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.2),
        nn.ReLU(),
    ]


def build_discriminator() -> nn.Module:
    """``(n, 1, 28, 28)`` → ``(n, 1)`` logits."""
    hidden: list[nn.Module] = []
    inputs = 1
    for outputs, stride in ((64, 2), (128, 2), (256, 2), (512, 1)):
        hidden += [
            nn.Conv2d(inputs, outputs, 5, stride=stride, padding=2),
            nn.LeakyReLU(0.3),
            nn.Dropout(0.3),
        ]
        inputs = outputs
    return nn.Sequential(*hidden, nn.Flatten(), nn.Linear(512 * 4 * 4, 1))


def build_optimizer(
    model: nn.Module, learning_rate: float, decay: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Keras's RMSprop, and its rate ``learning_rate / (1 + decay * t)``."""
    optimizer = torch.optim.RMSprop(model.parameters(), learning_rate, alpha=0.9, eps=1e-7)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + decay * step))
    return optimizer, rate


def count_parameters(model: nn.Module) -> int:
    """Count as Keras does: weights, and the running averages of batch normalization."""
    state = model.state_dict()
    return sum(v.numel() for name, v in state.items() if not name.endswith("num_batches_tracked"))
