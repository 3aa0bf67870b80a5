"""The house rules, read from the imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOMAIN = sorted((ROOT / "gan_aug").glob("*.py"))

LEAVES = {"errors", "config", "images", "progress", "device", "seeding"}
STAGES = {
    "anomaly",
    "dataset",
    "synthesis",
    "pseudo_label",
    "augmentation",
    "cnn",
    "boosting",
    "comparison",
    "layers",
    "quality",
    "clustering",
    "calibration",
}
ALLOWED = {
    "errors": set(),
    "config": set(),
    "progress": set(),
    "seeding": set(),
    "images": {"errors"},
    "device": {"config", "errors"},
    "files": set(),
    "remote": {"errors"},
    "source": set(),
    **dict.fromkeys(STAGES, LEAVES),
    "comparison": LEAVES | {"calibration"},
    "dcgan": LEAVES | {"layers"},
    "training": LEAVES,
    "adversarial": LEAVES | {"clustering", "dcgan", "layers", "training"},
    "sgan": LEAVES | {"layers", "training"},
    "environment": LEAVES | {"dataset"},
    "memory": LEAVES | {"cnn", "dcgan", "sgan"},
    "pictures": LEAVES | {"dataset"},
    "figures": LEAVES | {"anomaly", "calibration", "comparison", "study"},
    "galleries": LEAVES | {"figures"},
    "report": LEAVES | {"anomaly", "calibration", "comparison", "quality", "study"},
    "study": LEAVES | {"comparison"},
    "store": LEAVES | {"anomaly", "calibration", "dataset", "files", "quality", "remote", "source"},
    "gates": LEAVES | {"comparison", "quality"},
    "runs": LEAVES | {"anomaly", "comparison", "files", "gates", "report", "store", "study"},
    "__init__": set(),
}


def imported(path):
    """Every module that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: path.stem)
def test_the_domain_knows_no_orchestration(path):
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & {"prefect", "flows", "cyclopts"}


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: path.stem)
def test_imports_run_one_way(path):
    stems = {other.stem for other in DOMAIN}
    inside = {name.split(".")[1] for name in imported(path) if name.startswith("gan_aug.")}
    assert inside & stems <= ALLOWED[path.stem]


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: path.stem)
def test_only_the_store_and_the_readers_of_foreign_data_name_files(path):
    endings = (".npz", ".npy", ".csv", ".json", ".keras", ".png", ".txt", ".html")
    named = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.endswith(endings)
        and len(node.value.split()) == 1
    }
    assert not named or path.stem in {"files", "store", "runs", "dataset", "pictures"}
