import keras
import numpy as np
import pytest
from pets import SPEC, make_pets
from sklearn.metrics import roc_auc_score

from gan_aug import prediction
from gan_aug.classifiers.cnn import build_cnn
from gan_aug.data.dataset import LABELED_PARTS, Dataset
from gan_aug.data.readers.digits import enlarge_digits
from gan_aug.errors import UserError
from gan_aug.evaluation import anomaly
from gan_aug.evaluation.anomaly import AnomalyResult, Ranking, RankingFormat, Seen, Separation
from gan_aug.gan.adversarial import train_dcgan
from gan_aug.gan.networks import build_discriminator, build_generator

SHAPE = (28, 28, 1)

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
    monkeypatch.setattr(prediction, "BATCH_SIZE", 3)
    seen = anomaly.observe(trained, images)
    np.testing.assert_allclose(seen.logits, judge_by(trained, images), rtol=1e-3, atol=1e-6)
    assert seen.features.shape == (7, 4 * 4 * 16)
    assert seen.features.dtype == seen.logits.dtype == np.float32


def test_a_discriminator_without_clusters_is_observed_too(real, tiny_dcgan):
    alone = build_discriminator(tiny_dcgan.model_copy(update={"clusters": 0}), SHAPE)
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
        (lambda c: build_generator(c, SHAPE), "expected a network that takes images of shape"),
        (lambda _: build_cnn(SHAPE, 10), "expected one logit an image"),
        (lambda _: foreign_network((28, 28, 1)), "expected one logit an image, made of a layer"),
        (lambda _: foreign_network((32, 32, 1)), r"found one that takes \[\(32, 32, 1\)\]"),
        (lambda c: build_discriminator(c, SHAPE), "found one with the weights it began with"),
        (lambda c: build_discriminator(c, SPEC.shape), r"found one that takes \[\(64, 64, 3\)"),
    ],
    ids=["generator", "classifier", "foreign", "other shape", "untrained", "of other images"],
)
def test_other_networks_are_refused(build, message, tiny_dcgan):
    with pytest.raises(UserError, match=message):
        anomaly.check_discriminator(build(tiny_dcgan), SHAPE)


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
    assert anomaly.has_mixing_layer(mixing)
    with pytest.raises(UserError, match="found one that compares the images of a batch"):
        anomaly.check_discriminator(mixing, SHAPE)


def test_a_trained_discriminator_is_taken(trained):
    assert not anomaly.has_mixing_layer(trained)
    anomaly.check_discriminator(trained, SHAPE)


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


def test_a_left_out_class_stands_beside_as_many_of_the_others(real):
    others, own = anomaly.draw_left_out(real.labels, 3, seed=0)
    assert (real.labels[own] == 3).all()
    assert len(own) == (real.labels == 3).sum() == len(others)
    assert 3 not in real.labels[others]
    assert len(set(real.labels[others])) == 9


def test_a_class_that_is_missing_cannot_be_left_out():
    pets = make_pets(train=12, validation=6, test=2)
    anomaly.check_left_out(pets)
    dogs_alone = pets.validation.take(np.array([1, 4]))
    with pytest.raises(UserError, match="among the validation images, found none of class cat"):
        anomaly.check_left_out(Dataset(pets.train, dogs_alone, pets.test, pets.provenance))


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


def test_a_single_image_of_either_kind_says_nothing():
    [measured] = anomaly.measure_separations(
        "noise", {"logit": np.array([1.0, 5.0])}, {"logit": np.array([2.0])}, seed=0
    )
    assert (measured.images, measured.auroc) == (1, 1)
    assert (measured.low, measured.high) == (0, 1)


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
        separation("class fox", "logit", 0.7),
        separation("class fox", "isolation-forest", 0.6),
    ]
    verdict = anomaly.phrase_verdict(foreign, left_out)
    assert verdict == (
        "Among foreign images, feature-distance wins (mean AUROC 0.750; logit 0.600). "
        "The discriminator's bare logit finds no better than guessing: rotated (0.300). "
        "Among classes that were left out, logit wins (mean AUROC 0.700; isolation-forest 0.600)."
    )


# ----------------------------------------------------------------------- the protocol


@pytest.fixture(scope="module")
def pets():
    return make_pets(train=24, validation=9, test=5)


