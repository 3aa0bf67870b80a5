"""What every teacher of the registry promises, whatever it is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sources import split_arrays

from gan_aug.arms import ARMS, build_training_set
from gan_aug.classifiers.cnn import CNN
from gan_aug.data.dataset import Dataset, describe_dataset, draw_labeled
from gan_aug.device import Compute
from gan_aug.execution import Executor, execute_stage
from gan_aug.images import TrainingSet
from gan_aug.seeding import derive_seed
from gan_aug.settings.flags import flatten
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.stage import External, Stage
from gan_aug.store.formats import ArrayFormat, ArraysFormat
from gan_aug.store.store import Store
from gan_aug.teachers import TEACHERS

CLASSES = 3
LABELS = 12
# Of the teachers whose defaults would take long; a new one may well do without.
SETTINGS = {
    "labels": LABELS,
    "cnn": {"updates": 3, "epochs": 0, "batch_size": 8},
    "encoder": {"steps": 3, "batch_size": 8, "width": 4},
    "consistency": {"updates": 3, "rounds": 2, "batch_size": 8, "labeled_batch_size": 8},
    "sgan": {"updates": 3, "batch_size": 8, "labeled_batch_size": 8},
}

pytestmark = pytest.mark.parametrize("teacher", TEACHERS.values(), ids=TEACHERS)


@dataclass(frozen=True)
class Ingredients:
    """A run, as far as its teacher sees it."""

    config: RunConfig
    data: Stage[Dataset]
    drawn: Stage[Any]
    compute: Compute

    def train_classifier(self, classifier, arm, member=1):
        """Return the training of a classifier on an arm."""
        assert not ARMS[arm].needs, "nothing is labeled before there is a teacher"
        settings = {"arm": arm, "config": self.config.augmentation, "targets": "soft"}
        training_set = Stage(
            "training-set",
            f"training set, {arm}",
            build_training_set,
            ArraysFormat("training_set", TrainingSet),
            settings={**settings, "copies": 9, "seed": self.config.seed},
            inputs={"train": self.data.select("train"), "drawn": self.drawn},
        )
        return Stage(
            classifier.name,
            f"{classifier.title}, {arm}, network {member}",
            classifier.train,
            classifier.format,
            settings={
                "config": self.config.of(classifier),
                "seed": derive_seed(self.config.seed, member),
            },
            inputs={"training_set": training_set},
            compute=self.compute,
            steps=self.config.of(classifier).steps,
            trains=True,
        )


@pytest.fixture(scope="module")
def pictures():
    """Small RGB pictures of three kinds."""
    rng = np.random.default_rng(0)
    labels = np.arange(48) % CLASSES
    images = rng.integers(0, 100, (48, 16, 16, 3))
    images[np.arange(48), :, :, labels] += 150
    arrays = {"x_train": images[:36], "y_train": labels[:36]}
    arrays |= {"x_test": images[36:], "y_test": labels[36:]}
    return split_arrays(
        "pictures", {name: array.astype(np.uint8) for name, array in arrays.items()}
    )


@pytest.fixture
def ingredients(teacher, pictures, cpu):
    config = resolve_config("quick", SETTINGS | {"pseudo_labels": {"teacher": teacher.name}})
    data = describe_dataset(pictures.provenance, pictures)
    drawn = Stage(
        "labels",
        "labels",
        draw_labeled,
        ArrayFormat("indices"),
        settings={"budget": LABELS, "seed": config.seed},
        inputs={"train": data.select("train")},
    )
    return Ingredients(
        config.plan(LABELS, pictures.provenance.count_training_images()), data, drawn, cpu
    )


def test_its_networks_are_stages_that_differ_and_label_images(
    teacher, ingredients, pictures, tmp_path
):
    store = Store(tmp_path)
    stages = [teacher.plan(ingredients, number) for number in (1, 2)]
    assert all(stage.trains for stage in stages)
    execute = Executor(store, execute_stage)
    outputs = [execute(stage) for stage in stages]
    assert all((output.entry.folder / teacher.file).is_file() for output in outputs)
    assert len({output.label for output in outputs}) == 2

    opinions, told = [], []
    for output in outputs:
        opinion = teacher.predict(
            output.load(), pictures.test.images, lambda done, metrics: told.append(done)
        )
        assert opinion.shape == (len(pictures.test), CLASSES)
        assert opinion.dtype == np.float32
        np.testing.assert_allclose(opinion.sum(axis=1), 1, atol=1e-5)
        opinions.append(opinion)
    assert told == [len(pictures.test)] * 2
    assert not np.array_equal(*opinions)

    again = Executor(store, execute_stage)
    assert all(again(teacher.plan(ingredients, number)).reused for number in (1, 2))


def test_an_estimate_of_memory_grows_with_the_images(teacher):
    small, large = (
        teacher.estimate_memory(shape, 10, 1000, RunConfig())
        for shape in ((28, 28, 1), (64, 64, 3))
    )
    assert 0 < small < large


def test_it_is_named_for_flags_and_for_people(teacher):
    assert TEACHERS[teacher.name] is teacher
    assert teacher.kind
    assert teacher.description
    assert set(teacher.depends_on) <= set(RunConfig.model_fields)
    assert resolve_config("quick", {"pseudo_labels": {"teacher": teacher.name}})
    flags = {f"--{name}".replace("_", "-") for name in flatten(RunConfig().model_dump())}
    named = {word.strip(",") for word in teacher.remedy.split() if word.startswith("--")}
    assert named
    assert named <= flags


def test_one_that_is_the_cnn_of_an_arm_costs_its_students_nothing(teacher, ingredients, tmp_path):
    """Its first network is that classifier on that arm, in the same place of the store."""
    if teacher.arm is None:
        pytest.skip("it has networks of its own")
    store = Store(tmp_path)
    of_the_arm = ingredients.train_classifier(CNN, teacher.arm)
    assert store.locate(teacher.plan(ingredients, 1)) == store.locate(of_the_arm)


@pytest.mark.parametrize("student_error", [0.0, 1.0])
def test_a_teacher_that_is_examined_says_how_often_it_errs(
    teacher, ingredients, tmp_path, student_error
):
    if teacher.examine is None:
        pytest.skip("its labels count in full")
    execute = Executor(Store(tmp_path), execute_stage)
    told = External(str(student_error), lambda: student_error)
    asked = execute(teacher.examine(ingredients, told)).load()
    assert 0 <= asked <= 1
    assert asked * LABELS == pytest.approx(round(asked * LABELS)), "of all labels, each once"
