"""The source a result depends on: a module's, and that of all it imports of this package.

What counts is the code: comments, docstrings and layout do not.
"""

import ast
import functools
import hashlib
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

__all__ = ["digest_source"]

PACKAGE = Path(__file__).parent.parent.name
FOLDER = Path(__file__).parent.parent
# Those below the others: what a module imports itself is found in its source.
COMPUTING_LIBRARIES = frozenset({"tensorflow", "keras", "scikit-learn", "scipy", "numpy"})
# Settings and stages reach a result as values of its key, and how values are kept has a number of
# its own there (:data:`gan_aug.store.store.FORMAT`).
IRRELEVANT = ("errors", "progress", "settings", "stage", "store")


@functools.cache
def digest_source(module: str) -> str:
    """Digest what a module computes with: source, and versions of the libraries below it.

    Args:
        module: Name of an imported one: ``gan_aug.gan.adversarial``.

    Returns:
        A SHA-256, the same as long as neither the code of the module, nor of one that it imports at
        any depth, nor a library has changed.
    """
    modules = sorted(collect_modules(module))
    libraries = COMPUTING_LIBRARIES.union(*(list_libraries(name) for name in modules))
    versions = [f"{library}=={metadata.version(library)}" for library in sorted(libraries)]
    digest = hashlib.sha256(" ".join(versions).encode())
    for name in modules:
        digest.update(name.encode())
        digest.update(ast.dump(read_code(name)).encode())
    return digest.hexdigest()


def collect_modules(name: str) -> set[str]:
    """Return the names of a module and of all that it imports of this package, at any depth."""
    found: set[str] = set()
    waiting = {name}
    while waiting:
        found |= waiting
        waiting = {other for known in waiting for other in list_modules(known)} - found
    return found


def list_modules(name: str) -> Iterator[str]:
    """Yield the modules of this package that one of them imports and that can decide a result."""
    for imported in list_imports(name):
        module = find_module(imported)
        if module and module.removeprefix(f"{PACKAGE}.").split(".")[0] not in IRRELEVANT:
            yield module


def list_libraries(name: str) -> set[str]:
    """Return the names under which the libraries that a module imports are installed."""
    roots = {imported.split(".")[0] for imported in list_imports(name)}
    foreign = roots - {PACKAGE} - sys.stdlib_module_names
    return {library for root in foreign for library in map_distributions().get(root, [])}


@functools.cache
def map_distributions() -> dict[str, list[str]]:
    """Return what can be imported → the distributions that bring it."""
    return {name: list(found) for name, found in metadata.packages_distributions().items()}


def list_imports(name: str) -> Iterator[str]:
    """Yield the dotted names that a module imports, wherever in its code."""
    for node in ast.walk(read_code(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def find_module(dotted: str) -> str | None:
    """Return the module of this package that a dotted name is, or is a name of; None for others."""
    names = (dotted, dotted.rpartition(".")[0])
    inside = (name for name in names if name.startswith(f"{PACKAGE}."))
    return next((name for name in inside if locate(name).is_file()), None)


def locate(name: str) -> Path:
    """Return the file of a module: of this package, or of what uses it and defines a stage."""
    package, *parts = name.split(".")
    if package != PACKAGE:
        return Path(str(sys.modules[name].__file__))
    path = FOLDER.joinpath(*parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def read_code(name: str) -> ast.Module:
    """Return a module's syntax tree without docstrings and without what only type checkers read."""
    tree = ast.parse(locate(name).read_text(encoding="utf-8"))
    pruned: ast.Module = PruneNodes().visit(tree)
    return pruned


class PruneNodes(ast.NodeTransformer):
    """Takes out string statements, which are docstrings, and blocks under ``TYPE_CHECKING``."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Drop a statement that is nothing but a string."""
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Keep the other branch alone of a condition on ``TYPE_CHECKING``."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse
        return self.generic_visit(node)
