"""The house rules, read from the source."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# gan_aug/flows, by which they are imported, is a link; rglob follows none.
FLOWS = sorted((ROOT / "flows").rglob("*.py"))
DOMAIN = sorted((ROOT / "gan_aug").rglob("*.py"))
# Settings that registries need; the others are made of what is registered.
LEAF_SETTINGS = {
    "base",
    "data",
    "dcgan",
    "sgan",
    "augmentation",
    "encoder",
    "consistency",
    "suggestion",
}

LEAVES = {
    "errors",
    "progress",
    "images",
    "seeding",
    "leaf settings",
    "device",
    "memory",
    "prediction",
    "stage",
    "fused",
    "training",
    "components",
}
BELOW = {
    "errors": set(),
    "progress": set(),
    "seeding": set(),
    "leaf settings": {"images"},
    "images": {"errors"},
    "memory": {"errors"},
    "components": {"images", "memory"},
    "prediction": {"progress"},
    "device": {"errors", "leaf settings"},
    "stage": {"device", "errors"},
    "fused": set(),
    "training": {"device", "errors", "images", "progress"},
    "store": {"errors", "stage"},
    "data": LEAVES | {"store"},
    "gan": LEAVES | {"store"},
    "representation": LEAVES | {"store"},
    "arms": LEAVES,
    "classifiers": LEAVES | {"store"},
    "teachers": LEAVES | {"store", "gan", "representation", "arms", "classifiers"},
    "pseudo_labels": LEAVES | {"classifiers", "teachers"},
    "settings": LEAVES | {"arms", "classifiers", "teachers"},
    "execution": LEAVES | {"store"},
    "evaluation": LEAVES | {"store", "data", "arms", "classifiers", "teachers", "settings"},
}
BELOW["stages"] = BELOW["evaluation"] | {"gan", "representation", "pseudo_labels", "evaluation"}
BELOW["pipeline"] = BELOW["stages"] | {"execution", "stages"}
BELOW["reporting"] = BELOW["pipeline"] | {"pipeline"}
BELOW["bars"] = {"progress"}
BELOW["quiet"] = set()
BELOW["api"] = BELOW["reporting"] | {"reporting", "bars", "quiet"}
# Names that are imported when they are asked for.
BELOW["__init__"] = {"api", "errors"}


def imported(path):
    """Every name that a file imports, at any depth and for any purpose."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(dotted):
    """The room of a name below ``gan_aug``: ``gan_aug.gan.layers.ClusterCode`` → ``gan``."""
    _, first, *rest = dotted.split(".")
    return "leaf settings" if first == "settings" and rest[0] in LEAF_SETTINGS else first


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOMAIN, ids=name)
def test_the_domain_knows_no_orchestration(path):
    found = list(imported(path))
    assert not {name.split(".")[0] for name in found} & {"prefect", "cyclopts"}
    assert not any(name.startswith("gan_aug.flows") for name in found)


@pytest.mark.parametrize("path", DOMAIN, ids=name)
def test_imports_run_one_way(path):
    own = room(dotted(path))
    others = {room(found) for found in imported(path) if found.startswith("gan_aug.")}
    assert others - {own} <= BELOW[own]


@pytest.mark.parametrize("path", FLOWS, ids=name)
def test_only_the_command_knows_both_sides(path):
    if path.parent.name != "cli":
        assert not any(found.startswith("gan_aug.flows.cli") for found in imported(path))


@pytest.mark.parametrize("path", FLOWS, ids=name)
def test_flows_compute_nothing(path):
    """What computes and draws is the domain's, where keys of the store see it."""
    roots = {found.split(".")[0] for found in imported(path)}
    allowed = {"numpy"} if path.parent.name == "cli" else set()
    assert not roots & {"numpy", "scipy", "sklearn", "keras", "matplotlib", "pandas"} - allowed


@pytest.mark.parametrize("path", DOMAIN, ids=name)
def test_only_formats_readers_and_folders_name_files(path):
    endings = (".npz", ".npy", ".csv", ".json", ".keras", ".png", ".txt", ".html")
    named = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.endswith(endings)
        and len(node.value.split()) == 1
    }
    homes = {"store", "data", "classifiers", "teachers", "gan/formats", "reporting/folders"}
    home = path.relative_to(ROOT / "gan_aug").with_suffix("")
    assert not named or {str(home), str(home.parts[0])} & homes


# Where a digit is a digit: MNIST's and scikit-learn's own business, and examples of messages.
DIGITS = {
    "gan_aug/data/load.py",
    "gan_aug/data/dataset.py",
    "gan_aug/data/labels.py",
    "gan_aug/data/readers/__init__.py",
    "gan_aug/data/readers/named.py",
    "gan_aug/settings/data.py",
    "gan_aug/data/pictures.py",
    "gan_aug/data/readers/digits.py",
    "gan_aug/data/mnist.py",
    "gan_aug/evaluation/anomaly.py",
    "gan_aug/settings/pictures.py",
    "gan_aug/settings/run.py",
    "gan_aug/settings/names.py",
    "flows/cli/dcgan.py",
    "flows/cli/anomalies.py",
    "flows/cli/run.py",
    "flows/cli/options.py",
}


@pytest.mark.parametrize("path", [*DOMAIN, *FLOWS], ids=name)
def test_a_class_is_called_a_class(path):
    assert name(path) in DIGITS or not re.search(r"\bdigits?\b", path.read_text())


@pytest.mark.parametrize("path", [*DOMAIN, *FLOWS], ids=name)
def test_long_functions_say_why(path):
    """A function of more than 40 lines beside its docstring has a reason in the line above it."""
    lines = path.read_text().splitlines()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            length = node.end_lineno - node.lineno + 1 - len(docstring.splitlines())
            above = lines[min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 2]
            assert length <= 40 or above.strip().startswith("# Long:"), f"{node.name}: {length}"
