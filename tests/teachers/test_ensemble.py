import numpy as np
import pytest
from scipy import special

from gan_aug.device import select_compute
from gan_aug.errors import UserError
from gan_aug.evaluation.calibration import measure_calibration
from gan_aug.images import ImageSpec, LabeledImages
from gan_aug.settings.base import StageConfig
from gan_aug.teachers import ensemble
from gan_aug.teachers.ensemble import (
    ask_networks,
    average_opinions,
    check_folds,
    cross_fit_temperature,
    fit_temperature,
    scale_temperature,
)


@pytest.fixture(params=[2, 10, 47])
def truthful(request):
    """Probabilities, and labels drawn from them: a classifier that is calibrated."""
    rng = np.random.default_rng(0)
    shape = (20_000, request.param)
    probabilities = special.softmax(rng.normal(0, 2, shape), axis=1).astype(np.float32)
    drawn = probabilities.cumsum(axis=1) > rng.random((len(probabilities), 1))
    return probabilities, drawn.argmax(axis=1).astype(np.uint16)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_classifier_that_was_made_too_sure_is_mended(truthful, temperature):
    probabilities, labels = truthful
    spoiled = scale_temperature(probabilities, 1 / temperature)
    fitted = fit_temperature(spoiled, labels)
    assert fitted == pytest.approx(temperature, rel=0.05)
    mended = scale_temperature(spoiled, fitted)
    assert measure_calibration(mended, labels).error < 0.02
    np.testing.assert_array_equal(mended.argmax(1), spoiled.argmax(1))


def test_probabilities_of_zero_can_be_scaled():
    certain = np.eye(10, dtype=np.float32)
    scaled = scale_temperature(certain, 2.0)
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(scaled.sum(1), 1, rtol=1e-6)
    assert np.isfinite(fit_temperature(certain, np.zeros(10, np.uint16)))


def test_a_temperature_of_one_changes_nothing(truthful):
    probabilities, _ = truthful
    np.testing.assert_array_equal(average_opinions([probabilities]), probabilities)


def test_networks_are_averaged_after_the_temperature(truthful):
    probabilities, _ = truthful
    other = np.roll(probabilities, 1, axis=1)
    mean = average_opinions([probabilities, other], 2.0)
    expected = (scale_temperature(probabilities, 2.0) + scale_temperature(other, 2.0)) / 2
    np.testing.assert_allclose(mean, expected, rtol=1e-6)


def test_every_network_is_asked():
    images = np.zeros((4, 64, 64, 3), np.uint8)

    def predict(network, asked, on_progress):
        on_progress(len(asked), {})
        return np.full((len(asked), 3), network, np.float32)

    told = []
    opinions = ask_networks([1, 2], images, predict, lambda done, _: told.append(done))
    assert [opinion[0, 0] for opinion in opinions] == [1, 2]
    assert told == [4, 4]


@pytest.fixture
def label_images():
    """Return a maker of three RGB classes of 64x64."""

    def label_images(labels, classes=("cat", "dog", "fox")):
        images = np.repeat(np.array(labels, np.uint8), 64 * 64 * 3).reshape(-1, 64, 64, 3)
        spec = ImageSpec((64, 64, 3), classes)
        return LabeledImages(images, np.array(labels, np.uint16), spec)

    return label_images


def test_more_folds_than_images_of_a_class_are_refused(label_images):
    check_folds(label_images([0, 1, 2] * 3), 3)
    with pytest.raises(UserError, match=r"calibration-folds: expected at most 3.* found 4"):
        check_folds(label_images([0, 1, 2] * 3 + [0]), 4)
    with pytest.raises(UserError, match=r"expected at most 0"):
        check_folds(label_images([0, 1] * 3), 2)


class Training(StageConfig):
    """Settings of a training that tells two steps."""

    steps: int = 2


def test_a_temperature_is_fitted_to_images_that_a_network_did_not_learn(label_images, monkeypatch):
    train = label_images([0, 1, 2] * 4)
    drawn = np.arange(9)
    sets, told = [], []

    def train_network(training_set, config, *, seed, compute, on_progress):
        sets.append(training_set)
        on_progress(config.steps, {})
        return training_set

    def predict(network, images):
        """Be sure of the right class nine times in ten: too doubtful for one that never errs."""
        probabilities = np.full((len(images), 3), 0.05, np.float32)
        probabilities[np.arange(len(images)), images[:, 0, 0, 0]] = 0.9
        return probabilities

    monkeypatch.setattr(ensemble, "train_cnn", train_network)
    monkeypatch.setattr(ensemble, "predict_probabilities", predict)
    temperature = cross_fit_temperature(
        train,
        drawn,
        cnn=Training(),
        folds=3,
        seed=0,
        compute=select_compute("cpu", "float32"),
        on_progress=lambda done, _: told.append(done),
        arm={"arm": "original"},
    )
    assert temperature < 0.1, "about as sure as may be"
    assert [len(part) for part in sets] == [6, 6, 6]
    assert told == [2, 4, 6]
