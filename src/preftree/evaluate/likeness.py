"""Whether what stands side by side is one measurement: the same rules, the same rows, the same marker. Pure.

In:  results of one benchmark in one mode, by model; or rows of figures that have no items behind them. Out: sentences
that say in what they differ, none where they are alike.
Always true: `breaches` make a comparison another thing than a difference between models, so it is refused unless it is
asked for; what models were told, and how their answers were drawn, may differ for a reason (an endpoint takes no
prefill), so that is said. Given responses don't tell how they were asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from preftree.records import Result

# What the rules of a measurement are kept under in a result, and what is said where they differ.
_RULES = {
    "protocol": "different protocols ask and judge differently",
    "version": "different versions of a benchmark judge differently",
    "judge": "different models gave the marks",
}


def breaches(results: Mapping[str, Sequence[Result]]) -> list[str]:
    """In which rules, or in which rows, models differ."""
    found = []
    for rule, why in _RULES.items():
        named = {model: _values(mine, rule) for model, mine in results.items()}
        if len(set(named.values())) > 1:
            said = ", ".join(f"{model} {_BY[rule]} {' and '.join(of) or 'none'}" for model, of in named.items())
            found.append(f"{why} ({said})")
    return found + _other_rows(results)


_BY = {"protocol": "under", "version": "by version", "judge": "by"}


def manners(results: Mapping[str, Sequence[Result]]) -> list[str]:
    """Whether they were asked in other words, or their answers drawn otherwise."""
    asked = {model: _by_item(mine, "asked") for model, mine in results.items()}
    known = {model: mine for model, mine in asked.items() if mine}
    for (a, of_a), (b, of_b) in combinations(known.items(), 2):
        if any(of_b.get(item, words) != words for item, words in of_a.items()):
            return [f"{a} and {b} were asked in other words or with other sampling settings"]
    return []


def _other_rows(results: Mapping[str, Sequence[Result]]) -> list[str]:
    rows = {model: _by_item(mine, "item") for model, mine in results.items()}
    for (a, of_a), (b, of_b) in combinations(rows.items(), 2):
        others = [item for item, row in of_a.items() if of_b.get(item, row) != row]
        if others:
            return [f"{a} and {b} were asked of other rows under the same ids ({_shown(others)})"]
    return []


def _values(results: Iterable[Result], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(result.metadata[name]) for result in results if name in result.metadata))


def _by_item(results: Iterable[Result], name: str) -> dict[str, str]:
    return {result.problem: result.metadata[name] for result in results if name in result.metadata}


def _shown(names: Sequence[str]) -> str:
    return f"{len(names):,}, the first is {names[0]}"
