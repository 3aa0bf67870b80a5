"""The source a result depends on: a module's, and that of all it imports of this package."""

import ast
import functools
import hashlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

__all__ = ["digest_source"]

PACKAGE = Path(__file__).parent.name
FOLDER = Path(__file__).parent
COMPUTING_LIBRARIES = ("tensorflow", "keras", "lightgbm", "scikit-learn", "scipy", "numpy")
# Their part in a result is in the values that stages are given.
IRRELEVANT = frozenset({"config", "errors", "progress"})


@functools.cache
def digest_source(module: ModuleType) -> str:
    """Digest what a module computes with: source, and versions of the libraries below it.

    Args:
        module: One of this package.

    Returns:
        A SHA-256, the same as long as neither the module, nor one that it imports at any depth,
        nor a library has changed.
    """
    versions = [f"{library}=={metadata.version(library)}" for library in COMPUTING_LIBRARIES]
    digest = hashlib.sha256(" ".join(versions).encode())
    for name in sorted(collect_modules(module.__name__.rpartition(".")[2])):
        digest.update(name.encode())
        digest.update((FOLDER / f"{name}.py").read_bytes())
    return digest.hexdigest()


def collect_modules(name: str) -> set[str]:
    """Return the names of a module and of all that it imports of this package, at any depth."""
    found: set[str] = set()
    waiting = {name}
    while waiting:
        found |= waiting
        waiting = {other for known in waiting for other in list_imports(known)} - found
    return found - IRRELEVANT


def list_imports(name: str) -> Iterator[str]:
    """Yield the modules of this package that one of them names in its imports."""
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            package, _, other = node.module.partition(".")
            if package == PACKAGE:
                yield other
