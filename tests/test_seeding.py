import random
import threading

import keras
import pytest

from gan_aug.seeding import derive_seed, number_seed, seed_keras


@pytest.fixture
def other_thread():
    """Draw from Python's generator all the time, as a library's thread may."""
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    yield
    stop.set()
    thread.join()


def draw_weights(seed):
    with seed_keras(seed):
        layers = [keras.layers.Dense(2) for _ in range(20)]
        for layer in layers:
            layer.build((1, 1))
    return [layer.kernel.numpy().tolist() for layer in layers]


def test_other_threads_do_not_change_a_network(other_thread):
    assert draw_weights(1) == draw_weights(1)


def test_another_seed_gives_other_layers_and_no_two_are_alike():
    one, other = draw_weights(1), draw_weights(2)
    assert all(weights not in other for weights in one)
    assert all(one.count(weights) == 1 for weights in one)


def test_the_seeds_are_those_that_keras_would_draw_if_nobody_else_drew():
    keras.utils.set_random_seed(3)
    layer = keras.layers.Dense(2)
    layer.build((1, 1))
    assert layer.kernel.numpy().tolist() == draw_weights(3)[0]


def test_afterwards_layers_are_made_as_before():
    draw_weights(1)
    keras.utils.set_random_seed(3)
    layer = keras.layers.Dense(2)
    layer.build((1, 1))
    assert layer.kernel.numpy().tolist() == draw_weights(3)[0]


def test_the_first_of_several_networks_has_the_seed_of_the_run():
    assert derive_seed(7, 1) == 7
    seeds = {derive_seed(seed, member) for seed in range(20) for member in range(1, 20)}
    assert len(seeds) == 20 * 19
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_numbered_seed_is_a_matter_of_both_numbers():
    assert number_seed(3, 1) == number_seed(3, 1)
    assert len({number_seed(3, 1), number_seed(3, 2), number_seed(1, 3), 3}) == 4
