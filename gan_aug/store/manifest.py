"""The manifest of an output: which files belong to it, with which bytes."""

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Protocol, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gan_aug.store.files import digest_file, write_json

__all__ = ["MANIFEST", "Manifest", "find_manifest"]

MANIFEST = "manifest.json"
SHA256 = r"^[0-9a-f]{64}$"


def check_name(name: str) -> str:
    """Return the name of a file in a folder, if it is one."""
    path = PurePosixPath(name)
    plain = path.parts and ".." not in path.parts and not set(name) & {"\\", "\0"}
    if not plain or path.is_absolute() or str(path) != name:
        raise ValueError(f"expected a path below the folder, found {name!r}")
    return name


class Manifest(BaseModel):
    """What an output consists of.

    Attributes:
        seconds: How long it took to make.
        made: When it was made; None where that was not kept.
        files: Path below the output's folder → SHA-256 of the file.
    """

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    seconds: Annotated[float, Field(ge=0)]
    made: AwareDatetime | None = None
    files: Annotated[
        dict[
            Annotated[str, AfterValidator(check_name)],
            Annotated[str, StringConstraints(pattern=SHA256)],
        ],
        Field(min_length=1),
    ]

    @classmethod
    def describe(cls, folder: Path, *, seconds: float) -> Self:
        """Return the manifest of all files of a folder, as made now."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        digests = {path.relative_to(folder).as_posix(): digest_file(path) for path in files}
        made = datetime.now(UTC).replace(microsecond=0)
        return cls(seconds=round(seconds, 3), made=made, files=digests)

    def write(self, folder: Path) -> None:
        """Write it into the folder."""
        write_json(folder / MANIFEST, self.model_dump(mode="json"))

    def matches(self, folder: Path) -> bool:
        """Whether every file is in the folder with the bytes that it was written with."""
        try:
            return all(digest_file(folder / name) == digest for name, digest in self.files.items())
        except (OSError, ValueError):
            return False


class Readable(Protocol):
    """A folder on this host or on another."""

    def __truediv__(self, name: str) -> "Readable":
        """Return a file of the folder."""

    def read_bytes(self) -> bytes:
        """Return the bytes of a file."""


def find_manifest(folder: Readable) -> Manifest | None:
    """Return the manifest of a folder; None where there is none that could be one."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return None
