"""Resident memory of whole runs, with nothing to reuse, against the images that they generate."""

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
from benchmarks.results import Memory, Peak
from gan_aug.settings.presets import Preset, resolve_config

__all__ = ["measure_memory"]

COMMAND = Path(sys.executable).with_name("gan-aug")
TARGET_GIB = 3.0
USUAL: Preset = "quick"
BRIEF: Preset = "smoke"
IMAGES = (10_000, 100_000, 300_000, 1_000_000)
"""Synthetic images of the brief runs."""
SAMPLE_SECONDS = 0.2
# ru_maxrss is in KiB on Linux and in bytes on macOS.
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def measure_memory(rounds: int, on_unit: OnUnit) -> Memory:
    """Run the command in empty folders and watch all of its processes.

    Args:
        rounds: Runs of each kind; the largest peak counts.
        on_unit: Called before each.
    """
    code = stamp(("tensorflow", "keras", "lightgbm", "prefect"))
    plans = [(USUAL, resolve_config(USUAL).synthesis.images), *((BRIEF, size) for size in IMAGES)]
    peaks = []
    for done, (preset, images) in enumerate(plans):
        on_unit(f"gan-aug run --preset {preset}, {images:,} images", done, len(plans))
        peaks.append(measure_peak(preset, images, rounds))
    usual, *curve = peaks
    return Memory(stamp=code, usual=usual, curve=curve, target_gib=TARGET_GIB)


def measure_peak(preset: Preset, images: int, rounds: int) -> Peak:
    """Watch runs of one kind."""
    watched = [watch_run(preset, images) for _ in range(rounds)]
    return Peak(
        preset=preset,
        images=images,
        peak_gib=max(tree for tree, _ in watched) / 2**30,
        peak_process_gib=max(process for _, process in watched) / 2**30,
    )


def watch_run(preset: Preset, images: int) -> tuple[int, int]:
    """Run the command; return the peak of all its processes together, and of the largest one.

    Both are in bytes. The first is never below the second: a peak between two samples of the sum
    is still in the kernel's account of each process.

    Raises:
        RuntimeError: The command failed.
    """
    settings = ("--preset", preset, "--dataset", "mnist", "--synthesis.images", str(images))
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [COMMAND, "run", *settings, "--artifacts", folder],
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
