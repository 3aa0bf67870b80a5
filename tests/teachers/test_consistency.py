"""The rounds of the teacher `consistency`."""

import pytest

from gan_aug.data.dataset import describe_dataset
from gan_aug.device import Compute
from gan_aug.settings.presets import resolve_config
from gan_aug.stages import RunStages, describe_draw
from gan_aug.teachers.consistency import CONSISTENCY


@pytest.fixture
def plan(digits):
    data = describe_dataset(digits.provenance, digits)

    def plan(rounds, number=1):
        config = resolve_config("smoke", {"consistency": {"rounds": rounds}})
        drawn = describe_draw(config, data)
        stages = RunStages(
            config.plan(100, len(digits.train)), data, digits.provenance, drawn, Compute()
        )
        return CONSISTENCY.plan(stages, number)

    return plan


def find_source(network):
    """Return the network by whose features the labels spread that another was trained on."""
    neighbors = network.inputs["propagated"].inputs["neighbors"]
    return neighbors.inputs["features"].inputs["encoder"]


def test_labels_spread_by_the_network_of_the_round_before(plan):
    last = plan(3)
    before = find_source(last)
    first = find_source(before)
    encoder = find_source(first)
    assert [stage.name for stage in (last, before, first)] == ["consistency"] * 3
    assert encoder.name == "encoder"
    assert {stage.inputs["encoder"].name for stage in (last, before, first)} == {"encoder"}


def test_more_rounds_go_on_from_fewer(plan):
    assert find_source(plan(2)) == plan(1)


def test_networks_of_other_numbers_have_rounds_of_their_own(plan):
    assert find_source(plan(2)) != find_source(plan(2, number=2))
