import keras
import psutil
import pytest

from gan_aug.errors import UserError
from gan_aug.gan.networks import check_memory
from gan_aug.memory import (
    count_activations,
    estimate_players,
    find_largest,
    refuse_excess,
    refuse_size,
)
from gan_aug.settings.presets import resolve_config

GIB = 2**30


def network(*units):
    return keras.Sequential(
        [keras.Input((units[0],)), *(keras.layers.Dense(count) for count in units[1:])]
    )


def test_what_all_layers_put_out_for_an_image_is_counted():
    assert count_activations(network(7, 5, 3)) == 8
    pooled = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.MaxPooling2D()])
    assert count_activations(pooled) == 4 * 4 * 3


def test_players_need_room_for_states_of_their_weights_and_for_feature_maps():
    generator, discriminator = network(3, 4), network(4, 6, 1)
    states = 4 * 5 * (3 * 4 + 4 + 4 * 6 + 6 + 6 + 1)
    none = estimate_players(generator, discriminator, fakes=0, reals=0)
    fake = estimate_players(generator, discriminator, fakes=1, reals=0)
    real = estimate_players(generator, discriminator, fakes=0, reals=1)
    assert none == states
    assert fake - none == pytest.approx(4 * 1.3 * (4 + 7))
    assert real - none == pytest.approx(4 * 1.3 * 7)


def test_what_fits_is_let_pass_and_by_default_the_machines_own_memory_counts():
    refuse_excess({"small": (GIB, "--a"), "smaller": (1.0, "--b")}, available=GIB)
    refuse_excess({"small": (1.0, "--a")})
    too_much = 2.0 * psutil.virtual_memory().total
    with pytest.raises(UserError, match="memory: expected the large stage to fit in the"):
        refuse_excess({"large": (too_much, "--a")})


def test_the_largest_of_the_needs_is_named_with_what_to_lower():
    needs = {"small": (1.0 * GIB, "--a"), "large": (5.0 * GIB, "--b or --c")}
    with pytest.raises(UserError) as error:
        refuse_excess(needs, available=4 * GIB)
    assert str(error.value) == (
        "memory: expected the large stage to fit in the 4.0 GiB available, found that it needs "
        "about 5.0 GiB; lower --b or --c"
    )


def test_processes_side_by_side_need_as_many_times_as_much():
    needs = {"stage": (1.0 * GIB, "--a")}
    refuse_excess(needs, processes=4, available=4 * GIB)
    with pytest.raises(UserError, match=r"to fit 5 times in the .* lower --workers or --a$"):
        refuse_excess(needs, processes=5, available=4 * GIB)


def test_a_dcgan_of_large_pictures_may_not_fit():
    config = resolve_config("paper").dcgan
    check_memory(config, 1000, (28, 28, 1), available=8 * GIB)
    with pytest.raises(UserError, match=r"the DCGAN stage to fit in the 1\.0 GiB"):
        check_memory(config, 1000, (64, 64, 3), available=GIB)


def test_clusters_of_many_large_pictures_may_not_fit():
    """They are found among all images at once, where the training sees a batch at a time."""
    with pytest.raises(UserError, match=r"clusters of the DCGAN stage .* --dcgan\.clusters to 0$"):
        check_memory(resolve_config("quick").dcgan, 200_000, (64, 64, 3), available=8 * GIB)
    without = resolve_config("quick", {"dcgan": {"clusters": 0}}).dcgan
    check_memory(without, 200_000, (64, 64, 3), available=8 * GIB)


def test_data_that_take_more_than_is_allowed_are_refused_and_more_can_be_allowed(monkeypatch):
    monkeypatch.delenv("GAN_AUG_LARGEST_DATA", raising=False)
    assert find_largest() == 8 * GIB
    monkeypatch.setenv("GAN_AUG_LARGEST_DATA", "0.2")
    with pytest.raises(
        UserError,
        match=r"^x_train: expected at most 0\.2 GiB of memory, found that it needs 0\.3 GiB; use .*"
        r"or set GAN_AUG_LARGEST_DATA to more GiB$",
    ):
        refuse_size("x_train", int(0.3 * GIB))
    monkeypatch.setenv("GAN_AUG_LARGEST_DATA", "0.4")
    refuse_size("x_train", int(0.3 * GIB))


def test_data_that_do_not_fit_are_refused_whatever_is_allowed(monkeypatch):
    monkeypatch.setenv("GAN_AUG_LARGEST_DATA", "100000000")
    with pytest.raises(UserError, match=r"expected to fit in the .* GiB of memory available"):
        refuse_size("x_train", 10**15)


@pytest.mark.parametrize("wrong", ["much", "0", "-1", "inf", "nan"])
def test_a_limit_that_is_no_number_is_refused(monkeypatch, wrong):
    monkeypatch.setenv("GAN_AUG_LARGEST_DATA", wrong)
    with pytest.raises(UserError, match=r"^GAN_AUG_LARGEST_DATA: expected a number of GiB above 0"):
        refuse_size("x_train", 1)
