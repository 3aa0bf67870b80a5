"""What every classifier of the registry promises, whatever it is."""

import numpy as np
import pytest

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.images import TrainingSet, one_hot
from gan_aug.settings.flags import flatten
from gan_aug.settings.run import RunConfig

# Of the classifiers whose defaults would take long; a new one may well do without.
SETTINGS = {
    "cnn": {"updates": 20, "epochs": 0, "batch_size": 16, "learning_rate": 3e-3},
    "lightgbm": {"rounds": 10},
}
SHAPES = [((16, 16, 1), 2), ((28, 28, 1), 47), ((64, 64, 3), 3)]
SMALL = (16, 16, 1)

pytestmark = pytest.mark.parametrize("classifier", CLASSIFIERS.values(), ids=CLASSIFIERS)


def draw_images(labels, classes, shape=SMALL, seed=0):
    """Noise, in which every class has bright pixels of its own."""
    marks = np.random.default_rng(99).random((classes, *shape)) < 0.3
    noise = np.random.default_rng(seed).integers(0, 100, (len(labels), *shape))
    images = np.where(marks[labels], noise + 150, noise).astype(np.uint8)
    return images[..., 0] if shape[-1] == 1 else images


def build_set(labels, classes, shape=SMALL, weights=None):
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights)
    return TrainingSet(
        draw_images(labels, classes, shape),
        one_hot(np.asarray(labels), classes),
        (weights / weights.mean()).astype(np.float32),
    )


def settings_of(classifier, labels):
    return classifier.settings(**SETTINGS.get(classifier.name, {})).plan(labels)


@pytest.fixture
def train(classifier, cpu):
    """Return a trainer with few steps, planned for as many labels as there are images."""

    def train(training_set, seed=0, **listener):
        config = settings_of(classifier, len(training_set))
        return classifier.train(training_set, config, seed=seed, compute=cpu, **listener)

    return train


@pytest.mark.parametrize(("shape", "classes"), SHAPES)
def test_every_image_gets_a_distribution_over_all_classes_also_from_a_file(
    classifier, train, tmp_path, shape, classes
):
    told, asked = [], []
    labels = np.arange(2 * classes) % classes
    model = train(
        build_set(labels, classes, shape), on_progress=lambda done, metrics: told.append(done)
    )
    assert told[-1] == settings_of(classifier, len(labels)).steps
    assert told == sorted(set(told))

    images = draw_images(np.arange(6) % classes, classes, shape, seed=1)
    found = classifier.predict(model, images, lambda done, metrics: asked.append(done))
    assert found.shape == (6, classes)
    assert found.dtype == np.float32
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert asked[-1] == 6

    classifier.format.save(tmp_path, model)
    assert [path.name for path in tmp_path.iterdir()] == [classifier.file]
    loaded = classifier.format.load(tmp_path)
    np.testing.assert_array_equal(classifier.predict(loaded, images), found)


def test_it_tells_classes_apart_and_never_takes_an_image_for_a_class_without_any(classifier, train):
    labels = np.array([0, 2] * 20)
    model = train(build_set(labels, 4))
    images = draw_images(np.array([0, 1, 2, 3] * 10), 4, seed=1)
    found = classifier.predict(model, images)
    assert found.shape == (40, 4)
    assert set(found.argmax(axis=1)) == {0, 2}
    assert (found[0::4].argmax(axis=1) == 0).mean() > 0.9
    assert (found[2::4].argmax(axis=1) == 2).mean() > 0.9


def test_one_class_alone_is_what_everything_is(classifier, train):
    model = train(build_set(np.full(20, 1), 3))
    found = classifier.predict(model, draw_images(np.array([0, 1, 2]), 3, seed=1))
    assert found.shape == (3, 3)
    assert found.argmax(axis=1).tolist() == [1, 1, 1]


@pytest.mark.parametrize("little", [0.0, 0.1])
def test_of_two_labels_for_the_same_images_the_heavier_wins(classifier, train, little):
    """A weight of 0 is as good as no image."""
    images = draw_images(np.zeros(20, int), 3)
    twice = TrainingSet(
        np.concatenate([images, images]),
        one_hot(np.repeat([2, 1], 20), 3),
        np.repeat([2 - little, little], 20).astype(np.float32),
    )
    found = classifier.predict(train(twice), images)
    assert (found.argmax(axis=1) == 2).all()


def test_soft_targets_are_learned_as_they_are(classifier, train):
    labels = np.zeros(40, int)
    soft = np.tile(np.array([0.7, 0.3, 0.0], np.float32), (40, 1))
    training_set = TrainingSet(draw_images(labels, 3), soft, np.ones(40, np.float32))
    found = classifier.predict(train(training_set), draw_images(labels, 3, seed=1)).mean(axis=0)
    assert 0.5 < found[0] < 0.9
    assert 0.1 < found[1] < 0.5


def test_the_seed_decides(classifier, train):
    training_set = build_set(np.arange(30) % 3, 3)
    images = draw_images(np.arange(30) % 3, 3, seed=1)
    same, again, other = (
        classifier.predict(train(training_set, seed), images) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(same, again)
    assert not np.array_equal(same, other)


@pytest.mark.parametrize("labels", [2, 20, 1000, 60_000])
def test_settings_are_planned_once(classifier, labels):
    planned = classifier.settings().plan(labels)
    assert type(planned) is classifier.settings
    assert planned.plan(labels) == planned
    assert planned.steps >= 1


def test_an_estimate_of_memory_grows_with_images_and_their_number(classifier):
    config = classifier.settings()
    small, large, many = (
        classifier.estimate_memory(shape, 10, config, rows)
        for shape, rows in (((28, 28, 1), 100), ((64, 64, 3), 100), ((28, 28, 1), 10_000))
    )
    assert 0 < small < large
    assert small <= many


def test_it_is_named_for_flags_and_for_people(classifier):
    assert CLASSIFIERS[classifier.name] is classifier
    assert classifier.title in classifier.phrase
    flags = {f"--{name}".replace("_", "-") for name in flatten(RunConfig().model_dump())}
    named = {word.strip(",") for word in classifier.remedy.split() if word.startswith("--")}
    assert named
    assert named <= flags
