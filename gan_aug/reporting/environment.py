"""What a run ran on: enough to explain a number, or to get it again."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from gan_aug.data.dataset import Provenance
from gan_aug.device import (
    BFLOAT16_FLAGS,
    Compute,
    keeps_freed_memory,
    read_cpu_field,
    read_cpu_flags,
)

__all__ = ["describe_environment", "diagnose"]

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
            "reproducibility": compute.reproducibility,
        },
        "cpu": {
            "model": read_cpu_field("model name"),
            "cores": os.cpu_count(),
            "flags": sorted(f for f in read_cpu_flags() if f.startswith(TELLING_CPU_FLAGS)),
        },
        "git_commit": read_git_commit(Path(__file__).parent),
        "dataset": provenance.model_dump(mode="json"),
    }


def diagnose(compute: Compute) -> dict[str, str]:
    """Tell what the program sees and what it will use, for people: a sentence a fact.

    Args:
        compute: As chosen for the run in question.
    """
    import tensorflow as tf  # noqa: PLC0415 - seconds to import

    memory = psutil.virtual_memory()
    flags = read_cpu_flags()
    gpus = [gpu.name for gpu in tf.config.list_physical_devices("GPU")]
    bfloat16 = sorted(flags & BFLOAT16_FLAGS)
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1"
    return {
        "GPUs": ", ".join(gpus) or "none that TensorFlow can use",
        "networks train on": f"{compute.name}, {'with' if compute.jit_compile else 'without'} XLA",
        "precision": compute.dtype_policy,
        "bfloat16 on the CPU": ", ".join(bfloat16) or "no such instructions",
        "CPU": read_cpu_field("model name") or platform.processor(),
        "CPU flags": " ".join(sorted(f for f in flags if f.startswith(TELLING_CPU_FLAGS))),
        "oneDNN": "on" if onednn else "off, by TF_ENABLE_ONEDNN_OPTS",
        "cores": f"{count_cores()} usable of {os.cpu_count()}",
        "threads": f"{describe_threads(tf.config.threading.get_intra_op_parallelism_threads())} "
        f"within an operation, "
        f"{describe_threads(tf.config.threading.get_inter_op_parallelism_threads())} across; "
        f"OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'not set')}",
        "memory": f"{memory.available / 2**30:.1f} GiB available of {memory.total / 2**30:.1f}",
        "freed memory": "kept for the next step" if keeps_freed_memory() else "given back",
        "Python": f"{platform.python_version()}, {platform.platform()}",
        "libraries": ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES),
        "commit": read_git_commit(Path(__file__).parent) or "not a checkout",
    }


def describe_threads(count: int) -> str:
    """TensorFlow's 0 means that it decides for itself."""
    return str(count) if count else "one a core"


def count_cores() -> int:
    """Count the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
