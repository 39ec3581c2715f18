"""The names that pieces of code take from one another, by their syntax alone.

In:  Python code. Out: names, or the import statements that bind some of them. Pure; SyntaxError if it is no Python.
"""

from __future__ import annotations

import ast
import builtins
import warnings


def names_under_test(test: str, solution: str = "") -> tuple[str, ...]:
    """What a test takes from the program under test: names that it uses, binds nowhere and does not find in Python.

    A builtin's name counts too where the solution defines it (MBPP 126 defines `sum`).
    """
    used, bound = _names(_parse(test))
    free = used - bound
    return tuple(sorted(name for name in free if not hasattr(builtins, name) or name in _defined(solution)))


def imports_of(code: str, names: tuple[str, ...]) -> str:
    """The top-level imports of `code` that bind one of `names`."""
    return "\n".join(
        ast.unparse(node)
        for node in _parse(code).body
        if isinstance(node, (ast.Import, ast.ImportFrom)) and _imported(node) & set(names)
    )


def _parse(code: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escape sequences: published code is not ours to mend
        return ast.parse(code)


def _names(tree: ast.AST) -> tuple[set[str], set[str]]:
    """The names that are read, and those that are bound in any scope."""
    used: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= _imported(node)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return used, bound


def _defined(code: str) -> set[str]:
    """What the top level of `code` binds, imports left out."""
    return {
        name
        for node in _parse(code).body
        if not isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ({node.name} if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else _names(node)[1])
    }


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
