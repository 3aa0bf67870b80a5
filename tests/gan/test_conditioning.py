"""A DCGAN that is told of classes: its clusters, its noise, its images."""

import dataclasses

import numpy as np
import pytest
from pydantic import ValidationError

from gan_aug.errors import UserError
from gan_aug.gan.adversarial import TrainedDcgan, train_dcgan
from gan_aug.gan.clustering import cluster_classes, share_clusters
from gan_aug.gan.formats import DcganFormat
from gan_aug.gan.layers import ClusterCode, find_code
from gan_aug.gan.synthesis import generate_images, synthesize
from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.presets import resolve_config, resolve_pictures_config
from gan_aug.store.store import ArrayCheckpoint

CLUSTERS = 30


CONDITIONED = DcganConfig(
    condition="teacher",
    clusters=CLUSTERS,
    generator_width=8,
    discriminator_width=4,
    latent_dim=10,
    batch_size=8,
    steps=4,
    interval=2,
)


@pytest.fixture(scope="module")
def named(digits):
    """Images of uneven classes: 16 of the first, 14 of the second, ... 2 of the eighth."""
    train = digits.train
    places = [np.flatnonzero(train.labels == label)[: 16 - 2 * label] for label in range(8)]
    return train.take(np.concatenate(places))


@pytest.fixture(scope="module")
def trained(named, cpu):
    return train_dcgan(named.images, CONDITIONED, seed=3, compute=cpu, labels=named.labels)


