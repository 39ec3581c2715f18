"""What programs give on the inputs of their tests: by this, samples that are one answer in different words are found.

In:  a problem's tests. Out: test code that makes the same calls and keeps what they give, all assertions taken out.
Always true: no expected output stands in that code's way: every call is made whatever the calls before it gave, and
what is kept is what the program gave, never whether that was right. So the kept outcome tells samples apart and leaks
no verdict. It is plain data, read in the judge's jail, where no candidate's code runs.

The paper does not say how programs are found equal; this is our choice. Two values count as equal as `==` has it,
floats to six significant digits and eight decimal places; of an exception the kind counts; of an object that is no
plain data its class's name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from preftree.environment.statics import parsed
from preftree.records import TestRun, Tests

_KEEP = "_kept_output"
_RECORDER = """
import random as _random_of_outputs
_outputs, _raised, _plain = [], [], []
def _plain_output(value):
    if isinstance(value, (bool, int)):
        return str(int(value))
    if isinstance(value, float):
        return format(round(value, 8) + 0.0, ".6g")  # and no minus of zero
    if isinstance(value, (list, tuple)):
        return ("[%s]" if isinstance(value, list) else "(%s)") % ",".join(map(_plain_output, value))
    if isinstance(value, (set, frozenset)):
        return "{%s}" % ",".join(sorted(map(_plain_output, value)))
    if isinstance(value, dict):
        return "{%s}" % ",".join(sorted(_plain_output(k) + ":" + _plain_output(v) for k, v in value.items()))
    return repr(value)
def _kept_output(call):
    try:
        value = call()
    except Exception as error:
        _raised.append(1)
        _outputs.append("raised " + repr(error).split("(")[0])
        raise
    text = _plain_output(value)
    if not text.startswith("<an object of type "):
        _plain.append(1)
    _outputs.append(text)
    return value
"""
_TELL = (
    "_seen = _random_of_outputs.Random(chr(0).join(_outputs)).getrandbits(128)\n"
    'raise AssertionError("outputs %032x, %d plain, %d raised" % (_seen, len(_plain), len(_raised)))'
)
_TOLD = re.compile(r"AssertionError: outputs ([0-9a-f]{32}), (\d+) plain, (\d+) raised\s*\Z")
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LEFT_ALONE = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Pass, ast.Break, ast.Continue)
_EXAMPLE = re.compile(r"^\s*>>> (.+)$", re.MULTILINE)


def recording(tests: Tests, instruction: str = "") -> Tests | None:
    """The calls of the tests (where these hold none, the examples `>>> f(x)` of the instruction); None for no call."""
    tree = parsed(tests.code)
    written = _written(tree.body, tests.names) if tree else ""
    if _KEEP not in written:
        shown = parsed("\n".join(line for line in _EXAMPLE.findall(instruction) if parsed(line)))
        written = _written(shown.body, tests.names) if shown else ""
    if _KEEP not in written:
        return None
    return replace(tests, code=f"{_RECORDER}\n{written}\n{_TELL}")


def told(run: TestRun) -> str | None:
    """What a program gave, as a digest; None where it came to no end, or raised and gave nothing."""
    found = _TOLD.search(run.why) if run.status == "failed" else None
    if found is None or (found[2] == "0" and found[3] != "0"):
        return None
    return found[1]


def _written(body: Sequence[ast.stmt], names: Sequence[str]) -> str:
    module = ast.Module(_Recording(_tested(body, set(names))).statements(body), [])
    return ast.unparse(ast.fix_missing_locations(module))


def _tested(body: Sequence[ast.stmt], names: set[str]) -> set[str]:
    """The names that stand for the program's own things: given ones, those assigned from them, and the parameters of
    the test's own functions that are given them (HumanEval's `candidate`)."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    functions = {node.name: node.args for node in nodes if isinstance(node, ast.FunctionDef)}
    while True:
        before = len(names)
        for node in nodes:
            if isinstance(node, ast.Assign) and _root(node.value) in names:
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
                given = zip(functions[node.func.id].args, node.args, strict=False)
                names |= {parameter.arg for parameter, value in given if _root(value) in names}
        if len(names) == before:
            return names


def _root(node: ast.AST) -> str | None:
    """The name that a call or an attribute begins with."""
    while isinstance(node, (ast.Call, ast.Attribute)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


class _Recording:
    """Statements that keep what calls of the tested names give, and go on whatever happens."""

    def __init__(self, tested: set[str]) -> None:
        self._tested = tested

    def statements(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        found = [new for statement in body for new in self._statement(statement)]
        return found or [ast.Pass()]

    def _statement(self, node: ast.stmt) -> Iterator[ast.stmt]:
        if isinstance(node, _LEFT_ALONE):
            yield node
        elif isinstance(node, _DEFINITIONS):
            node.body = self.statements(node.body)
            yield node
        elif isinstance(node, (ast.Assign, ast.Expr)) and self._is_call(node.value):
            node.value = _kept(node.value)
            yield _tried(node)
        elif isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.Try)):
            yield from self._block(node)
        else:
            yield from self._calls(node)
            # An assertion, and what a program's own results decide, would make the next calls depend on verdicts.
            if not isinstance(node, (ast.Assert, ast.Raise)):
                yield _tried(node)

    def _block(self, node: ast.For | ast.While | ast.If | ast.With | ast.Try) -> Iterator[ast.stmt]:
        heads = [head for head in ast.iter_child_nodes(node) if isinstance(head, ast.expr)]
        for head in heads:
            yield from self._calls(head)
        if isinstance(node, (ast.If, ast.While)) and any(self._mentions(head) for head in heads):
            return
        for part in ("body", "orelse", "finalbody"):
            if getattr(node, part, None):
                setattr(node, part, self.statements(getattr(node, part)))
        for handler in getattr(node, "handlers", []):
            handler.body = self.statements(handler.body)
        yield _tried(node)

    def _calls(self, node: ast.AST) -> Iterator[ast.stmt]:
        """A statement for each outermost call in it; one that needs a comprehension's own names is left out."""
        if isinstance(node, ast.expr) and self._is_call(node):
            yield _tried(ast.Expr(_kept(node)))
        elif not isinstance(node, _SCOPES):
            for child in ast.iter_child_nodes(node):
                yield from self._calls(child)

    def _is_call(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and _root(node) in self._tested

    def _mentions(self, node: ast.AST) -> bool:
        return any(isinstance(part, ast.Name) and part.id in self._tested for part in ast.walk(node))


def _kept(call: ast.expr) -> ast.expr:
    parameters = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Call(ast.Name(_KEEP, ast.Load()), [ast.Lambda(parameters, call)], [])


def _tried(node: ast.stmt) -> ast.stmt:
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    return ast.Try([node], [handler], [], [])
