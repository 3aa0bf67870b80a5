"""Which rows are chosen: what each method promises, on rows whose groups are known."""

import numpy as np
import pytest

from gan_aug.errors import UserError
from gan_aug.representation.selection import (
    METHODS,
    choose_medoids,
    choose_random,
    choose_spread,
)

SIZES = (50, 30, 20, 10, 5)
GROUPS = np.repeat(np.arange(len(SIZES)), SIZES)


@pytest.fixture(scope="module")
def features():
    """Five tight groups of directions, of different sizes."""
    rng = np.random.default_rng(0)
    rows = np.eye(8)[GROUPS] + 0.02 * rng.normal(size=(len(GROUPS), 8))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_medoids_are_one_of_each_group_the_largest_first(features):
    assert GROUPS[choose_medoids(features, 5, seed=0)].tolist() == [0, 1, 2, 3, 4]


def test_a_medoid_is_nearest_to_the_mean_of_its_group(features):
    for place in choose_medoids(features, 5, seed=0):
        own = np.flatnonzero(GROUPS[place] == GROUPS)
        distances = np.linalg.norm(features[own] - features[own].mean(axis=0), axis=1)
        assert own[distances.argmin()] == place


def test_the_next_round_passes_over_groups_with_a_chosen_row(features):
    first = [0, 60]
    assert GROUPS[first].tolist() == [0, 1]
    assert GROUPS[choose_medoids(features, 3, seed=0, chosen=first)].tolist() == [2, 3, 4]
    assert set(GROUPS[choose_spread(features, 3, seed=0, chosen=first)]) == {2, 3, 4}


def test_spread_rows_are_farthest_from_those_before(features):
    found = choose_spread(features, 12, seed=3)
    distances = np.linalg.norm(features[:, None] - features[None], axis=2)
    for step in range(1, len(found)):
        nearest = distances[found[:step]].min(axis=0)
        assert nearest[found[step]] == pytest.approx(nearest.max())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("chosen", [(), (3, 70, 114)])
def test_every_method_finds_different_rows_that_were_not_chosen(features, method, chosen):
    left = len(features) - len(chosen)
    for count in (1, 7, left):
        found = METHODS[method](features, count, seed=1, chosen=chosen)
        assert found.dtype == np.intp
        assert len(set(found) | set(chosen)) == count + len(chosen)
    with pytest.raises(UserError, match=f"labels: expected at most {left}, .* found {left + 1}"):
        METHODS[method](features, left + 1, seed=1, chosen=chosen)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("method", METHODS)
def test_rows_that_are_all_alike_are_enough(method):
    alike = np.tile(np.float32([1, 0]), (6, 1))
    assert len(set(METHODS[method](alike, 4, seed=0, chosen=(2,))) - {2}) == 4


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_makes_the_same_choice_again(features, method):
    first, again, other = (METHODS[method](features, 20, seed=seed) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_a_random_draw_has_each_row_with_the_same_chance(features):
    found = np.concatenate([choose_random(features, 23, seed=seed) for seed in range(400)])
    shares = np.bincount(GROUPS[found]) / len(found)
    assert shares == pytest.approx(np.array(SIZES) / sum(SIZES), abs=0.02)
