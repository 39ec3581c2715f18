"""What a forest holds, as the paper's tables 1 and 7 count it, and how hard its problems were for the actor.

In:  the trees of a forest with all their actions, as plain JSON; how to measure texts. Out: `ForestStats`.
Always true: one pass, memory for some numbers a problem; a length is named by what it counts (words unless a tokenizer
is given); pass@k is unbiased, or not there.

A tree is interactive if more than one turn was allowed. Where that is not known (a forest that was not grown here), it
is unless its one turn holds an incorrect action that nobody went on with, or several correct ones: the paper's rows
"without interaction" are one-turn trees with many actions. Trajectories: one an interactive tree (its conversation up
to the last action), one a correct action otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from preftree.forest.raw import Drawn, RawTree
from preftree.report.pass_at import Draws, PassAt, pass_at_table

Measure = Callable[[Sequence[str]], Sequence[int]]
_MEASURED_AT_ONCE = 512
_MOST_TURNS = 5  # of the paper's table 1; longer trees count with these


@dataclass(frozen=True, slots=True)
class Table1Row:
    """One row of table 1. `turns` counts trajectories of 1, 2, … 5 turns; `tool` is empty for Coding."""

    task: str
    interaction: bool
    tool: str
    instructions: int
    turns: tuple[int, ...]
    length_per_trajectory: float
    trajectories_per_instruction: float
    pairs: int
    correct_answers: int


@dataclass(frozen=True, slots=True)
class Table7Row:
    """One row of table 7."""

    task: str
    dataset: str
    tool: str
    prompts: int
    pairs: int
    correct_answers: int
    average_length: float
    has_answer: bool
    has_rationale: bool


@dataclass(frozen=True, slots=True)
class StageRow:
    """All actions of one stage, chosen or not; `turns` are those whose first correct action came from it."""

    stage: str
    actions: int
    correct: int
    wrong: int
    undecided: int
    turns: int


@dataclass(frozen=True, slots=True)
class Challenging:
    """Problems that reached step 3: at some turn no sampled action was correct; `first_turn`: at the first."""

    problems: int
    first_turn: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ForestStats:
    """`unit` is what lengths count: "tokens", or "words" (separated by white space)."""

    trees: int
    unit: str
    table1: tuple[Table1Row, ...]
    table7: tuple[Table7Row, ...]
    pass_at: PassAt
    challenging: Challenging
    stages: tuple[StageRow, ...]
    turns_without_correct: int
    pairs_by_actors: dict[str, int]  # "chosen's over rejected's"
    critiques: int
    leaked_critiques: int


@dataclass(slots=True)
class _Group:
    """Sums over the trees of one row of a table."""

    trees: int = 0
    pairs: int = 0
    correct: int = 0
    turns: Counter[int] = field(default_factory=Counter)
    trajectories: int = 0
    length: int = 0
    answer: bool = False
    rationale: bool = False


def words(texts: Sequence[str]) -> list[int]:
    """Words that are separated by white space."""
    return [len(text.split()) for text in texts]


def forest_stats(
    trees: Iterable[RawTree],
    *,
    measure: Measure = words,
    unit: str = "words",
    max_turns: int | None = None,
    batches: Sequence[int] | None = None,
) -> tuple[ForestStats, list[Draws]]:
    """The statistics, and the draws of each problem in its first turn, in the order of the trees.

    `max_turns` and `batches` are those of growing, where they are known: draws in a single batch were as many for
    every problem, whatever came of them.
    """
    sums = _Sums(measure, max_turns)
    for raw in trees:
        sums.add(raw.tree, raw.drawn)
    sums.measure_held()
    stats = ForestStats(
        trees=sums.trees,
        unit=unit,
        table1=tuple(_table1_row(*key, group) for key, group in sorted(sums.by_kind.items(), key=_as_printed)),
        table7=tuple(_table7_row(*key, group) for key, group in sorted(sums.by_dataset.items(), key=_as_printed)),
        pass_at=pass_at_table(sums.draws, batches),
        challenging=Challenging(len(sums.challenging), sums.first_turn, tuple(sums.challenging)),
        stages=tuple(_stage_row(stage, sums) for stage in sorted(sums.stages, key=_stage_order)),
        turns_without_correct=sums.first_correct["none"],
        pairs_by_actors=dict(sorted(sums.pairs_by_actors.items())),
        critiques=sums.critiques,
        leaked_critiques=sums.leaked,
    )
    return stats, sums.draws


class _Sums:
    """Adds tree after tree."""

    def __init__(self, measure: Measure, max_turns: int | None) -> None:
        self.trees = self.critiques = self.leaked = self.first_turn = 0
        self.by_kind: dict[tuple[str, bool, str], _Group] = {}
        self.by_dataset: dict[tuple[str, str, str], _Group] = {}
        self.stages: dict[str, Counter[str]] = {}
        self.first_correct: Counter[str] = Counter()
        self.pairs_by_actors: Counter[str] = Counter()
        self.challenging: list[str] = []
        self.draws: list[Draws] = []
        self._measure, self._max_turns = measure, max_turns
        self._held: list[tuple[str, tuple[_Group, _Group]]] = []

    def add(self, tree: dict[str, Any], actions: Sequence[Sequence[Drawn]]) -> None:
        problem, turns = tree["problem"], tree["turns"]
        self.trees += 1
        task, tool = problem["task"].partition("_")[0], _tool(problem)
        interactive = _interactive(turns) if self._max_turns is None else self._max_turns > 1
        groups = (
            self.by_kind.setdefault((task, interactive, tool), _Group()),
            self.by_dataset.setdefault((task, problem["dataset"], tool), _Group()),
        )
        pairs = self._pairs(problem, turns)
        correct = sum(len(turn["correct"]) for turn in turns)
        # The group by data set takes the sum: lengths and turns are counted in both alike.
        for group in groups:
            group.trees += 1
            group.pairs += pairs
            group.correct += correct
        answers = [reference["answer"] for reference in problem["references"]]
        reasons = [reference["rationale"] or reference["program"] for reference in problem["references"]]
        groups[1].answer |= any(answers) or problem["tests"] is not None
        groups[1].rationale |= any(reasons)
        self._trajectories(tree, interactive, groups)
        self._critiques(turns)
        self._yield(problem, turns, actions)

    def measure_held(self) -> None:
        """Lengths of the trajectories that wait for it."""
        lengths = self._measure([text for text, _ in self._held])
        for (_, groups), length in zip(self._held, lengths, strict=True):
            for group in groups:
                group.length += length
        self._held.clear()

    def _pairs(self, problem: dict[str, Any], turns: Sequence[dict[str, Any]]) -> int:
        pairs = 0
        if problem["verifier"] == "judge":
            return pairs  # judged by a model: never for pairs (FACTS section 1)
        for turn in turns:
            right, wrong = turn["correct"], turn["incorrect"]
            places = turn.get("paired")
            if places is None:
                valid = [place for place, action in enumerate(wrong) if _status(action) != "syntax"]
                places = [(first, second) for first in range(len(right)) for second in valid]
            pairs += len(places)
            self.pairs_by_actors.update(f"{right[c]['actor']} over {wrong[i]['actor']}" for c, i in places)
        return pairs

    def _trajectories(self, tree: dict[str, Any], interactive: bool, groups: tuple[_Group, _Group]) -> None:
        turns = tree["turns"]
        if not turns:
            return
        said = [message["content"] for message in tree["prompt"]]
        for turn in turns[:-1]:
            if turn["expanded"] is None or turn["reply"] is None:
                break  # of imported rows: what was said from here on is not known
            said += [turn["incorrect"][turn["expanded"]]["text"], turn["reply"]]
        last = turns[-1]["correct"]
        ends = (last or turns[-1]["incorrect"])[:1] if interactive else last
        for end in ends:
            for group in groups:
                group.trajectories += 1
                group.turns[min(len(turns), _MOST_TURNS)] += 1
            self._held.append(("\n".join([*said, end["text"]]), groups))
        if len(self._held) >= _MEASURED_AT_ONCE:
            self.measure_held()

    def _critiques(self, turns: Sequence[dict[str, Any]]) -> None:
        for turn in turns:
            self.critiques += turn["critique"] is not None
            self.leaked += turn["leaked"]

    def _yield(
        self,
        problem: dict[str, Any],
        turns: Sequence[dict[str, Any]],
        actions: Sequence[Sequence[Drawn]],
    ) -> None:
        """Stages, challenging problems, draws: from all actions, or from the chosen ones where no others are kept."""
        reached = []
        for place, turn in enumerate(turns):
            drawn = actions[place] if place < len(actions) else _chosen(turn)
            found = False
            for action in drawn:
                self.stages.setdefault(action.stage, Counter())[action.outcome or "undecided"] += 1
                found |= action.outcome == "correct" and not action.stage.startswith("reference")
            self.first_correct[turn["correct"][0]["stage"] if turn["correct"] else "none"] += 1
            if not found:
                reached.append(place)
        if reached:
            self.challenging.append(problem["id"])
            self.first_turn += reached[0] == 0
        if actions:
            self.draws.append(_draws(problem, actions[0]))


def _draws(problem: dict[str, Any], actions: Sequence[Drawn]) -> Draws:
    """What the first actor of the ladder drew in the first turn: its samples come first, by their indices."""
    outcomes: list[bool] = []
    for action in actions:
        if action.stage != "sample" or action.actor != actions[0].actor or action.sample != len(outcomes):
            break
        outcomes.append(action.outcome == "correct")
    first = outcomes.index(True) if True in outcomes else None
    return Draws(problem["id"], problem["dataset"], problem["task"], len(outcomes), sum(outcomes), first)


def _chosen(turn: dict[str, Any]) -> list[Drawn]:
    return [
        Drawn(action["stage"], action["actor"], action["sample"], (action["verdict"] or {}).get("outcome"))
        for action in (*turn["correct"], *turn["incorrect"])
    ]


def _tool(problem: dict[str, Any]) -> str:
    """As the tables print it: "yes", "no", or nothing for Coding, where code is always run."""
    if problem["task"] == "Coding":
        return ""
    return "yes" if problem["tools"] and problem["task"] != "Math_CoT" else "no"


def _interactive(turns: Sequence[dict[str, Any]]) -> bool:
    return len(turns) != 1 or (len(turns[0]["correct"]) <= 1 and not turns[0]["incorrect"])


def _status(action: dict[str, Any]) -> str:
    return str(action["observation"]["status"]) if action["observation"] else "none"


_TASKS = ("Math", "Coding", "Logic")


def _as_printed(entry: tuple[tuple[Any, ...], _Group]) -> tuple[Any, ...]:
    """Tasks in the paper's order, interaction and tools first."""
    key = entry[0]
    order = _TASKS.index(key[0]) if key[0] in _TASKS else len(_TASKS)
    return (order, key[0], *(str(part) if isinstance(part, str) else not part for part in key[1:-1]), key[-1] == "no")


def _stage_order(stage: str) -> tuple[int, str]:
    names = ("sample", "escalation", "reference")
    return next((place for place, name in enumerate(names) if stage.startswith(name)), len(names)), stage


def _table1_row(task: str, interaction: bool, tool: str, group: _Group) -> Table1Row:
    return Table1Row(
        task, interaction, tool, group.trees,
        tuple(group.turns[turns] for turns in range(1, (_MOST_TURNS if interaction else 1) + 1)),
        group.length / max(1, group.trajectories), group.trajectories / group.trees, group.pairs, group.correct,
    )  # fmt: skip


def _table7_row(task: str, dataset: str, tool: str, group: _Group) -> Table7Row:
    return Table7Row(
        task, dataset, tool, group.trees, group.pairs, group.correct,
        group.length / max(1, group.trajectories), group.answer, group.rationale,
    )  # fmt: skip


def _stage_row(stage: str, sums: _Sums) -> StageRow:
    counts = sums.stages[stage]
    return StageRow(
        stage, sum(counts.values()), counts["correct"], counts["wrong"], counts["undecided"],
        sums.first_correct[stage],
    )  # fmt: skip
