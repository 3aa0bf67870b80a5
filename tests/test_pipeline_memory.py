"""What a whole run needs, and which of its stages is named where that is too much."""

import pytest

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.data.dataset import Provenance, describe_dataset, resolve_budget
from gan_aug.device import Compute
from gan_aug.errors import UserError
from gan_aug.memory import refuse_excess
from gan_aug.pipeline import estimate_memory
from gan_aug.settings.presets import resolve_config
from gan_aug.stages import RunStages, describe_draw

TRAIN_IMAGES = 50_000
GIB = 2**30


def estimate(overrides, shape=(28, 28, 1), classes=10, counts=None):
    """What a run needs on data of MNIST's size, or of other images."""
    config = resolve_config("quick", overrides)
    provenance = Provenance(
        name="own",
        sha256={},
        verified_mnist=False,
        images={"train": TRAIN_IMAGES, "validation": 10_000, "test": 10_000},
        shape=shape,
        classes=tuple(map(str, range(classes))),
    )
    budget = resolve_budget(config.labels, provenance)
    labels = TRAIN_IMAGES if budget == "all" else budget
    data = describe_dataset(provenance)
    drawn = describe_draw(config, data)
    counts = counts or [labels // classes] * classes
    return estimate_memory(
        RunStages(config.plan(labels, TRAIN_IMAGES), data, provenance, drawn, Compute()), counts
    )


def test_quick_fits_where_little_is_free():
    refuse_excess(estimate({}), available=GIB)


@pytest.mark.parametrize(
    ("overrides", "stage", "setting"),
    [
        ({"dcgan": {"batch_size": 1_000_000}}, "DCGAN", "--dcgan.batch-size"),
        (
            {
                "cnn": {"batch_size": 1_000_000},
                "pseudo_labels": {"teacher": "sgan"},
            },
            "CNN",
            "--cnn.batch-size",
        ),
        (
            {
                "cnn": {"batch_size": 1_000_000},
                "classifiers": ["lightgbm"],
                "pseudo_labels": {"teacher": "shift"},
            },
            "teacher, a CNN",
            "--cnn.batch-size",
        ),
        (
            {"sgan": {"batch_size": 1_000_000}, "pseudo_labels": {"teacher": "sgan"}},
            "teacher, a semi-supervised GAN",
            "--sgan.batch-size",
        ),
        ({"synthesis": {"images": 10**9}}, "synthetic images", "--synthesis.images"),
        (
            {"synthesis": {"images": 10**6}, "pseudo_labels": {"per_class": 10**6}},
            "LightGBM",
            "--pseudo-labels.per-class",
        ),
    ],
)
def test_the_stage_that_does_not_fit_is_named(overrides, stage, setting):
    with pytest.raises(UserError, match=rf"the {stage} stage to fit in the 8\.0 GiB.*{setting}"):
        refuse_excess(estimate(overrides), available=8 * GIB)


def test_needs_grow_with_what_is_asked_for():
    small, large = (
        estimate(
            {
                "labels": 1000 * size,
                "dcgan": {"batch_size": 64 * size},
                "cnn": {"batch_size": 64 * size},
                "encoder": {"batch_size": 64 * size},
                "synthesis": {"images": 10_000 * size},
            }
        )
        for size in (1, 3)
    )
    same = [stage for stage in small if small[stage][0] == large[stage][0]]
    assert same == ["clusters of the DCGAN"]  # found among all training images in any case
    assert all(small[stage][0] <= large[stage][0] for stage in small)


def test_needs_grow_with_the_side_and_are_named_for_every_classifier():
    all_of_them = {"classifiers": list(CLASSIFIERS)}
    small, large = (estimate(all_of_them, shape) for shape in ((28, 28, 1), (64, 64, 3)))
    assert {part.title for part in CLASSIFIERS.values()} < set(small)
    assert all(small[stage][0] < large[stage][0] for stage in small)


def test_real_images_take_room_however_few_synthetic_ones_there_are():
    few = {"synthesis": {"images": 100}, "classifiers": ["lightgbm"]}
    generated, real = (
        estimate({**few, "arms": [arm]})["LightGBM"][0] for arm in ("gan", "real_pool")
    )
    assert real > 2 * generated


def test_repeated_images_take_room_where_classes_differ_in_size():
    oversample = {"arms": ["oversample"], "classifiers": ["lightgbm"]}
    balanced, imbalanced = (
        estimate(oversample, counts=counts)["LightGBM"][0]
        for counts in ([100] * 10, [910, *[10] * 9])
    )
    assert imbalanced > 5 * balanced


def test_a_large_class_has_more_images_accepted_of_the_others():
    """As many as bring them to its size, or as there are."""
    level = {
        "arms": ["gan"],
        "classifiers": ["lightgbm"],
        "pseudo_labels": {"balance": "level", "per_class": 100},
        "synthesis": {"images": 8000},
    }
    small, large, larger = (
        estimate(level, counts=counts)["LightGBM"][0]
        for counts in ([100] * 10, [910, *[10] * 9], [9910, *[10] * 9])
    )
    capped = level | {"pseudo_labels": {"balance": "cap", "per_class": 100}}
    assert small < estimate(capped, counts=[100] * 10)["LightGBM"][0] < large
    # 910 labeled images and 8,000 others, then 9,910 and 8,000.
    assert large < larger < 2 * large
