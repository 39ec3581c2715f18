"""The rows that trainers are measured on: random tokens made by a seed, in the shapes of preference data.

In:  a name. Out: trees; a tree is a list of (prompt, chosen, rejected), each a list of token ids.
"""

from __future__ import annotations

import random

VOCABULARY = 49152
INSTRUCTION, ACTION, OBSERVATION = 150, 200, 120
Pair = tuple[list[int], list[int], list[int]]
Tree = list[Pair]

# Turns of ten trees: t1 to t5 over the interactive rows of the paper's table 1, rounded (53, 17, 7, 3, 21%).
FOREST = (1, 1, 1, 1, 1, 2, 2, 3, 5, 5)


def workload(name: str, seed: int = 0) -> list[Tree]:
    """a: one tree of 3 turns; b: of 5; c: four answers to one prompt in six pairs; d: eight single pairs; e: a forest
    with the turn distribution of the paper's table 1; small: a tree for measuring many steps."""
    draw = random.Random(f"{name} {seed}")
    if name == "a":
        return [turns(draw, 3)]
    if name == "b":
        return [turns(draw, 5)]
    if name == "c":
        prompt = words(draw, 150)
        answers = [words(draw, round(draw.gauss(250, 40))) for _ in range(4)]
        return [[(prompt, answers[i], answers[j]) for i in range(4) for j in range(i + 1, 4)]]
    if name == "d":
        return [[(words(draw, 150), words(draw, 200), words(draw, 200))] for _ in range(8)]
    if name == "e":
        return [turns(draw, count) for count in FOREST]
    if name == "small":
        return [turns(draw, draw.choice(FOREST), instruction=60, action=50, observation=30)]
    raise SystemExit(f"no workload {name}")


def turns(
    draw: random.Random, count: int, *, instruction: int = INSTRUCTION, action: int = ACTION,
    observation: int = OBSERVATION,
) -> Tree:  # fmt: skip
    """At each turn a correct and an incorrect action; the incorrect one is gone on with."""
    history, tree = words(draw, instruction), []
    for _ in range(count):
        chosen, rejected = words(draw, action), words(draw, action)
        tree.append((history, chosen, rejected))
        history = history + rejected + words(draw, observation)
    return tree


def words(draw: random.Random, count: int) -> list[int]:
    return [draw.randrange(300, VOCABULARY) for _ in range(count)]
