import logging

import pytest
import tensorflow as tf

from gan_aug import device
from gan_aug.errors import UserError


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error_and_auto_takes_the_cpu():
    with pytest.raises(UserError, match="expected a GPU that TensorFlow can use, found none"):
        device.select_compute("gpu")
    assert device.select_compute("auto").kind == "cpu"


@pytest.mark.parametrize(
    ("flag", "vendor", "automatic"),
    [
        ("avx512_bf16", "AuthenticAMD", "mixed_bfloat16"),
        ("amx_bf16", "GenuineIntel", "mixed_bfloat16"),
        ("avx512_bf16", "GenuineIntel", "float32"),
    ],
)
def test_a_cpu_that_gains_by_bfloat16_uses_it_unless_told_not_to(flag, vendor, automatic):
    flags = frozenset({"avx2", flag})
    assert device.choose_cpu_policy("auto", flags, vendor) == automatic
    assert device.choose_cpu_policy("bfloat16", flags, vendor) == "mixed_bfloat16"
    assert device.choose_cpu_policy("float32", flags, vendor) == "float32"


@pytest.mark.parametrize(
    ("precision", "level"), [("auto", logging.INFO), ("bfloat16", logging.WARNING)]
)
def test_a_cpu_without_them_falls_back_to_float32_and_says_so(caplog, precision, level):
    device.choose_cpu_policy.cache_clear()
    with caplog.at_level(logging.INFO, logger="gan_aug"):
        assert device.choose_cpu_policy(precision, frozenset({"avx2"}), "") == "float32"
    [record] = caplog.records
    assert record.levelno == level
    assert "no bfloat16 instructions" in record.getMessage()


def test_float32_on_demand_needs_no_excuse(caplog):
    device.choose_cpu_policy.cache_clear()
    assert device.choose_cpu_policy("float32", frozenset(), "") == "float32"
    assert not caplog.records


def test_precision_is_part_of_what_decides_the_numbers():
    exact, rounded = device.Compute(), device.Compute(dtype_policy="mixed_bfloat16")
    assert exact.numerics != rounded.numerics


def test_fields_that_the_system_does_not_tell_are_empty():
    assert device.read_cpu_field("no such field") == ""
