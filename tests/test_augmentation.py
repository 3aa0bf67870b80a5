import numpy as np
import pytest

from gan_aug.augmentation import augment_with_synthetic, build_original_set
from gan_aug.config import AugmentationConfig
from gan_aug.images import PseudoLabeledImages, one_hot


@pytest.fixture
def original(digits):
    return build_original_set(digits.train.take(np.arange(40)))


@pytest.fixture
def pseudo(digits):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(10), 100).astype(np.float32)
    accepted = rng.random(100) < 0.6
    return PseudoLabeledImages(digits.test.images[:100], probabilities, accepted, {})


def test_original_set_is_the_true_labels_with_weight_one(digits, original):
    np.testing.assert_array_equal(original.targets, one_hot(digits.train.labels[:40]))
    assert (original.weights == 1).all()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_synthetic_images_carry_their_share_and_the_mean_weight_stays_one(original, pseudo, share):
    config = AugmentationConfig(synthetic_share=share)
    augmented = augment_with_synthetic(original, pseudo, config, labels="soft")
    synthetic = augmented.weights[len(original) :]
    assert len(synthetic) == pseudo.accepted.sum()
    assert synthetic.sum() / augmented.weights.sum() == pytest.approx(share, rel=1e-5)
    assert augmented.weights.mean() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("labels", ["soft", "hard"])
def test_labels_of_originals_never_change(original, pseudo, labels):
    augmented = augment_with_synthetic(original, pseudo, AugmentationConfig(), labels=labels)
    np.testing.assert_array_equal(augmented.images[:40], original.images)
    np.testing.assert_array_equal(augmented.targets[:40], original.targets)


def test_soft_targets_are_the_teachers_and_hard_ones_its_top_class(original, pseudo):
    soft, hard = (
        augment_with_synthetic(original, pseudo, AugmentationConfig(), labels=labels).targets[40:]
        for labels in ("soft", "hard")
    )
    np.testing.assert_array_equal(soft, pseudo.probabilities[pseudo.accepted])
    assert set(np.unique(hard)) == {0, 1}
    np.testing.assert_array_equal(hard.argmax(1), soft.argmax(1))


def test_nothing_accepted_reproduces_the_original_arm(original, pseudo):
    none = PseudoLabeledImages(pseudo.images, pseudo.probabilities, np.zeros(100, bool), {})
    assert augment_with_synthetic(original, none, AugmentationConfig(), labels="soft") is original
    no_share = AugmentationConfig(synthetic_share=0)
    assert augment_with_synthetic(original, pseudo, no_share, labels="soft") is original
