import pytest

from gan_aug.errors import UserError
from gan_aug.memory import check_dcgan_memory, check_memory, estimate_memory
from gan_aug.settings.run import resolve_config

TRAIN_IMAGES = 50_000


def test_quick_fits_where_little_is_free():
    check_memory(resolve_config("quick"), TRAIN_IMAGES, available=2**30)


def test_by_default_the_machines_own_memory_counts():
    check_memory(resolve_config("smoke"), TRAIN_IMAGES)


@pytest.mark.parametrize(
    ("overrides", "stage", "setting"),
    [
        ({"dcgan": {"batch_size": 1_000_000}}, "DCGAN", "--dcgan.batch-size"),
        ({"cnn": {"batch_size": 1_000_000}}, "CNN", "--cnn.batch-size"),
        (
            {"sgan": {"batch_size": 1_000_000}, "pseudo_labels": {"teacher": "sgan"}},
            "SGAN",
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
def test_the_stage_that_does_not_fit_is_named_with_what_to_lower(overrides, stage, setting):
    config = resolve_config("quick", overrides)
    with pytest.raises(UserError, match=rf"the {stage} stage to fit in the 8\.0 GiB.*{setting}"):
        check_memory(config, TRAIN_IMAGES, available=8 * 2**30)


def test_needs_grow_with_what_is_asked_for():
    small, large = (
        estimate_memory(
            resolve_config(
                "quick",
                {
                    "labels": 1000 * size,
                    "dcgan": {"batch_size": 64 * size},
                    "cnn": {"batch_size": 64 * size},
                    "synthesis": {"images": 10_000 * size},
                },
            ),
            TRAIN_IMAGES,
        )
        for size in (1, 3)
    )
    assert all(small[stage] < large[stage] for stage in small)


def test_a_dcgan_of_large_pictures_may_not_fit():
    config = resolve_config("paper").dcgan
    check_dcgan_memory(config, 1000, (28, 28, 1), available=8 * 2**30)
    with pytest.raises(UserError, match=r"the DCGAN stage to fit in the 1\.0 GiB"):
        check_dcgan_memory(config, 1000, (64, 64, 3), available=2**30)
