import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gan_aug.classifiers.cnn import build_cnn
from gan_aug.errors import UserError
from gan_aug.evaluation import anomaly
from gan_aug.evaluation.anomaly import Seen, Separation
from gan_aug.gan.adversarial import train_dcgan
from gan_aug.gan.networks import build_discriminator, build_generator

DETECTORS = ("logit", "feature-distance", "isolation-forest", "local-outlier-factor")


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def cloud(rng):
    """Return a maker of things seen around a direction, those further from it less real."""

    def cloud(count, away=0.0):
        features = rng.normal(0, 0.1, (count, 8)) + np.eye(8)[0] + away * np.eye(8)[1]
        return Seen(features.astype(np.float32), rng.normal(-away, 0.1, count).astype(np.float32))

    return cloud


@pytest.fixture
def trained(real, tiny_dcgan, cpu):
    return train_dcgan(real.images[:200], tiny_dcgan, seed=0, compute=cpu).discriminator


def judge_by(trained, images):
    """A discriminator's logits of images, asked one by one."""
    unknown = np.full(1, -1, np.int32)
    unit = images[:, None, ..., None].astype(np.float32) / 255
    return np.array([trained([image, unknown]).numpy()[0, 0] for image in unit])


def test_what_is_observed_of_an_image_does_not_depend_on_the_others(trained, real, monkeypatch):
    images = real.images[:7]
    monkeypatch.setattr(anomaly, "BATCH_SIZE", 3)
    seen = anomaly.observe(trained, images)
    np.testing.assert_allclose(seen.logits, judge_by(trained, images), rtol=1e-3, atol=1e-6)
    assert seen.features.shape == (7, 4 * 4 * 16)
    assert seen.features.dtype == seen.logits.dtype == np.float32


def test_a_discriminator_without_clusters_is_observed_too(real, tiny_dcgan):
    alone = build_discriminator(tiny_dcgan.model_copy(update={"clusters": 0}))
    assert len(anomaly.observe(alone, real.images[:5])) == 5


def test_every_detector_scores_what_is_far_away_higher(cloud):
    score = anomaly.fit_detectors(cloud(300), seed=0)
    near, far = score(cloud(50)), score(cloud(50, away=2))
    assert tuple(near) == tuple(far) == DETECTORS
    for found in anomaly.measure_separations("far", near, far, seed=0):
        assert found.auroc > 0.7, found.detector


def test_scaled_features_are_as_far_as_before(cloud):
    """An image with little ink has short features, and must not pass for ordinary by that."""
    score = anomaly.fit_detectors(cloud(100), seed=0)
    strange = cloud(10, away=2)
    faint = Seen(strange.features / 100, strange.logits)
    np.testing.assert_allclose(
        score(faint)["feature-distance"], score(strange)["feature-distance"], rtol=1e-4
    )


def test_noise_planted_among_digits_is_found_by_feature_distance(trained, real):
    noise = np.random.default_rng(1).integers(0, 256, (1, 28, 28), dtype=np.uint8)
    ranked = np.concatenate([real.images[300:400], noise])
    score = anomaly.fit_detectors(anomaly.observe(trained, real.images[:200]), seed=0)
    *digits, planted = score(anomaly.observe(trained, ranked))["feature-distance"]
    assert planted > np.quantile(digits, 0.9)


def test_a_training_image_is_not_its_own_neighbor(cloud):
    train = cloud(60)
    itself = anomaly.fit_detectors(train, seed=0)(train)["feature-distance"]
    crossed = anomaly.cross_score(train, seed=0)
    assert tuple(crossed) == DETECTORS
    assert all(np.isfinite(values).all() for values in crossed.values())
    assert (crossed["feature-distance"] > itself).mean() > 0.9
    np.testing.assert_array_equal(crossed["logit"], -train.logits)


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="expected finite features"):
        Seen(np.full((2, 3), np.nan, np.float32), np.zeros(2, np.float32))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (build_generator, "expected a network that takes images of shape"),
        (lambda _: build_cnn(), "expected one logit an image"),
        (lambda _: foreign_network((28, 28, 1)), "expected one logit an image, made of a layer"),
        (lambda _: foreign_network((32, 32, 1)), r"found one that takes \[\(32, 32, 1\)\]"),
        (build_discriminator, "found one with the weights it began with"),
    ],
    ids=["generator", "classifier", "foreign", "other shape", "untrained"],
)
def test_other_networks_are_refused(build, message, tiny_dcgan):
    with pytest.raises(UserError, match=message):
        anomaly.check_discriminator(build(tiny_dcgan))


