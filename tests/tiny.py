"""A run and a study of real digits that take seconds."""

from gan_aug.settings.dcgan import DcganConfig
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.study import StudyConfig

TINY_DCGAN = DcganConfig(
    generator_width=8,
    discriminator_width=4,
    clusters=10,
    discriminator_dropout=0.3,
    latent_dim=10,
    batch_size=8,
    steps=4,
    interval=2,
)
TINY_RUN = {
    "dataset": "digits",
    "device": "cpu",
    "cnn": {"updates": 4, "epochs": 0, "batch_size": 16},
    "dcgan": {"generator_width": 8, "discriminator_width": 4, "steps": 4, "interval": 2},
    "synthesis": {"images": 60},
    "pseudo_labels": {"confidence_threshold": 0.1, "per_class": 20},
    "encoder": {"steps": 2, "batch_size": 8, "width": 4},
    "consistency": {"updates": 4, "batch_size": 8, "labeled_batch_size": 8, "warmup": 0.5},
    "sgan": {"updates": 4, "batch_size": 8, "labeled_batch_size": 8},
    "lightgbm": {"rounds": 3},
    "comparison": {"resamples": 100},
}
TINY_STUDY = StudyConfig(
    budgets=(50, "all"),
    draws=(2, 1),
    run=resolve_config(
        "smoke",
        TINY_RUN
        | {
            "arms": ["original", "gan", "real_pool"],
            "cnn": TINY_RUN["cnn"] | {"updates": 2, "batch_size": 8},
            "dcgan": TINY_RUN["dcgan"] | {"steps": 2},
            "synthesis": {"images": 40},
            "lightgbm": {"rounds": 2},
        },
    ),
)