@pytest.fixture
def of_pets(tiny_dcgan):
    """A discriminator that passes for trained."""
    discriminator = build_discriminator(tiny_dcgan, SPEC.shape)
    next(w for w in discriminator.weights if w.name == "bias").assign_add([0.1])
    return discriminator


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_part_of_any_data_set_is_ranked(of_pets, pets, part):
    anomaly.check_discriminator(of_pets, pets.spec.shape)
    told = []
    ranking = anomaly.rank_images(
        of_pets, pets, part=part, seed=0, on_progress=lambda n, _: told.append(n)
    )
    count = len(getattr(pets, part))
    assert {name: scores.shape for name, scores in ranking.scores.items()} == dict.fromkeys(
        DETECTORS, (count,)
    )
    kinds = ("digits", "noise", "rotated", "inverted")
    assert [(s.kind, s.detector) for s in ranking.separations] == [
        (kind, detector) for kind in kinds for detector in DETECTORS
    ]
    assert {s.images for s in ranking.separations} == {4}, "one half of nine"
    assert told[-1] == anomaly.count_ranked(pets.provenance, part)
    logits = anomaly.observe(of_pets, getattr(pets, part).images).logits
    np.testing.assert_array_equal(ranking.scores["logit"], -logits.astype(np.float64))


def test_as_few_images_as_a_data_set_may_have_are_ranked(of_pets):
    least = make_pets(train=10, validation=2, test=2)
    ranking = anomaly.rank_images(of_pets, least, part="train", seed=0)
    assert {(s.images, s.low, s.high) for s in ranking.separations} == {(1, 0, 1)}


def test_a_class_that_was_left_out_is_told_from_the_others(of_pets, pets):
    told = []
    found = anomaly.evaluate_left_out(
        of_pets, pets, label=2, seed=0, on_progress=lambda n, _: told.append(n)
    )
    assert [(s.kind, s.detector, s.images) for s in found] == [
        ("class fox", detector, 3) for detector in DETECTORS
    ]
    assert told[-1] == anomaly.count_left_out(pets, 2) == 16 + 6


def test_one_class_of_two_can_be_left_out(of_pets, pets):
    def keep_two(part):
        return part.take(np.flatnonzero(part.labels < 2))

    two = Dataset(*(keep_two(getattr(pets, part)) for part in LABELED_PARTS), pets.provenance)
    found = anomaly.evaluate_left_out(of_pets, two, label=0, seed=0)
    assert {(s.kind, s.images) for s in found} == {("class cat", 3)}


def test_the_digits_are_foreign_to_all_but_themselves(digits, pets):
    assert anomaly.make_others(digits.provenance) is None
    others = anomaly.make_others(pets.provenance)
    np.testing.assert_array_equal(others, enlarge_digits(SPEC.shape))
    assert others.shape == (1797, 64, 64, 3)


def test_rgb_images_are_turned_in_their_plane():
    images = make_pets(train=12, validation=2, test=2).train.images
    foreign = anomaly.make_foreign(images, None, seed=0)
    assert {kind: made.shape for kind, made in foreign.items()} == dict.fromkeys(
        ("noise", "rotated", "inverted"), images.shape
    )
    np.testing.assert_array_equal(foreign["rotated"][1], np.rot90(images[1]))


def test_a_ranking_is_kept_and_summarized(tmp_path):
    scores = {detector: np.arange(3) / 7 for detector in DETECTORS}
    ranking = Ranking(scores, [separation("noise", "logit", 0.9)])
    RankingFormat().save(tmp_path, ranking)
    kept = RankingFormat().load(tmp_path)
    assert kept.separations == ranking.separations
    assert list(kept.scores) == list(DETECTORS)
    for detector in DETECTORS:
        np.testing.assert_array_equal(kept.scores[detector], scores[detector])

    left_out = [[separation("class cat", "logit", 0.7)], [separation("class dog", "logit", 0.8)]]
    result = anomaly.summarize_anomalies(
        kept, left_out, dataset="pets", part="test", by="feature-distance"
    )
    assert isinstance(result, AnomalyResult)
    assert (result.dataset, result.part, result.by, result.images) == (
        "pets",
        "test",
        "feature-distance",
        3,
    )
    assert [s.kind for s in (*result.foreign, *result.left_out)] == [
        "noise",
        "class cat",
        "class dog",
    ]
    assert "Among classes that were left out, logit wins (mean AUROC 0.750" in result.verdict
