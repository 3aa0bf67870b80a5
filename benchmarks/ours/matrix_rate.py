"""How fast this machine multiplies matrices at best; a unit is one try of every product."""

import functools
import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from benchmarks.worker import Facts, Pause
from gan_aug.device import select_compute

# (rows, inner, columns): squares, and the tall products that convolutions amount to.
SHAPES = (
    (2048, 2048, 2048),
    (3072, 3072, 3072),
    (12544, 2304, 512),
    (50176, 1152, 256),
)


def run(pause: Pause) -> Facts:
    """Multiply, and keep the best rate of all units."""
    precision = select_compute("cpu").dtype_policy
    products = list(build_products(tf.bfloat16 if "bfloat16" in precision else tf.float32))
    best = max(measure_rate(*product) for product in products)
    while pause() is not None:
        best = max(best, *(measure_rate(*product) for product in products))
    rate, name = best
    return {"multiply_adds_per_second": rate, "fastest_product": name, "precision": precision}


def build_products(dtype: tf.DType) -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Yield for each product its name, its multiply-adds, and a function that computes it.

    NumPy takes part in float32 alone: it has no bfloat16.
    """
    rng = np.random.default_rng(0)
    for rows, inner, columns in SHAPES:
        left = rng.standard_normal((rows, inner), dtype=np.float32)
        right = rng.standard_normal((inner, columns), dtype=np.float32)
        size, multiply_adds = f"{rows}×{inner}×{columns}", rows * inner * columns
        operands = tf.constant(left, dtype), tf.constant(right, dtype)
        yield f"TensorFlow {size}", multiply_adds, functools.partial(tf.linalg.matmul, *operands)
        if dtype == tf.float32:
            yield f"NumPy {size}", multiply_adds, functools.partial(np.matmul, left, right)


def measure_rate(
    name: str, multiply_adds: int, multiply: Callable[[], object]
) -> tuple[float, str]:
    """Return multiply-adds a second of one product, and its name."""
    started = time.perf_counter()
    multiply()
    return multiply_adds / (time.perf_counter() - started), name
