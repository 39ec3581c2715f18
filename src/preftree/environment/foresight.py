"""The calls that a test will make for certain, read off its text, so that one message carries them all.

In:  test code, the names that it takes from the program. Out: the questions that its judge will ask first, in order.
Always true: a question stands here only if the test asks it, with these very arguments, unless an assertion before it
fails; from the first statement of another kind on, nothing is foreseen. A message to another jail and back costs as
much as a hundred short calls.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from preftree.environment.inside import wire
from preftree.environment.statics import parsed

_MOST = 256  # questions
_MOST_BYTES = 1 << 20
_PERHAPS = (
    ast.BoolOp, ast.IfExp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.NamedExpr,
    ast.Await, ast.Yield, ast.YieldFrom,
)  # fmt: skip
_INNOCENT = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr, ast.Pass)


class _UncertainError(Exception):
    """What follows can't be told."""


@lru_cache(maxsize=1024)
def foreseen_questions(test: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The questions, as text of `wire`."""
    tree = parsed(test)
    questions: list[str] = []
    try:
        for question in _of_module(tree.body if tree else [], {name: name for name in names}):
            questions.append(question)
            if len(questions) == _MOST or sum(map(len, questions)) > _MOST_BYTES:
                break
    except _UncertainError:
        pass
    return tuple(questions)


def _of_module(body: Sequence[ast.stmt], names: Mapping[str, str]) -> Iterator[str]:
    checks: dict[str, ast.FunctionDef] = {}
    for statement in body:
        if isinstance(statement, ast.FunctionDef) and not statement.decorator_list and statement.name not in names:
            checks[statement.name] = statement
        elif (called := _check(statement, checks, names)) is not None:
            check, tested = called
            yield from _of_statements(check.body, {check.args.args[0].arg: tested}, checks)
        else:
            yield from _of_statements([statement], names, checks)


def _check(
    statement: ast.stmt, checks: Mapping[str, ast.FunctionDef], names: Mapping[str, str]
) -> tuple[ast.FunctionDef, str] | None:
    """`check(f)` of a function with one parameter: that function, and what it is given."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or call.keywords or len(call.args) != 1:
        return None
    function, argument = call.func, call.args[0]
    if not isinstance(function, ast.Name) or not isinstance(argument, ast.Name) or argument.id not in names:
        return None
    check = checks.get(function.id)
    if check is None or len(check.args.args) != 1 or check.args.vararg or check.args.kwonlyargs:
        return None
    return check, names[argument.id]


def _of_statements(
    body: Sequence[ast.stmt], names: Mapping[str, str], checks: Mapping[str, ast.FunctionDef]
) -> Iterator[str]:
    tested = names.keys() | checks.keys()
    for statement in body:
        nodes = list(ast.walk(statement))
        mentioned = {node.id for node in nodes if isinstance(node, ast.Name)} & tested
        if isinstance(statement, ast.Assert) and not mentioned & checks.keys():
            if any(isinstance(node, _PERHAPS) for node in nodes):
                raise _UncertainError
            yield from list(_of_expression(statement.test, names))
        elif mentioned or not isinstance(statement, _INNOCENT):
            raise _UncertainError


def _of_expression(node: ast.AST, names: Mapping[str, str]) -> Iterator[str]:
    """The calls in it, inner ones first."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
        yield _question(names[node.func.id], node)
        return
    if isinstance(node, ast.Name) and node.id in names:
        raise _UncertainError
    for child in ast.iter_child_nodes(node):
        yield from _of_expression(child, names)


def _question(name: str, call: ast.Call) -> str:
    """As the judge will write it; sets are left out, whose order differs from process to process."""
    if any(isinstance(node, (ast.Set, ast.Starred)) for node in ast.walk(call)):
        raise _UncertainError
    try:
        args = tuple(ast.literal_eval(argument) for argument in call.args)
        keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (ValueError, TypeError, RecursionError):
        raise _UncertainError from None
    if "None" in keywords:  # **mapping
        raise _UncertainError
    return wire.dumps(("call", _Named(name), args, keywords), _keep)


class _Named:
    """Stands for a name of the program's, as the judge's proxy does."""

    def __init__(self, name: str) -> None:
        self.name = name


def _keep(value: Any) -> Any:
    return value.name if isinstance(value, _Named) else wire.refuse(value)
