"""Where networks train: which device, in which precision, compiled how."""

import ctypes
import functools
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gan_aug.errors import UserError
from gan_aug.settings.base import Device, Precision

__all__ = [
    "BFLOAT16_FLAGS",
    "Compute",
    "keeps_freed_memory",
    "read_cpu_field",
    "read_cpu_flags",
    "select_compute",
]

logger = logging.getLogger(__name__)

M_TOP_PAD = -2
KEPT_BYTES = 256 * 2**20

BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
INTEL = "GenuineIntel"
GPU_NOTE = (
    "A GPU adds numbers in an order of its own. The same settings and the same seed give another "
    "result each time: in the last decimals at first, and after many steps in all."
)


@dataclass(frozen=True)
class Compute:
    """How a network is to be trained and run.

    Attributes:
        kind: The device.
        name: What the device calls itself, for people.
        dtype_policy: Keras dtype policy of the layers; losses and outputs stay float32.
        jit_compile: Whether training steps are compiled with XLA.
        steps_per_call: Training steps taken in one call of the host; progress is told as often.
    """

    kind: Literal["cpu", "gpu"] = "cpu"
    name: str = "CPU"
    dtype_policy: str = "float32"
    jit_compile: bool = False
    steps_per_call: int = 10

    @property
    def numerics(self) -> str:
        """What decides how numbers are rounded: ``cpu float32``, ``gpu mixed_bfloat16``."""
        return f"{self.kind} {self.dtype_policy}"

    @property
    def reproducibility(self) -> str | None:
        """Why one seed gives several results, for people; None where it gives one."""
        return None if self.kind == "cpu" else GPU_NOTE


def select_compute(device: Device, precision: Precision = "auto") -> Compute:
    """Choose the device and the precision, and prepare TensorFlow for them.

    Must be called before TensorFlow touches a device: it hides GPUs for ``cpu``, and lets a GPU's
    memory grow with need instead of being taken whole. XLA is for GPUs; on a CPU it is slower.

    Args:
        device: ``auto`` takes a GPU where there is one.
        precision: ``auto`` is bfloat16 on a GPU and on a CPU that is faster in it.

    Returns:
        The device and how to use it.

    Raises:
        UserError: ``gpu`` was asked for and TensorFlow sees none.
    """
    import tensorflow as tf  # noqa: PLC0415 - seconds to import, and only training needs it

    keep_freed_memory()
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise UserError(
            "device: expected a GPU that TensorFlow can use, found none; install its CUDA "
            "libraries with `pip install 'tensorflow[and-cuda]'`, or use --device auto"
        )
    if device == "cpu" or not gpus:
        tf.config.set_visible_devices([], "GPU")
        return Compute(
            dtype_policy=choose_cpu_policy(precision, read_cpu_flags(), read_cpu_field("vendor_id"))
        )
    tf.config.set_visible_devices(gpus[:1], "GPU")
    tf.config.experimental.set_memory_growth(gpus[0], True)
    return Compute(
        kind="gpu",
        name=tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"),
        dtype_policy="float32" if precision == "float32" else "mixed_bfloat16",
        jit_compile=True,
        steps_per_call=100,
    )


@functools.cache
def choose_cpu_policy(precision: Precision, flags: frozenset[str], vendor: str) -> str:
    """Return the Keras dtype policy for a CPU: bfloat16 only where the hardware gains by it.

    Intel's AVX512-BF16 multiplies no faster than float32, and the conversions cost; its AMX does.
    """
    if precision == "float32":
        return "float32"
    if not flags & BFLOAT16_FLAGS:
        logger.log(
            logging.WARNING if precision == "bfloat16" else logging.INFO,
            "precision: this CPU has no bfloat16 instructions (%s): computing in float32",
            " or ".join(sorted(BFLOAT16_FLAGS)),
        )
        return "float32"
    gains = "amx_bf16" in flags or vendor != INTEL
    return "mixed_bfloat16" if gains or precision == "bfloat16" else "float32"


def read_cpu_flags() -> frozenset[str]:
    """Return what the CPU can do, in Linux's words (``avx2``, ``avx512_bf16``); empty elsewhere."""
    return frozenset(read_cpu_field("flags").split())


@functools.cache
def read_cpu_field(field: str) -> str:
    """Return a field of Linux's /proc/cpuinfo, or an empty text elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.split("\t")[0] == field), ""
    )


def keep_freed_memory() -> None:
    """Have glibc keep freed memory for the next step instead of giving it back to the system.

    A training step frees and takes again hundreds of megabytes; page faults were half of its time.
    """
    if keeps_freed_memory():
        ctypes.CDLL(None).mallopt(M_TOP_PAD, KEPT_BYTES)


def keeps_freed_memory() -> bool:
    """Whether this system's C library can be told to: glibc can."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")
