"""What a run ran on: enough to explain a number, or to get it again."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from gan_aug.dataset import Provenance
from gan_aug.device import Compute

__all__ = ["describe_environment"]

LIBRARIES = (
    "gan-aug",
    "tensorflow",
    "keras",
    "scikit-learn",
    "lightgbm",
    "numpy",
    "scipy",
    "pandas",
    "prefect",
)
TELLING_CPU_FLAGS = ("avx", "fma", "amx", "f16c")


def describe_environment(compute: Compute, provenance: Provenance) -> dict[str, Any]:
    """Describe versions, device, CPU, commit and data, as JSON-ready values."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {library: metadata.version(library) for library in LIBRARIES},
        "device": {
            "kind": compute.kind,
            "name": compute.name,
            "precision": compute.dtype_policy,
            "xla": compute.jit_compile,
        },
        "cpu": {
            "model": read_cpu_field("model name"),
            "cores": os.cpu_count(),
            "flags": [
                flag
                for flag in read_cpu_field("flags").split()
                if flag.startswith(TELLING_CPU_FLAGS)
            ],
        },
        "git_commit": read_git_commit(Path(__file__).parent),
        "dataset": provenance.model_dump(mode="json"),
    }


def read_cpu_field(field: str) -> str:
    """Return a field of Linux's /proc/cpuinfo, or an empty text elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.split("\t")[0] == field), ""
    )


def read_git_commit(folder: Path) -> str | None:
    """Return the commit this source was checked out from, ``+changes`` added, or None.

    A source that git does not track, such as an installed package inside somebody's checkout, has
    no commit.
    """

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(folder), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed arguments
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    if git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    commit = git("rev-parse", "HEAD")
    return f"{commit}+changes" if commit and git("status", "--porcelain") else commit
