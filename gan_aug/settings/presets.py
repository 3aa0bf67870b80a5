"""The presets, and the settings that come of one and some changes."""

from collections.abc import Mapping
from typing import Any, Literal

from gan_aug.errors import UserError
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.run import RunConfig
from gan_aug.settings.suggestion import SuggestionConfig

__all__ = [
    "PRESETS",
    "Preset",
    "resolve_config",
    "resolve_pictures_config",
    "resolve_suggestion_config",
]

Preset = Literal["smoke", "quick", "chapter", "paper"]

# A teacher of 40 updates may be sure of nothing, and the run has to reach its end all the same. It
# is the one that needs no graph of all training images, which takes longer than all the rest.
SMOKE: dict[str, Any] = {
    "labels": 100,
    "cnn": {"updates": 40, "epochs": 0, "batch_size": 32},
    "dcgan": {
        "generator_width": 16,
        "discriminator_width": 8,
        "clusters": 20,
        "steps": 60,
        "batch_size": 32,
        "interval": 30,
    },
    "synthesis": {"images": 500},
    "pseudo_labels": {"teacher": "shift", "confidence_threshold": 0.0, "per_class": 50},
    "sgan": {"updates": 60},
    "encoder": {"steps": 40, "batch_size": 64, "width": 8},
    "consistency": {"updates": 60},
    "lightgbm": {"rounds": 10},
    "quality": {"images": 500, "judge": {"updates": 40, "batch_size": 32}},
    "comparison": {"resamples": 500, "trial": True},
}

# The chapter trains its CNN for 100 epochs; 12 with label smoothing reach the same accuracy. A
# teacher trained on targets of 0.91 is hardly ever surer than that. The DCGAN's decays are those of
# the Keras optimizers of the chapter's day.
CHAPTER: dict[str, Any] = {
    "labels": "all",
    "cnn": {"epochs": 12, "label_smoothing": 0.1},
    "dcgan": {
        "architecture": "chapter",
        "clusters": 0,
        "gradient_penalty": 0.0,
        "generator_width": 256,
        "discriminator_width": 64,
        "discriminator_dropout": 0.3,
        "steps": 10_000,
        "batch_size": 256,
        "optimizer": "rmsprop",
        "generator_learning_rate": 1e-4,
        "discriminator_learning_rate": 2e-4,
        "generator_decay": 3e-8,
        "discriminator_decay": 6e-8,
        "interval": 500,
    },
    "synthesis": {"images": 75_000},
    "pseudo_labels": {"teacher": "original", "per_class": 5000, "confidence_threshold": 0.8},
}

# Radford et al. (2015), section 4; widths as in the paper's figure 1 and in its published code.
PAPER: dict[str, Any] = {
    "labels": "all",
    "cnn": {"epochs": 12},
    "dcgan": {
        "architecture": "paper",
        "clusters": 0,
        "gradient_penalty": 0.0,
        "generator_width": 1024,
        "discriminator_width": 128,
        "steps": 10_000,
        "batch_size": 128,
        "generator_learning_rate": 2e-4,
        "discriminator_learning_rate": 2e-4,
        "ema_momentum": 0.0,
    },
    "synthesis": {"images": 75_000},
    "pseudo_labels": {"per_class": 5000},
}

PRESETS: dict[Preset, dict[str, Any]] = {
    "smoke": SMOKE,
    "quick": {},
    "chapter": CHAPTER,
    "paper": PAPER,
}


def resolve_config(preset: Preset, overrides: Mapping[str, Any] | None = None) -> RunConfig:
    """Build the configuration of a preset with some fields changed.

    Args:
        preset: Name of the preset to start from.
        overrides: Fields to change, nested as in :class:`RunConfig`:
            ``{"labels": 500, "dcgan": {"steps": 2000}}``.

    Returns:
        The complete configuration.

    Raises:
        UserError: There is no such preset.
        pydantic.ValidationError: A field is unknown or out of its range.
    """
    if preset not in PRESETS:
        *others, last = PRESETS
        raise UserError(
            f"preset: expected {', '.join(others)} or {last}, found {preset!r}; choose one of these"
        )
    return RunConfig.model_validate(merge(PRESETS[preset], overrides or {}))


def resolve_pictures_config(preset: Preset, overrides: Mapping[str, Any]) -> PicturesConfig:
    """Build the settings of a DCGAN of pictures from those of a preset's DCGAN.

    Args:
        preset: Name of the preset to start from.
        overrides: Fields to change, nested as in :class:`PicturesConfig`.

    Raises:
        pydantic.ValidationError: A field is unknown or out of its range.
    """
    base = {"dcgan": PRESETS[preset].get("dcgan", {})}
    return PicturesConfig.model_validate(merge(base, overrides))


def resolve_suggestion_config(preset: Preset, overrides: Mapping[str, Any]) -> SuggestionConfig:
    """Build the settings of a suggestion from those of a preset's encoder.

    Args:
        preset: Name of the preset to start from.
        overrides: Fields to change, nested as in :class:`SuggestionConfig`.

    Raises:
        pydantic.ValidationError: A field is unknown or out of its range.
    """
    base = {"encoder": PRESETS[preset].get("encoder", {})}
    return SuggestionConfig.model_validate(merge(base, overrides))


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``changes`` laid over it, field by field, at every depth."""
    merged = dict(base)
    for field, value in changes.items():
        if isinstance(value, Mapping):
            merged[field] = merge(merged.get(field, {}), value)
        else:
            merged[field] = value
    return merged