def assert_same(found: TrainedDcgan, expected: TrainedDcgan):
    assert found.history == expected.history
    np.testing.assert_array_equal(found.samples, expected.samples)
    pairs = zip(found.generator.get_weights(), expected.generator.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


# ------------------------------------------------------------------------------- clusters


def test_every_cluster_is_of_one_class(digits):
    train = digits.train
    found = cluster_classes(train.images, train.labels, CLUSTERS, seed=0)
    np.testing.assert_array_equal(found.classes[found.groups], train.labels)
    assert found.classes.shape == (CLUSTERS,)
    assert (np.diff(found.classes.astype(int)) >= 0).all()
    assert (np.bincount(found.groups, minlength=CLUSTERS) > 0).all()


def test_clusters_of_classes_depend_on_the_seed_only(named):
    one, same, other = (
        cluster_classes(named.images, named.labels, CLUSTERS, seed=seed).groups
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("sizes", "clusters", "shares"),
    [
        ([100, 100], 10, [5, 5]),
        ([600, 300, 100], 10, [6, 3, 1]),
        ([10_000, 1, 1], 5, [3, 1, 1]),
        ([50, 0, 50], 4, [2, 0, 2]),
        ([7, 5, 9], 3, [1, 1, 1]),
    ],
)
def test_clusters_are_shared_in_proportion_and_every_class_has_one(sizes, clusters, shares):
    assert share_clusters(np.array(sizes), clusters).tolist() == shares


def test_a_class_of_few_images_leaves_clusters_empty_and_mixes_with_none(named):
    found = cluster_classes(named.images, named.labels, 200, seed=0)
    np.testing.assert_array_equal(found.classes[found.groups], named.labels)


def test_fewer_clusters_than_classes_are_refused():
    with pytest.raises(UserError, match=r"at least 3, one a class.*found 2"):
        share_clusters(np.array([5, 5, 5]), 2)


# ---------------------------------------------------------------------------------- noise


def test_intended_classes_come_as_often_as_they_occur(named, trained):
    intended = synthesize(trained.generator, 20_000, seed=0).intended
    assert intended.dtype == np.uint16
    shares = np.bincount(intended, minlength=8) / len(intended)
    np.testing.assert_allclose(shares, np.bincount(named.labels) / len(named), atol=0.01)


def test_an_image_is_meant_to_have_the_class_of_its_cluster(trained):
    code = find_code(trained.generator)
    noise = np.linspace(-1, 1, 500, endpoint=False, dtype=np.float32)[:, None]
    classes = code.classes.numpy()
    np.testing.assert_array_equal(code.find_classes(noise), classes[code.find_clusters(noise)])
    # Classes lie beside each other, in their order, each as wide as its share.
    assert (np.diff(code.find_classes(noise).numpy()) >= 0).all()


def test_a_code_without_classes_has_no_weight_for_them():
    plain, aware = ClusterCode(4), ClusterCode(4, conditioned=True)
    for layer in (plain, aware):
        layer.build((None, 5))
    assert [weight.name for weight in plain.weights] == ["edges"]
    assert {weight.name for weight in aware.weights} == {"edges", "classes"}
    assert not aware.trainable_weights
    assert ClusterCode.from_config(aware.get_config()).conditioned


def test_nothing_is_intended_without_classes(real, tiny_dcgan, cpu):
    for clusters in (0, 10):
        config = tiny_dcgan.model_copy(update={"clusters": clusters})
        trained = train_dcgan(real.images[:64], config, seed=0, compute=cpu)
        assert synthesize(trained.generator, 5, seed=0).intended is None


# --------------------------------------------------------------------------------- images


def test_images_follow_the_class_that_was_meant(cpu):
    """Of dark and bright images, those that were meant to be bright are."""
    rng = np.random.default_rng(0)
    labels = np.arange(128, dtype=np.uint16) % 2
    levels = np.where(labels, 220, 20)[:, None, None] + rng.integers(-20, 20, (128, 16, 16))
    config = DcganConfig(
        condition="teacher",
        clusters=4,
        generator_width=16,
        discriminator_width=8,
        latent_dim=8,
        batch_size=32,
        steps=150,
        interval=150,
        ema_momentum=0.9,
    )
    trained = train_dcgan(levels.astype(np.uint8), config, seed=0, compute=cpu, labels=labels)
    made = synthesize(trained.generator, 200, seed=1)
    brightness = made.images.mean(axis=(1, 2))
    assert brightness[made.intended == 1].min() > brightness[made.intended == 0].max() + 50


def test_the_code_alone_changes_an_image(trained):
    noise = np.tile(np.random.default_rng(0).uniform(-1, 1, 10), (2, 1)).astype(np.float32)
    noise[:, 0] = (-0.99, 0.99)
    assert len(set(find_code(trained.generator).find_classes(noise).numpy())) == 2
    first, last = trained.generator(noise, training=False).numpy()
    assert np.abs(first - last).max() > 1 / 255


def test_the_images_alone_are_those_that_come_with_their_classes(trained):
    made = synthesize(trained.generator, 20, seed=3)
    np.testing.assert_array_equal(made.images, generate_images(trained.generator, 20, seed=3))
    assert len(made.intended) == 20


# ------------------------------------------------------------------------------- training


def test_same_seed_and_labels_same_result(named, trained, cpu):
    shuffled = np.random.default_rng(0).permutation(named.labels)
    same, other = (
        train_dcgan(named.images, CONDITIONED, seed=3, compute=cpu, labels=labels)
        for labels in (named.labels, shuffled)
    )
    assert_same(same, trained)
    assert other.history != trained.history


def test_a_conditioned_training_resumes_bit_for_bit(named, cpu, tmp_path):
    def training(checkpoint=None, on_progress=lambda _done, _metrics: None):
        return train_dcgan(
            named.images,
            CONDITIONED,
            seed=3,
            compute=dataclasses.replace(cpu, steps_per_call=1),
            labels=named.labels,
            checkpoint=checkpoint,
            on_progress=on_progress,
        )

    def stop_in_the_middle(done, _metrics):
        if done > CONDITIONED.interval:
            raise KeyboardInterrupt

    checkpoint = ArrayCheckpoint(tmp_path / "checkpoint.npz")
    with pytest.raises(KeyboardInterrupt):
        training(checkpoint, stop_in_the_middle)
    assert checkpoint.load() is not None
    resumed, whole = training(checkpoint), training()
    assert_same(resumed, whole)
    made = [synthesize(trained.generator, 50, seed=0) for trained in (resumed, whole)]
    np.testing.assert_array_equal(made[0].intended, made[1].intended)


def test_the_classes_are_kept_with_the_generator(trained, tmp_path):
    DcganFormat().save(tmp_path, trained)
    read = DcganFormat().load(tmp_path)
    assert_same(read, trained)
    before, after = (synthesize(t.generator, 50, seed=0).intended for t in (trained, read))
    np.testing.assert_array_equal(before, after)
    assert len(set(after)) > 1


# ------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("condition", "labels"), [("teacher", None), ("none", np.zeros(64, np.uint16))]
)
def test_labels_come_with_the_condition_and_with_nothing_else(
    real, tiny_dcgan, cpu, condition, labels
):
    config = tiny_dcgan.model_copy(update={"condition": condition})
    with pytest.raises(ValueError, match="labels: found"):
        train_dcgan(real.images[:64], config, seed=0, compute=cpu, labels=labels)


@pytest.mark.parametrize("preset", ["quick", "chapter", "paper"])
def test_classes_need_clusters(preset):
    changes = {"dcgan": {"condition": "teacher"}}
    if preset == "quick":
        changes["dcgan"]["clusters"] = 0
    with pytest.raises(ValidationError, match="expected clusters for the condition teacher"):
        resolve_config(preset, changes)


def test_pictures_have_no_teacher():
    assert resolve_pictures_config("quick", {}).dcgan.condition == "none"
    with pytest.raises(ValidationError, match="pictures, which no teacher names"):
        resolve_pictures_config("quick", {"dcgan": {"condition": "teacher"}})
