"""The names that pieces of code take from one another, by their syntax alone.

In:  Python code. Out: names, or the import statements that bind some of them. Pure; SyntaxError if it is no Python.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def names_under_test(test: str, solution: str = "") -> tuple[str, ...]:
    """What a test takes from the program under test: names that it uses, binds nowhere and does not find in Python.

    A builtin's name counts too where the solution defines it (MBPP 126 defines `sum`).
    """
    free = _free(test)
    known = {name for name in free if hasattr(builtins, name)}
    return tuple(sorted(free - known | (known & _defined(solution) if known else set())))


def imports_of(code: str, names: tuple[str, ...]) -> str:
    """The top-level imports of `code` that bind one of `names`."""
    return "\n".join(
        ast.unparse(node)
        for node in _parse(code).body
        if isinstance(node, (ast.Import, ast.ImportFrom)) and _imported(node) & set(names)
    )


def _parse(code: str) -> ast.Module:
    with _no_warnings():
        return ast.parse(code)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Of escape sequences: published code is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _free(code: str) -> set[str]:
    """The names that are read and bound in no scope, by Python's own table of symbols: a walk over the tree would meet
    every number of a test's literals (of LeetCode's, two thirds of the time)."""
    used: set[str] = set()
    bound = {"__class__"}  # what `super()` reads
    with _no_warnings():
        scopes = [symtable.symtable(code, "test", "exec")]
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        for symbol in scope.get_symbols():
            if symbol.is_assigned() or symbol.is_parameter() or symbol.is_imported():
                bound.add(symbol.get_name())
            elif symbol.is_referenced():
                used.add(symbol.get_name())
    return used - bound


def _defined(code: str) -> set[str]:
    """What the top level of `code` binds, imports left out."""
    found: set[str] = set()
    for statement in _parse(code).body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(statement.name)
        elif not isinstance(statement, (ast.Import, ast.ImportFrom)):
            nodes = ast.walk(statement)
            found |= {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    return found


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
