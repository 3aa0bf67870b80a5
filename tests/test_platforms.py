"""Other systems than Linux, as far as a Linux machine can tell."""

import os
import subprocess
import sys

import pytest

# What Python on Windows or macOS lacks and this package has a use for.
MISSING = {
    "signal": ("SIGHUP", "pthread_sigmask", "SIG_BLOCK", "SIG_UNBLOCK"),
    "os": ("sched_getaffinity", "fork", "geteuid", "getuid", "mkfifo", "wait4", "O_DIRECTORY"),
}
WITHOUT = "\n".join(
    f"import {module}\nfor name in {names}: delattr({module}, name)"
    for module, names in MISSING.items()
)
MODULES = "\n".join(
    [
        "import ctypes, pkgutil, importlib, gan_aug, flows",
        "for package in (gan_aug, flows):",
        "    for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):",
        "        importlib.import_module(found.name)",
    ]
)


def start(code, *words):
    """Run a program in which the names are gone."""
    return subprocess.run(
        [sys.executable, "-c", f"{WITHOUT}\n{code}", *words],
        env=os.environ | {"PREFECT_API_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_is_imported_where_names_are_missing():
    done = start(MODULES)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_a_run_works_where_names_are_missing(tmp_path):
    words = ["run", "--preset", "smoke", "--dataset", "digits", "--artifacts", str(tmp_path)]
    done = start("from gan_aug.flows.cli import main\nmain()", *words)
    assert done.returncode == 0, done.stderr[-2000:]
    assert list(tmp_path.glob("runs/*/report.html"))
