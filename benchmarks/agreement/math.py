"""MATH against lm-evaluation-harness (minerva_math, hendrycks_math) and math-verify.

In:  tests/evaluate/verdicts/math.jsonl (made by `sample`). Out: the same with verdicts: exact_match of minerva_math's
`process_results`; hendrycks_math's `process_results`, and its `is_equiv` on the answer that ours finds (string_match);
math_verify on the same answer; the harness's prompt is compared.
"""

from __future__ import annotations

import re
from typing import Any

from benchmarks.agreement._mathematics import drawn, same_to_math_verify, sampled
from benchmarks.agreement._rows import items_of, read, write

NUM_SAMPLES, NUM_EDITED = 60, 630


def sample() -> None:
    """Responses: the embedded model's under two protocols, and edited references."""
    items = items_of("math")
    rows = sampled("math", "standard", drawn(items, NUM_SAMPLES, "few"))
    rows += sampled("math", "eurus-2024-04", drawn(items, NUM_SAMPLES, "none"))
    for at, item in enumerate(drawn(items, NUM_EDITED, "edited")):
        rows.append({"id": item.id, "from": "edited", "response": edited(item, at)})
    write("math", rows)


def edited(item: Any, at: int) -> str:
    """Right, nearly right and wrong ways to write an answer."""
    answer = item.problem.answer
    wrong = re.sub(r"\d", lambda match: str((int(match[0]) + 1) % 10), answer, count=1)
    plain = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"\1/\2", answer)
    decimal = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", lambda m: repr(int(m[1]) / max(int(m[2]), 1)), answer)
    bare = answer.replace("\\left", "").replace("\\right", "")
    forms = (
        f"We see that it is $\\boxed{{{answer}}}.$",
        f"We see that it is $\\boxed{{{wrong}}}.$",
        f"Final Answer: The final answer is ${answer}$. I hope it is correct.",
        f"Final Answer: The final answer is ${wrong}$. I hope it is correct.",
        f"Final Answer: The final answer is {answer}. I hope it is correct.",
        f"Final Answer: The final answer is ${answer}$.",
        f"so $\\boxed{{{answer.replace('frac', 'dfrac')}}}$",
        f"so $\\boxed{{{answer.replace(' ', '')}}}$",
        f"so \\boxed{{{plain}}}",
        f"so \\boxed{{{decimal}}}",
        f"Final Answer: The final answer is ${plain}$. I hope it is correct.",
        f"The answer is ${answer}$.",
        f"**Answer:** ${answer}$",
        f"Answer: {wrong}",
        f"It is ${answer}$",
        f"so $\\boxed{{{answer}",
        f"\\boxed{{{bare}}}",
        f"First $\\boxed{{{wrong}}}$, and then $\\boxed{{{answer}}}$.",
        f"${wrong}$",
        f"${answer}$",
        "",
    )
    return forms[at % len(forms)]


def main() -> None:
    from lm_eval.tasks.hendrycks_math import utils as hendrycks
    from lm_eval.tasks.minerva_math import utils as minerva

    items = {item.id: item for item in items_of("math")}
    first = next(iter(items.values()))
    shots = "\n\n".join(f"{minerva.doc_to_text(shot)} {shot['solution']}" for shot in minerva.list_fewshot_samples())
    theirs, ours = f"{shots}\n\n{minerva.doc_to_text({'problem': first.problem.instruction})}", _prompt(first)
    print("math: the prompt is the harness's" if theirs == ours else f"math: prompts differ: {theirs!r}\n{ours!r}")
    rows = read("math")
    for row in rows:
        reference = items[row["id"]].problem.references[0]
        document = {"solution": reference.rationale, "answer": minerva.normalize_final_answer(reference.answer)}
        found = _found(row["response"])
        row["verdict"] = {
            "exact_match": bool(minerva.process_results(document, [row["response"]])["exact_match"]),
            "hendrycks": bool(hendrycks.process_results(document, [row["response"]])["exact_match"]),
            "string_match": found is not None and bool(hendrycks.is_equiv(found, reference.answer)),
            "math_verify": same_to_math_verify(found, reference.answer, latex=True),
        }
    write("math", rows)


def _found(response: str) -> str | None:
    from preftree.evaluate.grading.harness import minerva_answer
    from preftree.verify import find_answer

    return minerva_answer(response) or find_answer(response, "Math_CoT")


def _prompt(item: Any) -> str:
    from preftree.evaluate.benchmark import Form
    from preftree.evaluate.registry import find_benchmark

    return find_benchmark("math").ask(item, Form("standard")).text or ""
