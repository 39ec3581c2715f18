"""MMLU against lm-evaluation-harness: mmlu (the likeliest letter) and mmlu_generative (the first line), five examples.

In:  tests/evaluate/verdicts/mmlu.jsonl (made by `sample`). Out: the same with the harness's verdicts; a prompt that
differs from the harness's is an error.
"""

from __future__ import annotations

import random
from typing import Any

from benchmarks.agreement._rows import items_of, read, write
from benchmarks.agreement.language_tasks import sampled, spread, task_of

NUM_CHOSEN, NUM_SAMPLES, NUM_EDITED, MAX_TOKENS = 108, 72, 180, 24


def sample() -> None:
    from preftree.evaluate.benchmark import Form

    items = items_of("mmlu")
    rows = sampled("mmlu", Form("standard", "choice"), spread(items, "subject", NUM_CHOSEN), MAX_TOKENS)
    rows += sampled("mmlu", Form("standard"), spread(items, "subject", NUM_SAMPLES), MAX_TOKENS)
    chance = random.Random("mmlu")
    for at, item in enumerate(spread(items, "subject", NUM_EDITED)):
        rows.append({"id": item.id, "mode": "text", "from": "edited", "response": _edited(item.problem.answer, at)})
        # Made log-probabilities: random, one in four with a tie at the top.
        made = {f" {letter}": round(-3 * chance.random(), 3) for letter in "ABCD"}
        if at % 4 == 0:
            made[f" {chance.choice('ABCD')}"] = max(made.values())
        rows.append({"id": item.id, "mode": "choice", "from": "made", "response": made})
    write("mmlu", rows)


def _edited(letter: str, at: int) -> str:
    wrong = "ABCD"["ABCD".index(letter) - 1]
    forms = (
        f" {letter}", letter, letter.lower(), f" ({letter})", f"{letter}.", f" {letter}\nQuestion: next", f"\n{letter}",
        f" {wrong}", f" {letter}. Because", f"**{letter}**", f"Answer: {letter}", f" {letter} {letter}", "", " E",
        f"  {letter}  ", f"{letter}\r\n", f"\"{letter}\"", f"{letter}) 4",
    )  # fmt: skip
    return forms[at % len(forms)]


def main() -> None:
    from preftree.evaluate.benchmarks.mmlu import LETTERS, prompt

    items = {item.id: item for item in items_of("mmlu")}
    rows = read("mmlu")
    tasks: dict[tuple[str, str], Any] = {}
    for row in rows:
        item, mode = items[row["id"]], row["mode"]
        subject = item.labels["subject"]
        if (subject, mode) not in tasks:
            folder, name = {"choice": ("default", f"mmlu_{subject}"), "text": ("generative", f"mmlu_{subject}")}[mode]
            docs = {"test": [_document(item.data["question"])], "dev": [_document(shot) for shot in item.data["shots"]]}
            tasks[subject, mode] = task_of(f"mmlu/{folder}/{name}.yaml", lambda docs=docs: docs)
        task, document = tasks[subject, mode], _document(item.data["question"])
        theirs = task.fewshot_context(document, num_fewshot=5)
        if theirs != prompt(item, "standard"):
            raise SystemExit(f"{row['id']}: another prompt:\n{theirs!r}\n{prompt(item, 'standard')!r}")
        if mode == "choice":
            results = [(row["response"][f" {letter}"], False) for letter in LETTERS]
            row["verdict"] = bool(task.process_results(document, results)["acc"])
        else:
            row["verdict"] = _generated(task, document, row["response"])
    write("mmlu", rows)


def _document(question: dict[str, Any]) -> dict[str, Any]:
    return {**question, "answer": "ABCD".index(question["answer"])}


def _generated(task: Any, document: dict[str, Any], response: str) -> bool:
    from lm_eval.api.instance import Instance

    instance = Instance("generate_until", document, ("", {}), 0, resps=[response])
    task._instances = [instance]
    task.apply_filters()
    (filtered,) = instance.filtered_resps.values()
    return bool(task.process_results(document, [filtered])["exact_match"])
