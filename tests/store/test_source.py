import pytest

from gan_aug.gan import adversarial
from gan_aug.store.store import source


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of a copy of the package that a test may change."""
    for path in source.FOLDER.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(source, "FOLDER", tmp_path)
    yield tmp_path
    source.digest_source.cache_clear()


def digest(module):
    source.digest_source.cache_clear()
    return source.digest_source(module)


@pytest.mark.parametrize("changed", ["adversarial", "dcgan", "layers", "clustering", "images"])
def test_a_change_of_what_a_module_needs_changes_its_digest(package, changed):
    before = digest(adversarial)
    with (package / f"{changed}.py").open("a") as file:
        file.write("\n# changed\n")
    assert digest(adversarial) != before


@pytest.mark.parametrize("changed", ["report", "boosting", "config", "errors"])
def test_a_change_of_anything_else_does_not(package, changed):
    before = digest(adversarial)
    with (package / f"{changed}.py").open("a") as file:
        file.write("\n# changed\n")
    assert digest(adversarial) == before


def test_every_way_of_importing_is_seen():
    assert source.collect_modules("boosting") == {"boosting", "images"}
    assert {"report", "comparison", "calibration", "study"} <= source.collect_modules("report")
    assert digest(boosting) != digest(report)
