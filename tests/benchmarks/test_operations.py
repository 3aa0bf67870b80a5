"""Where a step's time goes is measured layer by layer."""

from pathlib import Path

import pytest

from benchmarks.floor import count_layers
from benchmarks.operations import Operation, Operations, Step, list_operations, render_page
from benchmarks.results import Machine, Stamp
from gan_aug.device import Compute
from gan_aug.gan.adversarial import build_players

ROOT = Path(__file__).parent.parent.parent
COMMITTED = ROOT / "artifacts" / "operations.json"


def test_every_layer_is_timed_and_every_product_counted(tiny_dcgan):
    config = tiny_dcgan.model_copy(update={"clusters": 0})
    players = build_players(config, Compute(), (28, 28, 1))
    found = list_operations(players, config, tries=1)
    assert all(operation.seconds >= 0 for operation in found)
    assert any(operation.seconds > 0 for operation in found)
    batch = config.batch_size
    for network, images in ((players.generator, batch), (players.discriminator, 2 * batch)):
        own = [operation for operation in found if operation.network == network.name]
        assert {operation.images for operation in own} == {images}
        counted = sum(operation.multiply_adds for operation in own)
        assert counted == 3 * images * sum(count_layers(network))


def test_the_page_tells_what_goes_to_no_layer():
    layers = {"convolution": (2 * 10**9, 0.03), "dropout": (0, 0.01)}
    operations = [
        Operation(
            network="generator",
            layer=name,
            kind="Layer",
            images=64,
            multiply_adds=multiply_adds,
            seconds=seconds,
        )
        for name, (multiply_adds, seconds) in layers.items()
    ]
    step = Step(preset="quick", precision="float32", seconds=0.05, operations=operations)
    page = render_page(
        Operations(
            machine=Machine(cpu_model="A CPU", cores=2, cpu_flags=[], memory_gib=1.0),
            stamp=Stamp(commit="a" * 40, date="2026-11-28", versions={}),
            tries=3,
            rate=1e11,
            steps=[step],
        )
    )
    assert "| generator | Layer `convolution` | 64 | 30.00 ms | 20.00 ms | 1.50 | 60% |" in page
    assert "| generator | Layer `dropout` | 64 | 10.00 ms |  |  | 20% |" in page
    assert "| | 10.0 ms | | | 20% |" in page
    assert "fastest of 3 tries" in page
    assert "| the whole step | | | 50.0 ms | 20.0 ms | 2.50 | |" in page


@pytest.mark.skipif(not COMMITTED.exists(), reason="nothing has been measured")
def test_the_committed_page_is_that_of_the_committed_numbers():
    found = Operations.model_validate_json(COMMITTED.read_bytes())
    assert (ROOT / "docs" / "operations.md").read_text() == render_page(found)
