"""What people get who install gan-aug: the wheel, and what it does away from a checkout."""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from stack import check_deployments, find_free_port, start_stack

ROOT = Path(__file__).parent.parent
HOME = "https://github.com/gan-aug/gan-aug/"
UV = shutil.which("uv") or Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """The wheel, and the archive of its source."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel], [source] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, source


@pytest.fixture(scope="module")
def wheel(distributions):
    return distributions[0]


def list_files(folder, home):
    """Return the files below a folder, as paths below another, without what Python compiled."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(home / path) for path in files if "__pycache__" not in path.parts}


def list_package(root):
    """Return the files of the package, as they are installed."""
    return list_files(root / "gan_aug", Path("gan_aug")) | list_files(
        root / "flows", Path("gan_aug/flows")
    )


def test_the_wheel_is_the_package_and_nothing_beside_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == list_package(ROOT)


def test_the_source_makes_the_same_wheel(distributions, tmp_path):
    wheel, source = distributions
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    [unpacked] = tmp_path.iterdir()
    assert list_package(unpacked) == list_package(ROOT)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(build, cwd=unpacked, check=True, capture_output=True)
    assert (unpacked / "dist" / wheel.name).read_bytes() == wheel.read_bytes()


def test_links_of_the_description_lead_to_files_from_anywhere(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        description = email.message_from_bytes(archive.read(metadata)).get_payload()
    links = re.findall(r"\]\(([^)#]+)", description)
    assert len(links) > 20
    for link in links:
        assert link.startswith(HOME)
        assert (ROOT / re.sub("^(blob|raw)/main/", "", link.removeprefix(HOME))).exists()


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory):
    """An environment with the wheel, and nothing else but what it asks for."""
    environment = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", environment / "bin" / "python", wheel]
    subprocess.run([*install, "--constraints", ROOT / "requirements.lock"], check=True)
    return environment / "bin" / "gan-aug"


@pytest.fixture(scope="module")
def call(bare, tmp_path_factory):
    """Return what calls the installed command in an empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    strange = ("PYTHONPATH", "PREFECT_API_URL", "PREFECT_API_AUTH_STRING")
    environment = {name: value for name, value in os.environ.items() if name not in strange}

    def call(*words):
        done = subprocess.run(
            [bare, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.mark.slow
def test_the_installed_command_does_what_the_readme_shows(call):
    *_, folder = call("run", "--preset", "smoke", "--dataset", "digits").splitlines()
    name = Path(folder).name
    assert folder == f"artifacts/runs/{name}"
    assert name in call("runs")
    assert "this was a trial" in call("show", "latest")
    assert "digits: 28x28 grey" in call("data", "digits")
    assert "gan-aug 0." in call("doctor")


@pytest.mark.slow
def test_the_installed_command_serves_schedules_from_any_folder(bare, tmp_path_factory):
    folder, home = (tmp_path_factory.mktemp(name) for name in ("folder", "home"))
    with start_stack(folder, home=home, port=find_free_port(), command=bare) as stack:
        check_deployments(stack)
