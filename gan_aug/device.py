"""Where networks train: which device, in which precision, compiled how."""

import ctypes
import logging
import sys
from dataclasses import dataclass
from typing import Literal

from gan_aug.config import Device
from gan_aug.errors import UserError

__all__ = ["Compute", "select_compute"]

logger = logging.getLogger(__name__)

M_TOP_PAD = -2
KEPT_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Compute:
    """How a network is to be trained and run.

    Attributes:
        kind: The device.
        name: What the device calls itself, for people.
        dtype_policy: Keras dtype policy of the layers; losses and outputs stay float32.
        jit_compile: Whether training steps are compiled with XLA.
    """

    kind: Literal["cpu", "gpu"] = "cpu"
    name: str = "CPU"
    dtype_policy: str = "float32"
    jit_compile: bool = False


def select_compute(device: Device) -> Compute:
    """Choose the device and prepare TensorFlow for it.

    Must be called before TensorFlow touches a device: it hides GPUs for ``cpu``, and lets a GPU's
    memory grow with need instead of being taken whole. A GPU trains in mixed bfloat16 under XLA; a
    CPU in float32 without XLA, which is slower there (measured).

    Args:
        device: ``auto`` takes a GPU where there is one.

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
        return Compute()
    tf.config.set_visible_devices(gpus[:1], "GPU")
    tf.config.experimental.set_memory_growth(gpus[0], True)
    name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
    return Compute(kind="gpu", name=name, dtype_policy="mixed_bfloat16", jit_compile=True)


def keep_freed_memory() -> None:
    """Have glibc keep freed memory for the next step instead of giving it back to the system.

    A training step frees and takes again hundreds of megabytes; page faults were half of its time.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_TOP_PAD, KEPT_BYTES)
