"""How much a classifier learns from a teacher: the rule, and what is held out."""

import numpy as np
import pytest

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.classifiers.lightgbm import LightgbmConfig
from gan_aug.images import ImageSpec, LabeledImages
from gan_aug.teachers.trust import Trust, examine_classifier

CLASSES = ("black", "white")


@pytest.fixture
def labeled():
    """Return dark and bright images, of which a tenth has the wrong label."""
    labels = np.repeat([0, 1], 100).astype(np.uint16)
    images = np.random.default_rng(0).integers(0, 100, (200, 16, 16)) + 150 * labels[:, None, None]
    wrong = np.arange(0, 200, 10)
    labels[wrong] = 1 - labels[wrong]
    return LabeledImages(images.astype(np.uint8), labels, ImageSpec((16, 16, 1), CLASSES))


@pytest.mark.parametrize(
    ("student_error", "teacher_error", "share"),
    [
        (0.2, 0.0, 1.0),
        (0.2, 0.1, 1.0),
        (0.2, 0.15, 0.5),
        (0.2, 0.2, 0.0),
        (0.2, 0.3, 0.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_labels_count_in_full_only_where_the_teacher_makes_half_of_the_errors(
    student_error, teacher_error, share
):
    trust = Trust(student_error=student_error, teacher_error=teacher_error)
    assert trust.share == pytest.approx(share)


def test_a_classifier_is_asked_about_the_half_that_it_did_not_learn_from(labeled):
    """It would be right about everything that it has seen."""
    asked = []

    def memorize(training_set, _config, *, seed, **_ignored):
        assert seed == 5
        seen = zip(training_set.images, training_set.targets.argmax(axis=1), strict=True)
        return {image.tobytes(): label for image, label in seen}

    def recall(memory, images):
        asked.extend(images)
        assert not any(image.tobytes() in memory for image in images)
        return np.eye(2, dtype=np.float32)[np.zeros(len(images), int)]

    config = LightgbmConfig()
    drawn = np.arange(0, 200, 2)
    error = examine_classifier(labeled, drawn, fit=memorize, predict=recall, config=config, seed=5)
    assert error == pytest.approx((labeled.labels[drawn] == 1).mean())
    expected = {image.tobytes() for image in labeled.images[drawn]}
    assert {image.tobytes() for image in asked} == expected
    assert len(asked) == len(drawn)


@pytest.mark.parametrize("name", ["lightgbm", "random_forest"])
def test_a_classifier_errs_about_labels_that_are_wrong(labeled, name):
    classifier = CLASSIFIERS[name]
    told = []
    error = examine_classifier(
        labeled,
        np.arange(200),
        fit=classifier.train,
        predict=classifier.predict,
        config=classifier.settings(),
        seed=0,
        on_progress=lambda step, _losses: told.append(step),
    )
    assert 0.1 <= error < 0.2, "a tenth of the labels is wrong"
    assert told == sorted(told)
    assert told[-1] == 2 * classifier.settings().steps
