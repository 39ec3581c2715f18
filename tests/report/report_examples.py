"""Results and trees such as a run leaves them, for every test of the report."""

from __future__ import annotations

import math
from typing import Any

from preftree.records import Action, Message, Observation, Problem, Reference, Tree, Turn, Verdict

HOSTILE = """</style></script><script>alert(1)</script><img src=x onerror="alert('2')">{{ 7 * 7 }}[bold]]]>&amp;"""


def action(
    text: str, actor: str, *, right: bool, stage: str = "sample", output: str = "Out: 7", answer: str | None = "7"
) -> Action:
    verdict = Verdict("correct", "", answer) if right else Verdict("wrong", "differs", answer)
    code = text.split("```python\n")[1].split("```")[0] if "```python" in text else None
    return Action(text, actor, stage, 0, code=code, observation=Observation("ok", output), verdict=verdict)


def make_tree(name: str = "chain_sum-1", depth: int = 3, dataset: str = "chain_sum", hostile: str = "") -> Tree:
    """Turns with a correct and an incorrect action each; all but the last expanded."""
    question = f"What is 23 - 40 + 11 + 13? Show your work in a short program. {hostile}"
    problem = Problem(name, dataset, "Math_PoT", question, (Reference("7"),))
    made = []
    for index in range(depth):
        last = index == depth - 1
        wrong = action(
            f"# Step 1: add the terms{hostile}\n```python\n# Step 2: in order\n"
            f"terms = [23, -40, 11, {index}]{hostile and '  # ' + hostile}\n"
            "def total(values):\n    return sum(values)\ntotal(terms)\n```\nSo that is it.",
            f"smollm2{hostile}",
            right=False,
            output=f"Out: -6{hostile}",
            answer=f"-6{hostile}",
        )
        right = action(
            "```python\n# Step 1: add the terms\nresult = 23 - 40 + 11 + 13\nresult\n```",
            "sft",
            right=True,
            stage="sample" if last else "reference",
        )
        reply = (
            f"Out: -6{hostile}\nYour answer is wrong.\nThe last term is 13, yet the list holds another number.{hostile}"
        )
        made.append(
            Turn(
                index,
                (right,),
                (wrong,),
                None if last else 0,
                f"The last term is 13.{hostile}",
                None if last else reply,
            )
        )
    return Tree(name, problem, (Message("user", question),), tuple(made))


_ACCURACY = {  # dataset: (trained, {model: (1 turn, 3 turns)})
    "gcd": (True, {"bare": (0.0, 0.0), "sft": (0.9, 0.95), "nca": (0.925, 0.975)}),
    "leg_counting": (True, {"bare": (0.0, 0.025), "sft": (0.45, 0.6), "nca": (0.525, 0.675)}),
    "spell_backward": (True, {"bare": (0.025, 0.05), "sft": (0.925, 0.95), "nca": (0.9, 0.95)}),
    "gsm8k": (True, {"bare": (0.0, 0.0), "sft": (0.05, 0.1), "nca": (0.075, 0.125)}),
    "basic_arithmetic": (False, {"bare": (0.0, 0.0), "sft": (0.4, 0.475), "nca": (0.425, 0.5)}),
}
_GROUPS = {
    "trained families": (0.006, 0.581, 0.606),
    "held-out families": (0.0, 0.4, 0.425),
    "all": (0.005, 0.545, 0.57),
}


def _estimate(value: float, n: int) -> dict[str, Any]:
    half = 1.96 * math.sqrt(max(value * (1 - value), 0.01) / n)
    return {"value": value, "low": max(0.0, value - half), "high": min(1.0, value + half), "n": n}


def _evaluation() -> dict[str, Any]:
    models = ["bare", "sft", "nca"]
    rows = [
        {"dataset": name, "trained": trained, "model": model, "turns": k, **_estimate(scores[model][place], 40)}
        for name, (trained, scores) in _ACCURACY.items()
        for model in models
        for place, k in enumerate((1, 3))
    ]
    groups = [
        {"group": name, "model": model, "turns": k, **_estimate(value + 0.0613 * place, 160)}
        for name, values in _GROUPS.items()
        for model, value in zip(models, values, strict=True)
        for place, k in enumerate((1, 3))
    ]
    paired = [
        {"a": "bare", "b": "sft", "group": "trained families", "turns": 1, "difference": 0.575, "p_value": 1e-20},
        {"a": "sft", "b": "nca", "group": "trained families", "turns": 1, "difference": 0.025, "p_value": 0.3437},
        {"a": "sft", "b": "nca", "group": "all", "turns": 3, "difference": -0.0711, "p_value": 0.0123},
    ]
    return {"models": models, "turns": [1, 3], "rows": rows, "groups": groups, "paired": paired}


