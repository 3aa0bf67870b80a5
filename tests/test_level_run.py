"""A run whose classes are brought to one size, and what other runs have of it: nothing."""

import numpy as np
import pytest
from tiny import TINY_RUN

from gan_aug.classifiers.cnn import CNN
from gan_aug.data.dataset import describe_dataset
from gan_aug.device import Compute
from gan_aug.execution import Executor, execute_stage
from gan_aug.pipeline import RunPlan, run_stages
from gan_aug.settings.presets import resolve_config
from gan_aug.stage import Stage
from gan_aug.stages import RunStages, describe_draw
from gan_aug.store.formats import ArrayFormat
from gan_aug.store.store import Store

NEEDY = ("gan", "gan+shift", "real_pool", "gan+real_pool", "synthetic_only")
COUNTS = (30, *[8] * 8, 3)
TARGET = 40
CPU = Compute()


def make_stages(digits, compute=CPU, drawn=None, **pseudo_labels):
    arms = ("original", "class_weight", "oversample", *NEEDY)
    settings = TINY_RUN["pseudo_labels"] | pseudo_labels
    changes = TINY_RUN | {"labels": sum(COUNTS), "arms": arms, "pseudo_labels": settings}
    config = resolve_config("smoke", changes)
    data = describe_dataset(digits.provenance, digits)
    drawn = drawn(data) if drawn else describe_draw(config, data)
    planned = config.plan(sum(COUNTS), digits.provenance.count_training_images())
    return RunStages(planned, data, digits.provenance, drawn, compute)


def draw_imbalanced(train):
    return np.concatenate([np.flatnonzero(train.labels == c)[:n] for c, n in enumerate(COUNTS)])


def describe_imbalanced_draw(data):
    inputs = {"train": data.select("train")}
    return Stage("labels", "labels", draw_imbalanced, ArrayFormat("indices"), inputs=inputs)


@pytest.mark.parametrize("balance", ["cap", "equal", "none"])
def test_level_is_in_the_keys_of_what_depends_on_it_and_in_no_others(digits, tmp_path, balance):
    other, level = (make_stages(digits, balance=b) for b in (balance, "level"))
    for source, inputs in (("synthetic", {"images"}), ("pool", {"train", "drawn"})):
        assert set(other.label_images(source).inputs) == {*inputs, "networks"}
        found = set(level.label_images(source).inputs)
        assert found == {*inputs, "networks", "train_labels", "drawn"}
    for arm in NEEDY:
        assert "level" not in other.describe_arm(arm)
        assert level.describe_arm(arm)["level"] is True
    store = Store(tmp_path)
    for arm in ("original", "shift", "class_weight", "oversample", "repeat"):
        same = [store.locate(stages.build_training_set(CNN, arm)) for stages in (other, level)]
        assert same[0] == same[1]
    again, capped = make_stages(digits, per_class=21), make_stages(digits)
    assert len({store.locate(s.label_images("pool")).path for s in (again, capped, level)}) == 3


def test_a_leveled_run_has_every_arm_and_equal_weight_of_every_class(digits, cpu, tmp_path):
    stages = make_stages(digits, cpu, describe_imbalanced_draw, balance="level", per_class=TARGET)
    plan = RunPlan(stages, sum(COUNTS), len(digits.train) - sum(COUNTS))
    execute = Executor(Store(tmp_path), execute_stage)
    outcome = run_stages(plan, execute)
    assert {score.arm for score in outcome.comparison.scores} == set(stages.config.arms)
    for source, pseudo in outcome.pseudo.items():
        found = pseudo.load()
        accepted = np.bincount(found.labels[found.accepted], minlength=10)
        eligible = np.bincount(found.labels, minlength=10)
        np.testing.assert_array_equal(accepted, np.minimum(eligible, TARGET - np.array(COUNTS)))
        assert accepted.sum() <= stages.bound_accepted(source, COUNTS)
    for arm in ("class_weight", "oversample", *NEEDY):
        built = execute(stages.build_training_set(CNN, arm)).load()
        labels = built.targets.argmax(axis=1)
        carried = np.bincount(labels, weights=built.weights)[np.unique(labels)]
        np.testing.assert_allclose(carried, carried.mean(), rtol=1e-4)
