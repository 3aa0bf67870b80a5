"""The curve that a training leaves beside its output."""

import json

import numpy as np
import pytest
from climbing import Watcher

from gan_aug.execution import execute_stage
from gan_aug.stage import Stage
from gan_aug.store.curve import CURVE_FILE, read_curve
from gan_aug.store.formats import ArrayFormat
from gan_aug.store.store import Store

STEPS = 450


def descend(steps, *, checkpoint, on_progress):
    """Keep the state every hundred steps, and tell of each step."""
    kept = checkpoint.load()
    for step in range(1 if kept is None else int(kept["step"]) + 1, steps + 1):
        on_progress(step, {"loss": 1 / step})
        if step % 100 == 0:
            checkpoint.save({"step": np.array(step)})
    return np.arange(steps)


def describe_descent(**changes):
    return Stage(
        "descent",
        "descent",
        descend,
        ArrayFormat("array"),
        settings={"steps": STEPS, **changes},
        steps=STEPS,
        resumable=True,
    )


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_curve_has_some_two_hundred_rows_and_the_store_keeps_it(store):
    made = execute_stage(describe_descent(), store)
    found = execute_stage(describe_descent(), store)
    assert found.reused
    assert found.read_curve() == made.read_curve()
    assert found.read_curve()[100] == {"loss": 0.01}
    assert list(found.read_curve()) == [1, *range(2, STEPS + 1, 2)]


def test_an_interrupted_training_leaves_the_curve_of_one_that_was_not(store, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        execute_stage(describe_descent(), store, watch=Watcher(last=333))
    resumed = execute_stage(describe_descent(), store)
    whole = execute_stage(describe_descent(), Store(tmp_path / "another"))
    assert (resumed.entry.folder / CURVE_FILE).read_bytes() == (
        whole.entry.folder / CURVE_FILE
    ).read_bytes()


def test_a_stage_without_metrics_has_no_curve(store):
    made = execute_stage(
        Stage("count", "count", np.arange, ArrayFormat("array"), settings={"stop": 3}), store
    )
    assert made.read_curve() == {}
    assert not (made.entry.folder / CURVE_FILE).exists()


def test_what_a_killed_process_wrote_in_part_is_left_out(tmp_path):
    lines = [
        json.dumps({"step": 2, "loss": 0.5, "norm": float("nan")}),
        "7",
        "{}",
        '{"step": 4, "l',
    ]
    (tmp_path / CURVE_FILE).write_text("\n".join(lines))
    assert read_curve(tmp_path) == {2: {"loss": 0.5}}
