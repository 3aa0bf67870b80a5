import pytest
from pydantic import ValidationError

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.classifiers.cnn import CNN, CnnConfig
from gan_aug.settings.anomalies import AnomalyConfig
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.presets import PRESETS, resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig
from gan_aug.settings.suggestion import SuggestionConfig
from gan_aug.teachers import TEACHERS


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
        {"labels": 1},
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
        {"classifiers": ["unknown"]},
        {"classifiers": []},
        {"pseudo_labels": {"teacher": "unknown"}},
        {"pseudo_labels": {"calibration_folds": 1}},
        {"augmentation": {"shift": 0.5}},
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


def test_one_setting_of_the_judge_leaves_its_others():
    judge = resolve_config("quick", {"quality": {"judge": {"updates": 7}}}).quality.judge
    assert judge == RunConfig().quality.judge.model_copy(update={"updates": 7})
    assert judge.batch_size != RunConfig().cnn.batch_size


def test_whatever_is_registered_brings_its_settings_with_their_defaults():
    for part in (*CLASSIFIERS.values(), *TEACHERS.values()):
        if part.settings:
            field = RunConfig.model_fields[part.name]
            assert field.annotation is part.settings
            assert field.description == part.description
            assert getattr(RunConfig(), part.name) == part.settings()


def test_the_settings_of_a_classifier_are_found_by_its_name():
    config = resolve_config("quick", {"cnn": {"updates": 7}})
    assert config.of(CNN) == CnnConfig(updates=7)


def test_a_plan_fits_every_classifier_to_the_labels_and_leaves_the_rest():
    config = resolve_config("quick", {"labels": "all", "dcgan": {"steps": 7}})
    planned = config.plan(50_000, 50_000)
    assert planned.cnn.updates == 6250
    assert planned.lightgbm.min_child_samples == 20
    assert planned.dcgan == config.dcgan
    assert planned.plan(50_000, 50_000) == planned


@pytest.mark.parametrize(
    ("labels", "folds", "teacher"),
    [
        (100, 0, "consistency"),
        (499, 0, "consistency"),
        (500, 0, "shift"),
        (1000, 0, "shift"),
        (100, 3, "shift"),
    ],
)
def test_by_default_the_teacher_learns_from_images_where_most_have_no_label(labels, folds, teacher):
    config = resolve_config("quick", {"pseudo_labels": {"calibration_folds": folds}})
    assert config.plan(labels, 1000).pseudo_labels.teacher == teacher


def test_a_teacher_that_is_asked_for_stays():
    config = resolve_config("quick", {"pseudo_labels": {"teacher": "original"}})
    assert config.plan(100, 1000).pseudo_labels.teacher == "original"


@pytest.mark.parametrize(
    ("architecture", "minibatch", "compares"),
    [("compact", 0, False), ("chapter", 0, False), ("paper", 0, True), ("compact", 3, True)],
)
def test_a_discriminator_that_compares_images_is_known_by_its_settings(
    architecture, minibatch, compares
):
    changes = {
        "architecture": architecture,
        "minibatch_discrimination": minibatch,
        "gradient_penalty": 0,
    }
    assert resolve_config("quick", {"dcgan": changes}).dcgan.compares_images == compares


def find_unbounded(schema, path=""):
    """Yield the paths of whole numbers that may be beyond 32 bits."""
    if isinstance(schema, list):
        for part in schema:
            yield from find_unbounded(part, path)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "integer":
        end = schema.get("exclusiveMaximum", schema.get("maximum", float("inf")))
        if end > 2**31:
            yield path
    for name, part in schema.items():
        yield from find_unbounded(part, f"{path}.{name}")


@pytest.mark.parametrize(
    "config", [RunConfig, StudyConfig, AnomalyConfig, PicturesConfig, SuggestionConfig]
)
def test_every_whole_number_stays_within_32_bits(config):
    assert list(find_unbounded(config.model_json_schema())) == []
