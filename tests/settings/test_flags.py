"""What is printed to be typed again makes the same settings again."""

from typing import Annotated, Literal

import pytest
from cyclopts import App, Parameter

from gan_aug.arms import STUDY_ARMS
from gan_aug.settings.anomalies import AnomalyConfig
from gan_aug.settings.flags import flatten, to_flags, to_source_flags, to_study_flags
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig

DEFAULT_ARMS = {"arms": STUDY_ARMS}
TUNED = {
    "labels": "all",
    "arms": ["gan", "shift"],
    "classifiers": ["lightgbm"],
    "seed": 3,
    "cnn": {"updates": 7, "epochs": 0},
    "dcgan": {"generator_learning_rate": 2e-4, "feature_matching": True},
    "pseudo_labels": {"teacher": "sgan", "targets": "hard"},
    "quality": {"enabled": True, "judge": {"updates": 9}},
    "gates": {"enabled": True},
}


def test_flags_say_what_differs_from_quick():
    config = resolve_config("quick", {"labels": 500, "pseudo_labels": {"per_class": 3}})
    assert to_flags(config) == [
        "--dataset",
        "mnist",
        "--labels",
        "500",
        "--pseudo-labels.per-class",
        "3",
    ]


def test_the_flag_of_a_switch_carries_its_value():
    config = resolve_config("quick", {"quality": {"enabled": True}})
    assert to_flags(config) == ["--dataset", "mnist", "--quality.enabled"]


def parse(command, words):
    """Return what a command that takes these flags makes of the words."""
    app = App(result_action="return_value")
    app.default(command)
    return app(words, exit_on_error=False)


def take_run(*, config: Annotated[RunConfig, Parameter(name="*")] = RunConfig()):
    """Make the settings of a run, as ``gan-aug run`` does."""
    return resolve_config("quick", {"dataset": "auto"} | config.model_dump(exclude_unset=True))


def take_study(
    *,
    budgets: tuple[int | Literal["all"], ...] = StudyConfig().budgets,
    draws: tuple[int, ...] = StudyConfig().draws,
    config: Annotated[RunConfig, Parameter(name="*")] = RunConfig(),
):
    """Make the settings of a study, as ``gan-aug study`` does."""
    changes = config.model_dump(exclude_unset=True)
    assert "labels" not in changes, "gan-aug study refuses --labels"
    run = resolve_config("quick", {"dataset": "auto"} | DEFAULT_ARMS | changes)
    return StudyConfig(budgets=budgets, draws=draws, run=run)


@pytest.mark.parametrize("preset", ["smoke", "quick", "chapter", "paper"])
@pytest.mark.parametrize("changes", [{}, TUNED, {"dataset": "auto"}], ids=["", "tuned", "auto"])
def test_the_printed_command_of_a_run_makes_the_same_run(preset, changes):
    config = resolve_config(preset, changes)
    assert parse(take_run, to_flags(config)) == config


@pytest.mark.parametrize(
    "run",
    [
        {},
        DEFAULT_ARMS,
        {"arms": ["original"]},
        {"arms": ["original", "shift", "gan"]},
        {"dataset": "auto"},
        {"dataset": "digits", "seed": 4, **DEFAULT_ARMS},
        {name: value for name, value in TUNED.items() if name != "labels"},
    ],
)
def test_the_printed_command_of_a_study_makes_the_same_study(run):
    """Also where the arms are those that a run has by default, and a study does not."""
    config = StudyConfig(budgets=(50, "all"), draws=(2, 1), run=resolve_config("quick", run))
    words = to_study_flags(config)
    assert parse(take_study, words) == config
    assert ("--arms" in words) == (config.run.arms != DEFAULT_ARMS["arms"])


def test_the_printed_command_of_a_study_has_budgets_and_no_labels():
    config = StudyConfig(run=RunConfig(labels=77))
    assert "--labels" not in to_study_flags(config)
    assert parse(take_study, to_study_flags(config)).list_runs() == config.list_runs()


def test_the_flags_of_a_source_begin_with_it():
    assert to_source_flags(PicturesConfig(source="cats")) == ["cats"]
    config = PicturesConfig(source="cats", side=32, dcgan={"steps": 7})
    assert to_source_flags(config) == ["cats", "--side", "32", "--dcgan.steps", "7"]
    config = AnomalyConfig(source="a run", leave_one_out=True, part="test")
    assert to_source_flags(config) == ["a run", "--part", "test", "--leave-one-out"]


def test_nested_settings_become_dotted_names():
    assert flatten({"a": 1, "b": {"c": {"d": 2}, "e": 3}}) == {"a": 1, "b.c.d": 2, "b.e": 3}
