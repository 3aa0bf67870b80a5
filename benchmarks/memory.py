"""Resident memory of a whole run, with nothing to reuse."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.interleave import OnUnit, clean_environment
from benchmarks.machine import stamp
from benchmarks.results import Memory
from gan_aug.settings.presets import Preset

__all__ = ["measure_memory"]

COMMAND = Path(sys.executable).with_name("gan-aug")
TARGET_GIB = 3.0
SAMPLE_SECONDS = 0.2
# ru_maxrss is in KiB on Linux and in bytes on macOS.
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def measure_memory(rounds: int, on_unit: OnUnit, *, preset: Preset = "quick") -> Memory:
    """Run the command in an empty folder and watch all of its processes.

    Args:
        rounds: Runs; the largest peak counts.
        on_unit: Called before each.
        preset: The run's preset.
    """
    code = stamp(("tensorflow", "keras", "lightgbm", "prefect"))
    peaks = []
    for done in range(rounds):
        on_unit(f"gan-aug run --preset {preset}", done, rounds)
        peaks.append(watch_run(preset))
    return Memory(
        stamp=code,
        preset=preset,
        peak_gib=max(tree for tree, _ in peaks) / 2**30,
        peak_process_gib=max(process for _, process in peaks) / 2**30,
        target_gib=TARGET_GIB,
    )


def watch_run(preset: Preset) -> tuple[int, int]:
    """Run the command; return the peak of all its processes together, and of the largest one.

    Both are in bytes. The first is never below the second: a peak between two samples of the sum
    is still in the kernel's account of each process.

    Raises:
        RuntimeError: The command failed.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [COMMAND, "run", "--preset", preset, "--dataset", "mnist", "--artifacts", folder],
            env=clean_environment(),
            stdout=output,
            stderr=output,
        )
        command = psutil.Process(process.pid)
        tree = 0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            tree = max(tree, sum_resident(command))
            time.sleep(SAMPLE_SECONDS)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"gan-aug run: expected exit code 0, found:\n{output.read()}")
    largest = usage.ru_maxrss * MAXRSS_UNIT
    return max(tree, largest), largest


def sum_resident(process: psutil.Process) -> int:
    """Return the resident bytes of a process and its descendants, without those just gone."""
    resident = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for member in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                resident += member.memory_info().rss
    return resident
