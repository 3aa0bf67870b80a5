"""A run whose DCGAN is told what the teacher found."""

import numpy as np
import pytest
from tiny import TINY_RUN

from gan_aug.data.dataset import describe_dataset
from gan_aug.device import Compute
from gan_aug.errors import UserError
from gan_aug.execution import Executor, execute_stage
from gan_aug.flows.cells import name_dcgan
from gan_aug.images import Decision
from gan_aug.pipeline import plan_run, run_stages
from gan_aug.reporting.contents import fill_run
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import Run
from gan_aug.settings.presets import resolve_config
from gan_aug.stages import RunStages, describe_draw, describe_left_out
from gan_aug.store.store import Store

CPU = Compute()
LABELS = 30


def configure(condition="teacher", labels=LABELS, **dcgan):
    changes = TINY_RUN["dcgan"] | {"condition": condition} | dcgan
    return resolve_config(
        "smoke",
        TINY_RUN | {"labels": labels, "dcgan": changes, "arms": ["original", "gan", "real_pool"]},
    )


def make_stages(digits, config):
    data = describe_dataset(digits.provenance, digits)
    return RunStages(config, data, digits.provenance, describe_draw(config, data), CPU)


def locate(store, *stages):
    return [store.locate(stage).path for stage in stages]


@pytest.fixture(scope="module")
def ran(digits, tmp_path_factory):
    """The outcome of a tiny run, what executed it, and its stages."""
    config = configure()
    execute = Executor(Store(tmp_path_factory.mktemp("store")), execute_stage)
    plan = plan_run(execute, config, describe_dataset(digits.provenance, digits), CPU)
    return run_stages(plan, execute), execute, plan.stages


def test_the_teacher_is_trained_before_the_dcgan_and_the_dcgan_on_what_it_says(ran, digits):
    outcome, execute, stages = ran
    labels = [output.label for output in outcome.stages]
    assert labels.index("CNN, shift") < labels.index("teacher's labels") < labels.index("DCGAN")
    named = execute(stages.name_images()).load()
    drawn = execute(stages.drawn).load()
    np.testing.assert_array_equal(named[drawn], digits.train.labels[drawn])
    made = execute(stages.synthesize()).load()
    assert set(np.unique(made.intended)) <= set(np.unique(named))


def test_what_is_accepted_is_what_teacher_and_intention_agree_about(ran):
    outcome, execute, stages = ran
    pseudo = outcome.pseudo["synthetic"].load()
    np.testing.assert_array_equal(pseudo.intended, execute(stages.synthesize()).load().intended)
    assert (pseudo.labels == pseudo.intended)[pseudo.accepted].all()
    other = pseudo.decisions == Decision.DISAGREEMENT
    assert other.any()
    assert (pseudo.labels != pseudo.intended)[other].all()
    real = outcome.pseudo["pool"].load()
    assert real.intended is None
    assert {score.arm for score in outcome.comparison.scores} == {"original", "gan", "real_pool"}


def test_the_report_says_how_often_they_agree(ran, digits, tmp_path):
    outcome, _, stages = ran
    run = Run.open(tmp_path, "mine", stages.config)
    run.write_environment(describe_environment(CPU, digits.provenance))
    fill_run(run, outcome)
    pseudo = outcome.pseudo["synthetic"].load()
    report = run.read_report()
    assert f"The teacher agrees about {pseudo.agreement.mean():.1%} of them" in report
    assert "rejected: not the class it was meant to have" in report


def test_the_same_run_is_reused_whole(ran, digits):
    _, execute, _ = ran
    again = Executor(execute.store, execute_stage)
    data = describe_dataset(digits.provenance, digits)
    outcome = run_stages(plan_run(again, configure(), data, CPU), again)
    assert all(output.reused for output in outcome.stages)


def test_only_a_conditioned_dcgan_depends_on_the_teacher(digits, tmp_path):
    store = Store(tmp_path)
    dcgans = {
        condition: locate(
            store,
            *(
                make_stages(digits, configure(condition, labels)).train_dcgan()
                for labels in (30, 40)
            ),
        )
        for condition in ("none", "teacher")
    }
    assert dcgans["none"][0] == dcgans["none"][1]
    assert len({*dcgans["none"], *dcgans["teacher"]}) == 3
    shared, own = ([name_dcgan(configure(c, n)) for n in (30, 40)] for c in ("none", "teacher"))
    assert shared[0] == shared[1]
    assert own[0] != own[1]
    plain = make_stages(digits, configure("none"))
    assert set(plain.train_dcgan().inputs) == {"images"}
    assert "intended" not in plain.label_images("synthetic").inputs


def test_a_dcgan_without_a_class_is_told_of_none(digits):
    dcgan, _ = describe_left_out(configure(), digits.provenance, 3, CPU)
    assert not dcgan.settings["config"].conditioned
    assert set(dcgan.inputs) == {"train"}


def test_fewer_clusters_than_classes_are_refused_before_anything_is_trained(digits, tmp_path):
    execute = Executor(Store(tmp_path), execute_stage)
    data = describe_dataset(digits.provenance, digits)
    with pytest.raises(UserError, match=r"dcgan.clusters: expected at least 10.*found 9"):
        plan_run(execute, configure(clusters=9), data, CPU)
    assert {output.label for output in execute.outputs.values()} <= {"load", "labels"}
    assert plan_run(execute, configure("none", clusters=9), data, CPU)