def foreign_network(shape):
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(1)])


class MinibatchDiscrimination(keras.layers.Layer):
    """A layer that compares the images of a batch."""

    def call(self, features):
        return features - keras.ops.mean(features, axis=0, keepdims=True)


def test_a_discriminator_that_compares_images_is_refused():
    images = keras.Input((28, 28, 1))
    features = keras.layers.Flatten(name="features")(images)
    logits = keras.layers.Dense(1)(MinibatchDiscrimination()(features))
    mixing = keras.Model(images, logits)
    assert anomaly.mixes_images(mixing)
    with pytest.raises(UserError, match="found one that compares the images of a batch"):
        anomaly.check_discriminator(mixing)


def test_a_trained_discriminator_is_taken(trained):
    anomaly.check_discriminator(trained)


def test_foreign_images_are_made_of_ordinary_ones(real):
    images = real.images[:6]
    foreign = anomaly.make_foreign(images, real.images[6:9], seed=0)
    assert list(foreign) == ["digits", "noise", "rotated", "inverted"]
    np.testing.assert_array_equal(foreign["digits"], real.images[6:9])
    np.testing.assert_array_equal(foreign["rotated"][2], np.rot90(images[2]))
    np.testing.assert_array_equal(foreign["inverted"].astype(int) + images, 255)
    assert 100 < foreign["noise"].mean() < 155
    assert "digits" not in anomaly.make_foreign(images, None, seed=0)


def test_halves_are_apart_and_samples_are_bounded(monkeypatch):
    monkeypatch.setattr(anomaly, "FITTED_IMAGES", 4)
    first, second = anomaly.draw_halves(9, seed=0)
    assert sorted([*first, *second]) == list(range(9))
    sample = anomaly.draw_sample(9, seed=0)
    assert len(set(sample)) == 4


def test_a_left_out_digit_stands_beside_as_many_of_the_others(real):
    others, own = anomaly.draw_left_out(real.labels, 3, seed=0)
    assert (real.labels[own] == 3).all()
    assert len(own) == (real.labels == 3).sum() == len(others)
    assert 3 not in real.labels[others]
    assert len(set(real.labels[others])) == 9


def test_a_digit_that_is_missing_cannot_be_left_out():
    every = np.arange(10, dtype=np.uint8)
    anomaly.check_digits(every, every)
    with pytest.raises(UserError, match="among the validation images, found no 4"):
        anomaly.check_digits(every, every[every != 4])


def test_separations_are_scikit_learns_and_lie_in_their_intervals(rng):
    ordinary, foreign = rng.normal(0, 1, 300), rng.normal(1, 1, 200)
    [measured] = anomaly.measure_separations(
        "noise", {"logit": ordinary}, {"logit": foreign}, seed=0
    )
    truth = np.repeat([0, 1], 200)
    expected = roc_auc_score(truth, np.concatenate([ordinary[:200], foreign]))
    assert (measured.images, measured.auroc) == (200, pytest.approx(expected))
    assert anomaly.share_of_wins(foreign, ordinary[:200]) == pytest.approx(expected)
    assert measured.low < measured.auroc < measured.high < 1
    assert 0.5 < measured.average_precision < 1


def separation(kind, detector, auroc, low=0.6):
    return Separation(
        kind=kind,
        detector=detector,
        images=9,
        auroc=auroc,
        low=low,
        high=1,
        average_precision=0.5,
    )


def test_the_verdict_names_the_winner_and_where_the_logit_is_blind():
    foreign = [
        separation("noise", "logit", 0.9),
        separation("rotated", "logit", 0.3, low=0.2),
        separation("noise", "feature-distance", 0.8),
        separation("rotated", "feature-distance", 0.7),
    ]
    left_out = [
        separation("digit 3", "logit", 0.7),
        separation("digit 3", "isolation-forest", 0.6),
    ]
    verdict = anomaly.phrase_verdict(foreign, left_out)
    assert verdict == (
        "Among foreign images, feature-distance wins (mean AUROC 0.750; logit 0.600). "
        "The discriminator's bare logit finds no better than guessing: rotated (0.300). "
        "Among digits that were left out, logit wins (mean AUROC 0.700; isolation-forest 0.600)."
    )
