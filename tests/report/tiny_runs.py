"""A whole run of the quickstart with a tiny random model (a dozen problems, a few tokens an action), and runs of single
stages over its rows, which differ in their objective."""

from __future__ import annotations

from pathlib import Path

import yaml

from preftree.recipe import load_recipe, run_recipe, run_single


def run_quickstart(out: Path, model: Path, objective: str = "nca") -> Path:
    """Returns the run's directory."""
    none = dict.fromkeys(("chain_sum", "basic_arithmetic", "letter_counting", "gsm8k"), 0)
    splits = {
        "forest-1": none | {"leg_counting": 4},
        "forest-2": none | {"leg_counting": 4},
        "held-out": none | {"leg_counting": 3, "lcm": 2},
    }
    own = {
        "base": "quickstart",
        "model": str(model),
        "objective": objective,
        "out": str(out),
        "max_tokens": 8,
        "prefill": "",  # a random model's text in a code block is no Python, and a syntax error makes no pair
        "stages": {
            "problems": {"splits": splits},
            "sft": {"batch_size": 2},
            "forest-2": {"policy": {"batches": [1], "max_turns": 2}},
            "preference-${objective}": {"batch_size": 2, "learning_rate": 1e-3},
            "reward": {"batch_size": 4},
            "evaluation": {"protocol": {"turns": 2}},
            "best-of-n": {"protocol": {"samples": 2}, "ranking": {"counts": [1, 2]}},
        },
    }
    file = out.parent / f"{out.name}.yaml"
    file.write_text(yaml.safe_dump(own))
    run_recipe(load_recipe(str(file), []))
    return out


def run_objective(out: Path, whole: Path, objective: str, rate: float = 1e-3) -> Path:
    """Another policy over the same pairs, evaluated on the same problems: two stages, each a command of its own."""
    trained = {"objective": objective, "model": str(whole / "sft"), "rows": str(whole / "pairs/pairs.jsonl")}
    run_single("train", trained | {"batch_size": 2, "learning_rate": rate, "out": str(out / "policy")})
    asked = {
        "problems": str(whole / "problems/held-out.jsonl"),
        "models": {objective: {"model": str(out / "policy")}},
        "protocol": {"turns": 2, "max_tokens": 8},
    }
    run_single("evaluate", asked | {"out": str(out / "evaluation")})
    return out
