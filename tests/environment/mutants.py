"""Programs that are a small mechanical step away from a right one.

In:  a program. Out: other programs, all different, in an order drawn by a seed. Pure; standard library only.
"""

from __future__ import annotations

import ast
import copy
import random
import warnings
from collections.abc import Callable, Iterator

_FLIPPED: dict[type, type] = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_LOOSENED: dict[type, type] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.FloorDiv, ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip

Change = Callable[[ast.AST], None]


def mutants(program: str, count: int, within: tuple[str, ...] = (), seed: int = 0) -> list[str]:
    """`count` mutants, or fewer where the program has no more; `within`: only these functions are changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escape sequences
        tree = ast.parse(program)
    original = ast.unparse(tree)
    found: dict[str, None] = {}
    open_to_change = _inside(tree, within) if within else set(ast.walk(tree))
    for place, node in enumerate(ast.walk(tree)):
        for change in _changes(node) if node in open_to_change else ():
            changed = copy.deepcopy(tree)
            change(next(node for at, node in enumerate(ast.walk(changed)) if at == place))
            found[ast.unparse(ast.fix_missing_locations(changed))] = None
    found.pop(original, None)
    programs = list(found)
    random.Random(f"{seed} {original}").shuffle(programs)
    return programs[:count]


def _inside(tree: ast.Module, names: tuple[str, ...]) -> set[ast.AST]:
    return {inner for node in tree.body if getattr(node, "name", None) in names for inner in ast.walk(node)}


def _changes(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for table in (_FLIPPED, _LOOSENED):
            if type(node.ops[0]) in table:
                yield _operator("ops", table)
    elif isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and type(node.op) in _SWAPPED:
        yield _operator("op", _SWAPPED)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield _constant(1)
        yield _constant(-1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield lambda node: setattr(node, "value", node.value + "x")
    elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield lambda node: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Return) and node.value is not None:
        yield lambda node: setattr(node, "value", ast.Constant(None))
        yield lambda node: setattr(node, "value", ast.List([node.value], ast.Load()))
        yield lambda node: setattr(node, "value", ast.UnaryOp(ast.Not(), node.value))
        yield lambda node: setattr(node, "value", ast.Constant(True))
        yield lambda node: setattr(node, "value", ast.Constant(0))
    if isinstance(node, (ast.FunctionDef, ast.For, ast.While, ast.If)):
        for place, statement in enumerate(node.body):
            if not isinstance(statement, (ast.FunctionDef, ast.Pass)):
                yield _dropped(place)


def _operator(field: str, table: dict[type, type]) -> Change:
    def change(node: ast.AST) -> None:
        if field == "ops":
            node.ops[0] = table[type(node.ops[0])]()
        else:
            node.op = table[type(node.op)]()

    return change


def _constant(step: int) -> Change:
    return lambda node: setattr(node, "value", node.value + step)


def _dropped(place: int) -> Change:
    return lambda node: node.body.__setitem__(place, ast.Pass())
