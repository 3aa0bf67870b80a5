import importlib
import sys

import pytest

from gan_aug.store import source

ADVERSARIAL = "gan_aug.gan.adversarial"
LIGHTGBM = "gan_aug.classifiers.lightgbm"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of a copy of the package that a test may change."""
    for path in source.FOLDER.rglob("*.py"):
        copy = tmp_path / path.relative_to(source.FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(source, "FOLDER", tmp_path)
    yield tmp_path
    source.digest_source.cache_clear()


def digest(module):
    source.digest_source.cache_clear()
    return source.digest_source(module)


def append(path, text):
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


@pytest.mark.parametrize(
    "changed",
    [
        "gan/adversarial",
        "gan/networks",
        "gan/layers",
        "gan/clustering",
        "components",
        "training",
        "images",
        "seeding",
    ],
)
def test_a_change_of_what_a_module_needs_changes_its_digest(package, changed):
    before = digest(ADVERSARIAL)
    append(package / f"{changed}.py", "\nCHANGED = 1\n")
    assert digest(ADVERSARIAL) != before


@pytest.mark.parametrize(
    "changed",
    [
        "reporting/render",
        "classifiers/lightgbm",
        "settings/dcgan",
        "errors",
        "progress",
        "stage",
        "store/formats",
    ],
)
def test_a_change_of_anything_else_does_not(package, changed):
    before = digest(ADVERSARIAL)
    append(package / f"{changed}.py", "\nCHANGED = 1\n")
    assert digest(ADVERSARIAL) == before


CODE = '''"""What it is for."""
from gan_aug.images import one_hot
def double(x):
    """Return twice the value."""
    return {"a": 2 * x}
'''
SAME_CODE = """
# A remark.
from gan_aug.images import (
    one_hot,
)


def double(x):
    return {'a': 2*x}  # twice
"""


def test_comments_docstrings_and_layout_do_not_count_and_code_does(package):
    digests = []
    for code in (CODE, SAME_CODE, CODE.replace("2 *", "3 *"), CODE.replace('"a"', '"b"')):
        (package / "small.py").write_text(code)
        digests.append(digest("gan_aug.small"))
    same, again, *others = digests
    assert same == again
    assert len({same, *others}) == 3


def test_every_way_of_importing_is_seen_and_what_only_type_checkers_read_is_not(package):
    modules = {
        "root": """
            from typing import TYPE_CHECKING
            import gan_aug.plain
            from gan_aug import named
            from gan_aug.rooms import NAME
            if TYPE_CHECKING:
                from gan_aug.typed import Type
            else:
                from gan_aug.untyped import Type
            def later():
                from gan_aug.lazy import function
        """,
        "rooms/__init__": "from gan_aug.rooms.first import NAME",
        "rooms/first": "import gan_aug.deep",
        **dict.fromkeys(["plain", "named", "typed", "untyped", "lazy", "deep"], "NAME = 1"),
    }
    for name, code in modules.items():
        path = package / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(line[12:] if "\n" in code else line for line in code.split("\n")))
    found = {name.removeprefix("gan_aug.") for name in source.collect_modules("gan_aug.root")}
    assert found == {"root", "plain", "named", "rooms", "rooms.first", "untyped", "lazy", "deep"}


def test_a_package_brings_all_that_it_registers():
    found = source.collect_modules("gan_aug.settings.pseudo_labels")
    assert {"gan_aug.teachers", "gan_aug.teachers.cnn", "gan_aug.gan.semi_supervised"} <= found
    assert source.collect_modules("gan_aug.classifiers.rows") == {
        "gan_aug.classifiers.rows",
        "gan_aug.images",
    }


@pytest.mark.parametrize(
    ("library", "module", "counts"),
    [
        ("tensorflow", "gan_aug.classifiers.rows", True),
        ("scikit-learn", "gan_aug.classifiers.rows", True),
        ("lightgbm", LIGHTGBM, True),
        ("lightgbm", ADVERSARIAL, False),
        ("pillow", "gan_aug.data.pictures", True),
        ("pillow", LIGHTGBM, False),
    ],
)
def test_versions_count_of_computing_libraries_and_of_what_a_module_imports(
    monkeypatch, library, module, counts
):
    before = digest(module)
    version = source.metadata.version
    monkeypatch.setattr(
        source.metadata,
        "version",
        lambda name: "0.0" if name.lower() == library else version(name),
    )
    assert (digest(module) != before) == counts
    monkeypatch.undo()
    assert digest(module) == before


def test_the_source_of_a_stage_outside_the_package_counts_too(tmp_path, monkeypatch):
    path = tmp_path / "outside_stage.py"
    monkeypatch.syspath_prepend(tmp_path)
    path.write_text("from gan_aug.classifiers.rows import flatten_images\nFACTOR = 2\n")
    importlib.import_module("outside_stage")
    before = digest("outside_stage")
    append(path, "\n# a remark\n")
    assert digest("outside_stage") == before
    append(path, "\nFACTOR = 3\n")
    assert digest("outside_stage") != before
    assert "gan_aug.classifiers.rows" in source.collect_modules("outside_stage")
    del sys.modules["outside_stage"]


def test_only_modules_of_the_package_are_followed():
    assert source.find_module("gan_aug.gan.layers") == "gan_aug.gan.layers"
    assert source.find_module("gan_aug.gan.layers.ClusterCode") == "gan_aug.gan.layers"
    assert source.find_module("gan_aug.teachers.TEACHERS") == "gan_aug.teachers"
    for other in ("gan_aug", "numpy", "numpy.typing", "gan_augmented.images"):
        assert source.find_module(other) is None
