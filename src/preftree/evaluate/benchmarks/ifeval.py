"""IFEval: 541 prompts whose instructions a program can check, 0-shot, no chain of thought (Zhou et al., 2023;
Apache-2.0).

In:  the published rows, with only the arguments that an instruction has, or with null for every other (the hub's
     form); an item's id is its `key`. Out: prompt-level loose accuracy (the paper's figure) and the three others.
The Eurus protocols sample (at temperature 1.0 | 0.7, 512 | 1,024 tokens), so a figure of theirs is one draw: give
several samples and their spread. `standard` is lm-evaluation-harness's, asked as a chat: greedy, 1,280 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

from preftree.engine import Sampling
from preftree.evaluate.benchmark import Asked, Bench, Benchmark, Form, Grade, Item, Metric, Published, Read
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.rows import BadRowError, Row
from preftree.records import Message, Problem, Reference, canonical
from preftree.verify.instructions import followed, read_instructions

_SAMPLING = {
    "eurus-2024-04": Sampling(temperature=1.0, max_tokens=512, stop=("Question:",)),
    "eurus-2024-09": Sampling(temperature=0.7, max_tokens=1024, stop=("Question:",)),
    "standard": Sampling(temperature=0.0, max_tokens=1280),
}


def _item(row: Row, place: int) -> Item:
    key, prompt = row.get("key"), row.get("prompt")
    if key is None:
        raise BadRowError("key", "missing")
    if not isinstance(prompt, str) or not prompt.strip():
        raise BadRowError("prompt", "expected text")
    try:
        read = read_instructions(row.get("instruction_id_list"), row.get("kwargs"))
    except ValueError as fault:
        raise BadRowError("kwargs", str(fault)) from fault
    rules = {"instruction_id_list": [name for name, _ in read], "kwargs": [dict(given) for _, given in read]}
    problem = Problem(f"ifeval/{key}", "ifeval", "Logic", prompt, (Reference(canonical(rules)),), "ifeval-loose", ())
    return Item(str(key), problem, data={"instructions": len(read)})


def _read(path: str | None, published: Published) -> Read:
    return read_items(rows_of(path, published), _item)


def _ask(item: Item, form: Form) -> Asked:
    return Asked((Message("user", item.problem.instruction),), sampling=_SAMPLING[form.protocol])


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    # Eurus's code strips what was generated, lm-evaluation-harness does not.
    response = responses[-1] if form.protocol == "standard" else responses[-1].strip()
    loose = await bench.engine.verdict("ifeval-loose", response, item.problem.answer)
    strict = await bench.engine.verdict("ifeval-strict", response, item.problem.answer)
    scores = {
        "prompt_strict": float(strict.correct),
        "inst_loose": float(sum(followed(loose.why))),
        "inst_strict": float(sum(followed(strict.why))),
        "instructions": float(item.data["instructions"]),
    }
    return Grade(loose, scores)


IFEVAL = Benchmark(
    name="ifeval",
    published=Published("google/IFEval", "train", (), ("ifeval",), ("input_data.jsonl",)),
    read=_read,
    rows=541,
    ask=_ask,
    grade=_grade,
    reference=lambda item, form: None,
    metrics=(
        Metric("prompt_level_loose_acc"),
        Metric("prompt_level_strict_acc", "prompt_strict"),
        Metric("inst_level_loose_acc", "inst_loose", "instructions"),
        Metric("inst_level_strict_acc", "inst_strict", "instructions"),
    ),
)
