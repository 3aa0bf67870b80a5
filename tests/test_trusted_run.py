"""A run whose classifiers learn from the teacher as much as the labels say that they can."""

import numpy as np
import pytest
from tiny import TINY_RUN

from gan_aug.arms import ARMS
from gan_aug.classifiers import CLASSIFIERS
from gan_aug.classifiers.cnn import CNN
from gan_aug.classifiers.lightgbm import LIGHTGBM
from gan_aug.data.dataset import describe_dataset
from gan_aug.device import Compute
from gan_aug.execution import Executor, execute_stage
from gan_aug.pipeline import RunPlan, plan_run, run_stages
from gan_aug.settings.presets import resolve_config
from gan_aug.stages import RunStages, describe_draw
from gan_aug.store.store import Store

LABELS = 60


def make_stages(digits, teacher="consistency", arms=tuple(ARMS), **pseudo_labels):
    pseudo_labels |= TINY_RUN["pseudo_labels"] | {"teacher": teacher}
    changes = {"labels": LABELS, "arms": arms, "pseudo_labels": pseudo_labels}
    config = resolve_config("smoke", TINY_RUN | changes)
    data = describe_dataset(digits.provenance, digits)
    planned = config.plan(LABELS, digits.provenance.count_training_images())
    return RunStages(planned, data, digits.provenance, describe_draw(config, data), Compute())


def test_only_what_a_teacher_labels_depends_on_the_trust_in_it(digits):
    stages = make_stages(digits)
    for arm, entry in ARMS.items():
        assert ("trust" in stages.build_training_set(CNN, arm).inputs) == bool(entry.needs)


@pytest.mark.parametrize("settled", [{"teacher": "shift"}, {"teacher": "sgan"}, {"trust": 0.5}])
def test_nobody_is_asked_where_the_trust_is_settled(digits, settled):
    stages = make_stages(digits, **settled)
    assert stages.judge_teacher(CNN) is None
    built = stages.build_training_set(CNN, "gan")
    assert "trust" not in built.inputs
    assert built.settings.get("trust") == settled.get("trust")
    assert "trust" not in stages.build_training_set(CNN, "shift").settings


def test_every_classifier_has_its_own_trust(digits, tmp_path):
    stages, execute = make_stages(digits), Executor(Store(tmp_path), execute_stage)
    unlabeled = digits.provenance.count_training_images() - LABELS
    outcome = run_stages(RunPlan(stages, LABELS, unlabeled), execute)
    assert set(outcome.trust) == set(stages.config.classifiers)
    judged = {name: output.load() for name, output in outcome.trust.items()}
    assert judged["cnn"].teacher_error == judged["lightgbm"].teacher_error
    assert judged["cnn"].student_error != judged["lightgbm"].student_error
    unneeded = make_stages(digits, arms=("original", "shift"))
    assert run_stages(RunPlan(unneeded, LABELS, unlabeled), execute).trust == {}
    for name, trust in judged.items():
        weights = execute(stages.build_training_set(CLASSIFIERS[name], "gan")).load().weights
        added = weights[LABELS:]
        assert (len(added) > 0) == (trust.share > 0)
        if len(added):
            full = make_stages(digits, trust=1.0).build_training_set(LIGHTGBM, "gan")
            expected = execute(full).load().weights
            ratio = (added[0] / weights[0]) / (expected[LABELS] / expected[0])
            assert ratio == pytest.approx(trust.share, rel=1e-4)
        assert np.isclose(weights.mean(), 1)


def test_one_label_a_class_is_held_out_by_nobody_and_counts_in_full(digits, tmp_path):
    execute = Executor(Store(tmp_path), execute_stage)
    arms = ("original", "gan", "real_pool")
    pseudo_labels = TINY_RUN["pseudo_labels"] | {"teacher": "consistency"}
    changes = {"labels": 10, "arms": arms, "pseudo_labels": pseudo_labels}
    config = resolve_config("smoke", TINY_RUN | changes)
    plan = plan_run(execute, config, describe_dataset(digits.provenance, digits), Compute())
    outcome = run_stages(plan, execute)
    assert outcome.trust == {}
    assert execute(plan.stages.build_training_set(CNN, "gan")).load().weights[10:].sum() > 0