def _rerank() -> dict[str, Any]:
    curves = {
        "random": (0.412, 0.412, 0.412, 0.412),
        "reward model": (0.412, 0.461, 0.497, 0.523),
        "self-consistency": (0.412, 0.415, 0.479, 0.508),
        "pass@N": (0.412, 0.534, 0.641, 0.719),
    }
    made = [
        {"method": method, "n": n, **{k: v for k, v in _estimate(value, 120).items() if k != "n"}, "problems": 120}
        for method, values in curves.items()
        for n, value in zip((1, 2, 4, 8), values, strict=True)
    ]
    rows = [
        {
            "dataset": dataset,
            "method": method,
            "n": 8,
            "value": value,
            "low": value - 0.07,
            "high": value + 0.07,
            "problems": 40,
        }
        for dataset, values in {"gcd": (0.811, 0.902), "leg_counting": (0.333, 0.444)}.items()
        for method, value in zip(("random", "reward model"), values, strict=True)
    ]
    return {"policy": "sft", "reward_model": "reward", "samples": 8, "curves": made, "rows": rows}


def _trend(steps: int, chosen: float, rejected: float) -> list[dict[str, Any]]:
    metrics = []
    for step in range(1, steps + 1):
        part, wobble = step / steps, 0.03 * math.sin(7.3 * step)
        c, r = chosen * part + wobble, rejected * part + 1.7 * wobble
        metrics.append(
            {"step": step, "loss": 1.3863 - 0.2 * part + wobble, "rewards/chosen": c, "rewards/rejected": r}
            | {"rewards/margins": c - r, "rewards/accuracies": 0.5 + 0.3 * part}
        )
    return metrics


def _forest(name: str, trees: int, stages: dict[str, int], different: int) -> dict[str, Any]:
    account = {"calls": 1234, "samples": 3456, "input_tokens": 456789, "cached_tokens": 1011, "output_tokens": 98765}
    report = {
        "trees": trees,
        "turns": sum(stages.values()),
        "pairs": 612,
        "correct": 701,
        "incorrect": 655,
        "trees_by_turns": {"1": trees - 41, "2": 18, "3": 23},
        "stages": stages,
        "pairs_with_different_actors": different,
        "leaked_critiques": 0,
        "new_calls": 0,
        "account": {**account, "price_usd": 0.0, "unanswered_calls": 2},
    }
    return {"name": name, "report": report}


def make_trees() -> list[Tree]:
    return [make_tree("a", 3), make_tree("b", 2, "leg_counting"), make_tree("c", 1, "gsm8k")]


def make_results() -> dict[str, Any]:
    training = [
        {
            "name": "sft",
            "objective": "sft",
            "report": {"num_rows": 360, "num_set_aside": 3, "steps": 45, "seconds": 242.4}
            | {"tokens_rows": 37123, "tokens_trie": 33456},
            "metrics": [{"step": s, "loss": 2.5 / s} for s in range(1, 10)],
        },
        {
            "name": "nca",
            "objective": "nca",
            "report": {"num_rows": 612, "num_set_aside": 0, "steps": 77, "seconds": 155.2}
            | {"tokens_rows": 221987, "tokens_trie": 81234},
            "metrics": _trend(77, 0.16, -0.41),
        },
        {
            "name": "reward",
            "objective": "reward",
            "report": {"num_rows": 700, "num_set_aside": 1, "steps": 20, "seconds": 161.0}
            | {"tokens_rows": 251000, "tokens_trie": 90417},
            "metrics": _trend(20, 1.31, -1.18),
        },
    ]
    stages = [("forest-1", "grow", 61.23, 2100), ("sft", "train", 244.9, 4012), ("forest-2", "grow", 97.5, 2055)]
    stages += [("nca", "train", 161.8, 5120), ("reward", "train", 166.0, 5033), ("evaluate", "evaluate", 88.8, 1999)]
    stage_rows = [
        {"name": name, "kind": kind, "seconds": seconds, "peak_memory_mb": memory}
        | ({"calls": 1234, "input_tokens": 456789, "output_tokens": 98765} if kind != "train" else {})
        for name, kind, seconds, memory in stages
    ]
    return {
        "recipe": "quickstart",
        "version": "0.1.0",
        "made": "2026-11-23T12:34:56Z",
        "settings": {"seed": 0, "grow": {"max_turns": 3, "batches": [1, 1, 2], "temperature": 1.0}, "critic": None},
        "versions": {"python": "3.11.2", "torch": "2.13.0+cpu", "transformers": "5.23.0"},
        "machine": {"cpu": "Some CPU @ 2.60GHz", "cores": 2, "memory_gb": 24},
        "seed": 0,
        "stages": stage_rows,
        "problems": [
            {
                "problems": {
                    "first": {"gcd": 111, "gsm8k": 129},
                    "fresh": {"gcd": 71, "gsm8k": 128},
                    "test": {"gcd": 39},
                },
                "set_aside": 0,
            }
        ],
        "forests": [
            _forest("forest-1", 240, {"reference": 238, "none": 2}, 571),
            _forest("forest-2", 200, {"sample": 141, "escalation-1": 31, "reference": 67, "none": 25}, 388),
        ],
        "training": training,
        "evaluation": _evaluation(),
        "rerank": _rerank(),
        "deviations": [
            "With no stronger model at hand, critiques are made from the trace and the verdict, never from the answer.",
            "Prompts of actors and critic were not published; these are our own.",
        ],
    }
