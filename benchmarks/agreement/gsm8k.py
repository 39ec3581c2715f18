"""GSM8K against lm-evaluation-harness (the filters of gsm8k_cot and gsm8k) and math-verify.

In:  tests/evaluate/verdicts/gsm8k.jsonl (made by `sample`). Out: the same with verdicts: strict_match, flexible_extract
and hash_match of the harness's own tasks, math_verify on the answer that ours finds; the harness's prompt is compared.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks.agreement._mathematics import drawn, same_to_math_verify, sampled
from benchmarks.agreement._rows import items_of, read, write

NUM_SAMPLES, NUM_EDITED = 60, 420
FILTERS = {
    ("gsm8k-cot.yaml", "strict-match"): "strict_match",
    ("gsm8k-cot.yaml", "flexible-extract"): "flexible_extract",
    ("gsm8k.yaml", "strict-match"): "hash_match",
}


def sample() -> None:
    """Responses: the embedded model's under two protocols, and edited references."""
    items = items_of("gsm8k")
    rows = sampled("gsm8k", "standard", drawn(items, NUM_SAMPLES, "few"))
    rows += sampled("gsm8k", "eurus-2024-04", drawn(items, NUM_SAMPLES, "none"))
    for at, item in enumerate(drawn(items, NUM_EDITED, "edited")):
        rows.append({"id": item.id, "from": "edited", "response": edited(item, at)})
    write("gsm8k", rows)


def edited(item: Any, at: int) -> str:
    """Right, nearly right and wrong ways to write an answer."""
    answer = item.problem.answer
    wrong = re.sub(r"\d", lambda match: str((int(match[0]) + 1) % 10), answer, count=1)
    last = (item.problem.references[0].rationale or "").split("\n")[-1]
    grouped = f"{int(answer):,}" if re.fullmatch(r"-?\d+", answer) else answer
    forms = (
        f"{last}\n#### {answer}",
        f"{last}\n#### {wrong}",
        f"{last} The answer is {answer}.",
        f"{last} The answer is {wrong}.",
        f"{last} So the answer is ${answer}.",
        f"The answer is {answer}",
        f"The answer is {grouped}.",
        f"The answer is {answer}.00.",
        f"The answer is {answer} dollars.",
        f"{last}\n\\boxed{{{answer}}}",
        f"{last}\n\\boxed{{{wrong}}}",
        f"\\boxed{{\\${grouped}}}",
        f"{last}",
        f"{last[: len(last) // 2]}",
        f"The answer is {answer}. No: the answer is {wrong}.",
        f"#### {wrong}\n#### {answer}",
        f"####{answer}",
        f"**Answer: {answer}**",
        f"Answer: {wrong}",
        "",
    )
    return forms[at % len(forms)]


def main() -> None:
    items = {item.id: item for item in items_of("gsm8k")}
    tasks = {file: _task(file) for file, _ in FILTERS}
    first = next(iter(items.values()))
    theirs, ours = tasks["gsm8k-cot.yaml"].fewshot_context(_document(first), num_fewshot=8), _prompt(first)
    print("gsm8k: the prompt is the harness's" if theirs == ours else f"gsm8k: prompts differ: {theirs!r}\n{ours!r}")
    rows = read("gsm8k")
    for row in rows:
        item = items[row["id"]]
        row["verdict"] = {
            name: _filtered(tasks[file], part, item, row["response"]) for (file, part), name in FILTERS.items()
        }
        row["verdict"]["math_verify"] = same_to_math_verify(_found(row["response"]), item.problem.answer, latex=False)
    write("gsm8k", rows)


def _found(response: str) -> str | None:
    from preftree.verify import find_answer

    return find_answer(response, "Math_CoT")


def _prompt(item: Any) -> str:
    from preftree.evaluate.benchmark import Form
    from preftree.evaluate.registry import find_benchmark

    return find_benchmark("gsm8k").ask(item, Form("standard")).text or ""


def _document(item: Any) -> dict[str, str]:
    reference = item.problem.references[0]
    return {"question": item.problem.instruction, "answer": f"{reference.rationale}\n#### {reference.answer}"}


def _task(file: str) -> Any:
    """A task of the harness as its own file says, over one row in the place of its download."""
    import datasets
    import lm_eval.tasks
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(Path(lm_eval.tasks.__file__).parent / "gsm8k" / file)
    row = datasets.Dataset.from_list([{"question": "1 + 1?", "answer": "#### 2"}])
    made = datasets.DatasetDict({"train": row, "test": row})
    config["custom_dataset"] = lambda **_: made
    return ConfigurableTask(config=config)


def _filtered(task: Any, part: str, item: Any, response: str) -> bool:
    from lm_eval.api.instance import Instance

    document = _document(item)
    instance = Instance("generate_until", document, ("", {}), 0, resps=[response])
    task._instances = [instance]
    task.apply_filters()
    return bool(task.process_results(document, [instance.filtered_resps[part]])["exact_match"])
