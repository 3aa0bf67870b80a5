"""What a GPU would run, on XLA's CPU backend: the same steps, compiled, a hundred in a call."""

import contextlib
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from trainings import DCGANS, NETWORKS, Trainings, shorten

from gan_aug.device import Compute

STEPS = 3
PRIME = 2**31 - 1
# Mean differences of an array; three steps move its weights by 1e-3 to 1e-2. Adam takes a step of
# full length along a gradient that is nearly zero, as `consistency` has many.
TOLERANCE = 1e-5
TOLERANCES = {"consistency": 1e-3}
COMPILED = Compute(jit_compile=True, steps_per_call=100)


def draw_uniform(shape, seed, minval=0.0, maxval=None, dtype=tf.float32):
    """Draw what anybody computes alike, from integers: XLA has random numbers of its own."""
    count = tf.cast(tf.reduce_prod(tf.cast(shape, tf.int64)), tf.int64)
    first, second = tf.unstack(tf.cast(seed, tf.int64) % PRIME)
    mixed = tf.range(count) * 48271 + first * 69621 + second * 16807
    for factor in (16807, 48271, 69621):
        mixed = (mixed % PRIME) * factor + mixed // 65536
    drawn = tf.reshape(mixed % PRIME, shape)
    if dtype == tf.int32:
        # Without an end, they are from the whole range.
        return tf.cast(drawn % tf.cast(maxval, tf.int64) if maxval else 2 * drawn - PRIME, dtype)
    share = tf.cast(drawn // 256, tf.float32) / float(PRIME // 256 + 1)
    return tf.cast(minval + share * ((1.0 if maxval is None else maxval) - minval), dtype)


def split(seed, num):
    """Make several seeds of one."""
    return draw_uniform((num, 2), seed, maxval=PRIME, dtype=tf.int32)


def draw_normal(shape, seed, mean=0.0, stddev=1.0, dtype=tf.float32):
    """Draw twelve uniform numbers each, and add them up."""
    parts = [draw_uniform(shape, [seed[0], seed[1] + 7919 * part]) for part in range(12)]
    return tf.cast(mean + stddev * (tf.add_n(parts) - 6.0), dtype)


def drop(inputs, rate, seed, noise_shape):
    """Drop a share of the inputs."""
    kept = draw_uniform(noise_shape, seed) >= rate
    return tf.where(kept, inputs / tf.cast(1 - rate, inputs.dtype), tf.zeros_like(inputs))


@contextlib.contextmanager
def draw_alike():
    """Have both draw the same numbers."""
    with contextlib.ExitStack() as patches:
        for owner, name, draw in (
            (tf.random, "stateless_uniform", draw_uniform),
            (tf.random, "stateless_normal", draw_normal),
            (tf.random, "split", split),
            (tf.nn.experimental, "stateless_dropout", drop),
        ):
            patches.enter_context(mock.patch.object(owner, name, draw))
        yield


def take_steps(name, policy, compute, *, real, dcgan):
    with shorten(50), draw_alike():
        return Trainings(real.take(np.arange(100)), dcgan, compute).train(name, policy, STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*DCGANS, *NETWORKS])
def test_compiled_steps_are_those_that_are_not(name, real, tiny_dcgan):
    plain, compiled = (
        take_steps(name, "float32", compute, real=real, dcgan=tiny_dcgan)
        for compute in (Compute(), COMPILED)
    )
    for ours, theirs in zip(compiled, plain, strict=True):
        if ours.size:
            assert np.abs(ours.astype(float) - theirs).mean() <= TOLERANCES.get(name, TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "CNN"])
def test_compiled_steps_compute_in_bfloat16(name, real, tiny_dcgan):
    plain, compiled = (
        take_steps(name, policy, COMPILED, real=real, dcgan=tiny_dcgan)
        for policy in ("float32", "mixed_bfloat16")
    )
    assert all(np.isfinite(ours).all() for ours in compiled)
    assert any((ours != theirs).any() for ours, theirs in zip(compiled, plain, strict=True))
