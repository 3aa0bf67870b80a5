"""From settings back to the flags that make them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from gan_aug.arms import STUDY_ARMS
from gan_aug.settings.anomalies import AnomalyConfig
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig

__all__ = ["flatten", "to_flags", "to_source_flags", "to_study_flags"]


def to_flags(config: RunConfig) -> list[str]:
    """Return the command-line flags that turn the ``quick`` preset into ``config``."""
    return ["--dataset", config.dataset, *list_changes(config, RunConfig(dataset=config.dataset))]


def to_source_flags(config: PicturesConfig | AnomalyConfig) -> list[str]:
    """Return the source, and the flags that turn the defaults for it into ``config``."""
    return [config.source, *list_changes(config, type(config)(source=config.source))]


def list_changes(config: BaseModel, default: BaseModel) -> list[str]:
    """Return the flags of all settings that differ from the defaults."""
    defaults = flatten(default.model_dump())
    return [
        word
        for name, value in flatten(config.model_dump()).items()
        if value != defaults[name]
        for word in to_words(f"--{name.replace('_', '-')}", value)
    ]


def to_words(flag: str, value: Any) -> list[str]:
    """Return a flag with its value, as often as it takes."""
    if isinstance(value, tuple):
        return [word for item in value for word in (flag, str(item))]
    if isinstance(value, bool):
        return [flag] if value else [f"{flag}=False"]
    return [flag, str(value)]


def to_study_flags(config: StudyConfig) -> list[str]:
    """Return the command-line flags that make the default study into ``config``."""
    budgets = [word for budget in config.budgets for word in ("--budgets", str(budget))]
    draws = [word for count in config.draws for word in ("--draws", str(count))]
    # The command's study has more arms than a run's default, and budgets instead of labels.
    default = RunConfig(dataset=config.run.dataset, labels=config.run.labels, arms=STUDY_ARMS)
    changes = list_changes(config.run, default)
    return [*budgets, *draws, "--dataset", config.run.dataset, *changes]


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn ``{"dcgan": {"steps": 1}}`` into ``{"dcgan.steps": 1}``."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
