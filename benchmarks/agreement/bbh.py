"""BBH against lm-evaluation-harness's bbh_cot_fewshot: its filter, its exact match, and its prompts.

In:  tests/evaluate/verdicts/bbh.jsonl (made by `sample`). Out: the same with the harness's verdicts; which prompts of
the harness differ from ours, and how, is printed.
"""

from __future__ import annotations

from typing import Any

from benchmarks.agreement._rows import items_of, read, write
from benchmarks.agreement.language_tasks import sampled, spread, task_of

NUM_SAMPLES, NUM_EDITED, MAX_TOKENS = 108, 270, 160


def sample() -> None:
    """Responses: the embedded model's, and edited references."""
    from preftree.evaluate.benchmark import Form

    items = items_of("bbh")
    rows = sampled("bbh", Form("standard"), spread(items, "task", NUM_SAMPLES), MAX_TOKENS)
    for at, item in enumerate(spread(items, "task", NUM_EDITED)):
        rows.append({"id": item.id, "mode": "text", "from": "edited", "response": _edited(item.problem.answer, at)})
    write("bbh", rows)


def _edited(target: str, at: int) -> str:
    """Right, nearly right and wrong ways to write an answer."""
    other = {"True": "False", "False": "True", "Yes": "No", "No": "Yes", "(A)": "(B)", "valid": "invalid"}
    wrong = other.get(target, "(A)")
    forms = (
        f"We look at each step.\nSo the answer is {target}.",
        f"So the answer is {wrong}.",
        f"So the answer is {target}",
        f"The answer is {target}.",
        f"so the answer is {target}. It is {target}.",
        f"the answer is {target}.\nNo: the answer is {wrong}.",
        f"the answer is {wrong}. No, the answer is {target}.",
        f"the answer is  {target} .",
        f"So the answer is {target}!\n\nQ: and now?",
        f"So the answer is \\boxed{{{target}}}.",
        f"So the answer is {target.lower()}.",
        f"{target}",
        "",
    )
    return forms[at % len(forms)]


def main() -> None:
    items = {item.id: item for item in items_of("bbh")}
    rows = read("bbh")
    tasks: dict[str, Any] = {}
    for row in rows:
        item = items[row["id"]]
        task = item.labels["task"]
        if task not in tasks:
            document = {"input": item.problem.instruction, "target": item.problem.answer}
            tasks[task] = task_of(f"bbh/cot_fewshot/{task}.yaml", lambda document=document: {"test": [document]})
            _compare_prompts(task, tasks[task], document, item.data["text"] + "\n")
        row["verdict"] = _verdict(tasks[task], item, row["response"])
    write("bbh", rows)


def _verdict(task: Any, item: Any, response: str) -> bool:
    from lm_eval.api.instance import Instance

    document = {"input": item.problem.instruction, "target": item.problem.answer}
    instance = Instance("generate_until", document, ("", {}), 0, resps=[response])
    task._instances = [instance]
    task.apply_filters()
    (filtered,) = instance.filtered_resps.values()
    return bool(task.process_results(document, [filtered])["exact_match"])


def _compare_prompts(task: str, peer: Any, document: dict[str, str], ours: str) -> None:
    theirs = peer.fewshot_context(document, num_fewshot=3)
    if theirs != ours:
        at = next(i for i, (a, b) in enumerate(zip(theirs + "\0", ours + "\0", strict=False)) if a != b)
        print(f"{task}: from character {at} on, theirs {theirs[at : at + 60]!r}, ours {ours[at : at + 60]!r}")
