"""What the benchmarks ran on, and of which commit."""

import datetime
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks.results import Machine, Stamp
from gan_aug.device import read_cpu_field
from gan_aug.reporting.environment import TELLING_CPU_FLAGS

__all__ = ["describe_machine", "read_commit", "stamp"]

ROOT = Path(__file__).parent.parent
# What the benchmarks write themselves is no change of what they measure.
OUTPUTS = ("artifacts", "docs/*.md", "docs/*.png", "docs/*.svg")
LOOK_SECONDS = 1.0
ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def describe_machine() -> Machine:
    """Describe CPU and memory."""
    flags = read_cpu_field("flags").split()
    return Machine(
        cpu_model=read_cpu_field("model name") or platform.processor() or platform.machine(),
        cores=psutil.cpu_count() or 1,
        cpu_flags=sorted(flag for flag in flags if flag.startswith(TELLING_CPU_FLAGS)),
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
    )


def stamp(libraries: Sequence[str]) -> Stamp:
    """Say which code is measured now, and look at what else the machine does; warn if it is much.

    Args:
        libraries: Distributions whose versions matter.
    """
    versions = {library: metadata.version(library) for library in libraries}
    times = psutil.cpu_times_percent(LOOK_SECONDS)
    idle = times.idle + getattr(times, "iowait", 0.0)
    stolen = getattr(times, "steal", 0.0)
    stamped = Stamp(
        commit=read_commit(),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        versions={"python": platform.python_version(), **versions},
        busy=max(0.0, round(1 - (idle + stolen) / 100, 3)),
        stolen=stolen / 100,
    )
    if stamped.warning:
        ERR.print(f"measured {stamped.warning}", style="yellow")
    return stamped


def read_commit() -> str | None:
    """Return the commit of this checkout, ``+changes`` added if there are any, or None."""
    changed = ["status", "--porcelain", "--", ".", *(f":(exclude){path}" for path in OUTPUTS)]
    try:
        return run_git("rev-parse", "HEAD") + ("+changes" if run_git(*changed) else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def run_git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed arguments
    return done.stdout.strip()
