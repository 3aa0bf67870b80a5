"""gan-aug's training step of the ``chapter`` preset; a unit is one step."""

import itertools

import keras

from benchmarks.floor import count_chapter_step, count_step
from benchmarks.ours.mnist import load_mnist
from benchmarks.worker import Facts, Pause
from gan_aug.device import select_compute
from gan_aug.gan.adversarial import METRICS, build_players, build_train_step
from gan_aug.images import image_shape
from gan_aug.settings.presets import resolve_config
from gan_aug.training import compile_steps

WARM_UP_STEPS = 2


def run(pause: Pause) -> Facts:
    """Take steps, one a unit."""
    compute = select_compute("cpu")
    config = resolve_config("chapter").dcgan
    keras.utils.set_random_seed(0)
    images = load_mnist().train.images
    players = build_players(config, compute, image_shape(images))
    train_step = build_train_step(players, images, config, seed=0)
    train_steps = compile_steps(train_step, len(METRICS), compute)
    for step in itertools.count():
        train_steps(step, 1).numpy()
        if step + 1 >= WARM_UP_STEPS and pause() is None:
            break
    networks = (players.generator, players.discriminator, config.batch_size)
    return {
        "generator_parameters": players.generator.count_params(),
        "discriminator_parameters": players.discriminator.count_params(),
        "precision": compute.dtype_policy,
        "multiply_adds": count_step(*networks),
        "chapter_multiply_adds": count_chapter_step(*networks),
    }
