"""Print settings.md: every setting, its flag, and its value in each preset."""

import sys
from collections.abc import Iterator

from pydantic import BaseModel

from gan_aug.settings.flags import flatten
from gan_aug.settings.presets import PRESETS, resolve_config
from gan_aug.settings.run import RunConfig

HEADER = """# Settings

Every setting is a flag of `gan-aug run`, an entry of the form in the Prefect UI and a field of
`config.json`. This page is made from the code: `make docs`.

The columns are the presets as the command takes them: with the dataset `auto` where none is named,
and in `gan-aug study` with all arms. A deployment or a form that names no dataset means `mnist`.
"""
# What the command takes where it is told nothing, instead of a preset's own.
COMMAND_DEFAULTS = {"dataset": "auto"}


def render_settings() -> str:
    """Return the page as Markdown."""
    return "\n".join([HEADER, *render_section(RunConfig, prefix="")]) + "\n"


def render_section(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the lines of one model's table, and then of the tables of the models in it."""
    values = {
        preset: flatten(resolve_config(preset, COMMAND_DEFAULTS).model_dump()) for preset in PRESETS
    }
    yield f"## {(model.__doc__ or '').splitlines()[0].rstrip('.')}\n"
    yield f"| flag | meaning | {' | '.join(f'`{preset}`' for preset in PRESETS)} |"
    yield f"|---|---|{'---|' * len(PRESETS)}"
    stages = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            stages.append((field.annotation, f"{prefix}{name}."))
            continue
        flag = f"--{prefix}{name}".replace("_", "-")
        defaults = " | ".join(f"`{values[preset][prefix + name]}`" for preset in PRESETS)
        yield f"| `{flag}` | {field.description} | {defaults} |"
    for stage, stage_prefix in stages:
        yield ""
        yield from render_section(stage, stage_prefix)


if __name__ == "__main__":
    sys.stdout.write(render_settings())
