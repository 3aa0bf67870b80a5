import pytest
from pydantic import ValidationError

from gan_aug.settings.run import PRESETS, RunConfig, StudyConfig, resolve_config, to_flags


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_and_overridable(preset):
    config = resolve_config(preset, {"labels": 50, "dcgan": {"steps": 7}})
    assert (config.labels, config.dcgan.steps) == (50, 7)


def test_quick_is_the_default():
    assert resolve_config("quick") == RunConfig()


def test_overrides_leave_the_preset_alone():
    before = resolve_config("chapter")
    resolve_config("chapter", {"dcgan": {"steps": 1}})
    assert resolve_config("chapter") == before


def test_chapter_has_the_chapters_numbers():
    chapter = resolve_config("chapter")
    assert chapter.labels == "all"
    assert (chapter.dcgan.steps, chapter.dcgan.batch_size, chapter.dcgan.interval) == (
        10_000,
        256,
        500,
    )
    assert chapter.dcgan.discriminator_learning_rate == 2e-4
    assert chapter.dcgan.generator_learning_rate == 1e-4


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": 9},
        {"labels": "some"},
        {"seed": -1},
        {"dataset": ""},
        {"unknown": 1},
        {"dcgan": {"unknown": 1}},
        {"dcgan": {"steps": 0}},
        {"dcgan": {"generator_learning_rate": float("nan")}},
        {"pseudo_labels": {"confidence_threshold": 1.1}},
        {"augmentation": {"added_share": 1.0}},
        {"arms": ["unknown"]},
    ],
)
def test_a_field_out_of_range_or_unknown_is_refused(wrong):
    with pytest.raises(ValidationError):
        resolve_config("quick", wrong)


def test_folds_are_refused_where_there_are_no_cnns_to_train_on_them():
    with pytest.raises(ValidationError, match="expected 0 with the teacher `sgan`"):
        resolve_config("quick", {"pseudo_labels": {"teacher": "sgan", "calibration_folds": 3}})


def test_original_is_always_the_first_arm_and_each_arm_there_once():
    config = resolve_config("quick", {"arms": ["gan", "shift", "gan", "original"]})
    assert config.arms == ("original", "gan", "shift")


def test_every_field_is_described():
    """The flags' help, the UI's form and the docs all come from the descriptions."""

    def undescribed(model):
        for name, field in model.model_fields.items():
            if not field.description:
                yield name
            if hasattr(field.annotation, "model_fields"):
                yield from undescribed(field.annotation)

    assert list(undescribed(RunConfig)) == []


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


def test_one_setting_of_the_judge_leaves_its_others():
    judge = resolve_config("quick", {"quality": {"judge": {"updates": 7}}}).quality.judge
    assert judge == RunConfig().quality.judge.model_copy(update={"updates": 7})
    assert judge.batch_size != RunConfig().cnn.batch_size


def test_the_flag_of_a_switch_carries_its_value():
    config = resolve_config("quick", {"quality": {"enabled": True}})
    assert to_flags(config) == ["--dataset", "mnist", "--quality.enabled"]


def test_a_study_lists_its_runs_draw_by_draw():
    config = StudyConfig(budgets=(100, 1000, "all"), draws=(3, 2, 1), run=RunConfig(seed=7))
    assert [(run.labels, run.seed) for run in config.list_runs()] == [
        (100, 7),
        (1000, 7),
        ("all", 7),
        (100, 8),
        (1000, 8),
        (100, 9),
    ]
    assert len(StudyConfig(budgets=(100, 1000), draws=(5,)).list_runs()) == 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"budgets": ()},
        {"budgets": (9,)},
        {"budgets": (50, 50)},
        {"draws": (1, 2, 3)},
        {"draws": (0,)},
    ],
)
def test_a_grid_that_is_none_is_refused(wrong):
    with pytest.raises(ValidationError):
        StudyConfig(**wrong)
