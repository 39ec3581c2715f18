"""What the text of code tells before it runs. Only speed depends on it.

In:  code. Out: yes or no. A program that is said to import nothing but Python's own modules, and has another way to
import something, finds it, a little later. Of a test, which is trusted code, it is told whether its judge's process can
judge another test after it.
"""

from __future__ import annotations

import ast
import sys
import warnings
from functools import lru_cache

_BY_NAME = ("__import__", "import_module", "exec", "eval")
# Modules without state that a test could leave changed by calls alone; `random` is seeded for each test. Not the
# clock, which begins with the process.
_STATELESS = frozenset({
    "bisect", "cmath", "collections", "copy", "fractions", "functools", "heapq", "itertools", "math",
    "operator", "random", "re", "statistics", "string", "typing",
})  # fmt: skip
_MARKING = frozenset({
    "breakpoint", "compile", "delattr", "exit", "getattr", "globals", "input", "locals", "open", "quit", "setattr",
    "vars",
})  # fmt: skip


@lru_cache(maxsize=1024)
def imports_only_standard(code: str) -> bool:
    """True if every import statement names a module of the standard library, and nothing imports by name."""
    tree = parsed(code)
    return tree is not None and all(_is_standard(node) for node in ast.walk(tree))


@lru_cache(maxsize=1024)
def leaves_no_trace(test: str) -> bool:
    """True if code outlives itself in nothing but its own names: no module, builtin, file or setting is changed."""
    tree = parsed(test)
    return tree is not None and all(_is_traceless(node) for node in ast.walk(tree))


def parsed(code: str) -> ast.Module | None:
    """Its syntax tree; None if it has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escape sequences
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_traceless(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return all(alias.name in _STATELESS for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.module in _STATELESS
    if isinstance(node, ast.Attribute):
        return isinstance(node.ctx, ast.Load) and not node.attr.startswith("__")
    return not (isinstance(node, ast.Name) and (node.id in _MARKING or node.id in _BY_NAME or node.id.startswith("__")))


def _is_standard(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in sys.stdlib_module_names
    if isinstance(node, ast.Name):
        return node.id not in _BY_NAME
    return not (isinstance(node, ast.Attribute) and node.attr in _BY_NAME)
