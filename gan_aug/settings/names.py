"""What runs, studies and DCGANs may be called."""

import re

from gan_aug.errors import UserError

__all__ = ["check_name", "is_name", "is_reserved"]

NAME = re.compile(r"\w[\w.-]*")
LONGEST_NAME = 100  # a file system takes 255 bytes, and files in a folder are named after it
# Devices of Windows, whatever ending they have.
RESERVED = frozenset(
    {"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
)


def is_name(text: str) -> bool:
    """Whether something can be a name, and is no path."""
    return bool(NAME.fullmatch(text))


def is_reserved(name: str) -> bool:
    """Whether Windows takes something for a device."""
    return name.partition(".")[0].lower() in RESERVED


def check_name(name: str) -> None:
    """Raise :class:`UserError` if a folder can't be called that, on any system."""
    if not is_name(name):
        raise UserError(f"name: expected letters, digits, '.', '_' and '-' only, found {name!r}")
    if len(name.encode()) > LONGEST_NAME:
        raise UserError(
            f"name: expected at most {LONGEST_NAME} bytes, found {len(name.encode())}; choose a "
            "shorter one"
        )
    if is_reserved(name) or name.endswith("."):
        raise UserError(f"name: expected one that Windows takes too, found {name!r}")
