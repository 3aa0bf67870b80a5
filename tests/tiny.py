"""A study of real digits that takes seconds."""

from gan_aug.config import StudyConfig, resolve_config

TINY_RUN = {
    "dataset": "digits",
    "device": "cpu",
    "arms": ["original", "gan", "real_pool"],
    "cnn": {"updates": 2, "epochs": 0, "batch_size": 8},
    "dcgan": {"generator_width": 8, "discriminator_width": 4, "steps": 2, "interval": 2},
    "synthesis": {"images": 40},
    "pseudo_labels": {"confidence_threshold": 0.1, "per_class": 20},
    "boosting": {"rounds": 2},
    "comparison": {"resamples": 100},
}
TINY_STUDY = StudyConfig(budgets=(50, "all"), draws=(2, 1), run=resolve_config("smoke", TINY_RUN))
