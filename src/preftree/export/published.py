"""Published rows back into trees: the rows of one instruction make its problem and its trees.

In:  rows of `openbmb/UltraInteract_sft` and `_pair`, or what `preftree export` writes in their columns. Out: a problem
without references, trees whose verdicts are the published ones.
Always true: export of the trees gives the same pairs, and the same SFT rows where their set was read; what the rows
don't tell (who wrote an action, wrong actions that stand in no row, the last reply) is absent, never made up.

The quirks of the published sets (FACTS section 1), and what becomes of them:
- the hash in an SFT row's id is not its `parent_id`: `parent_id` alone groups;
- `Math_Cot` and `Math_CoT`: the task is read without regard to case;
- a turn may lack a pair: the next turn's trajectory tells its wrong action; turns after the last row stay empty, as
  many as the id's depth says;
- several correct actions, more than the pairs show: `Turn.paired` keeps which pairs there were;
- a syntax error in the history is no pair's rejected action, and is marked as one;
- an SFT row may hold its earlier turns in `instruction`: matched to the trajectory where one is known, otherwise a
  tree of one turn with that prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from preftree.export.rows import PUBLISHED
from preftree.problems.questions import normalise_question
from preftree.problems.rows import BadRowError
from preftree.problems.task_lines import listed_tools, without_task_lines
from preftree.records import Action, Message, Observation, Problem, Role, Task, Tree, Turn, Verdict, digest

_ID = re.compile(r"(.+)_(\d+)_(\d+)")
_TASKS: dict[str, Task] = {task.lower(): task for task in get_args(Task)}
_VERDICT = re.compile(r"^Your answer is (?:correct|wrong)\.\n?", re.MULTILINE)
_SYNTAX = re.compile(r"^(?:SyntaxError|IndentationError|TabError)\b", re.MULTILINE)
# No tree of the paper has more than 5 turns; an id that says thousands would make as many empty ones.
_MAX_TURNS = 100
# Who wrote a published action is not published.
ACTOR = "published"


@dataclass(frozen=True, slots=True)
class SftRow:
    """One correct action. `turn` counts from 1, as the id has it."""

    task: str
    dataset: str
    depth: int
    turn: int
    instruction: str
    response: str


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair after the turns before it: `earlier` holds the wrong action and the reply of each."""

    task: str
    dataset: str
    depth: int
    prompt: tuple[tuple[str, str], ...]  # role and text
    earlier: tuple[tuple[str, str], ...]
    chosen: str
    rejected: str


def read_row(content: Any) -> tuple[str, SftRow | PairRow]:
    """The `parent_id` of a row, and the row. Raises BadRowError."""
    if not isinstance(content, dict):
        raise BadRowError("", f"expected an object, got {type(content).__name__}")
    parent, task, dataset = (_text(content, name) for name in ("parent_id", "task", "dataset"))
    if task.lower() not in _TASKS:
        raise BadRowError("task", f"expected one of {', '.join(_TASKS.values())}, got {task[:40]!r}")
    named = _ID.fullmatch(_text(content, "id"))
    if named is None or not 0 < int(named[2][:9]) <= _MAX_TURNS or int(named[3][:9]) > _MAX_TURNS:
        raise BadRowError("id", f"expected <hash>_<turns of the tree>_<turn>, turns up to {_MAX_TURNS}")
    task, depth, turn = _TASKS[task.lower()], int(named[2]), max(int(named[3]), 1)
    if content.get("trajectory") is not None:
        prompt, earlier = _trajectory(content["trajectory"])
        chosen, rejected = _text(content, "chosen"), _text(content, "rejected")
        return parent, PairRow(task, dataset, depth, prompt, earlier, chosen, rejected)
    return parent, SftRow(task, dataset, depth, turn, _text(content, "instruction"), _text(content, "response"))


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise BadRowError(name, "missing" if value is None else f"expected text, got {type(value).__name__}")
    if not value.strip():
        raise BadRowError(name, "empty")
    return _whole(value, name)


def _whole(text: str, name: str) -> str:
    """Half of a surrogate pair, which JSON may hold, is no character: no file of text takes it."""
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise BadRowError(name, "holds half of a character (a lone surrogate)") from fault
    return text


def _trajectory(entries: Any) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """The prompt, and the (action, reply) of each earlier turn."""
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("value"), str) for entry in entries
    ):
        raise BadRowError("trajectory", "expected a list of {from, value}")
    for entry in entries:
        _whole(entry["value"], "trajectory")
    roles = [entry.get("from") for entry in entries]
    first = roles.index("assistant") if "assistant" in roles else len(roles)
    if not first or any(role not in ("user", "system") for role in roles[:first]):
        raise BadRowError("trajectory", "expected to begin with the user's message")
    rest = entries[first:]
    if any(entry["from"] != ("assistant", "user")[at % 2] for at, entry in enumerate(rest)) or len(rest) % 2:
        raise BadRowError("trajectory", "expected assistant and user by turns, the user last")
    if len(rest) > 2 * _MAX_TURNS:
        raise BadRowError("trajectory", f"more than {_MAX_TURNS} turns")
    prompt = tuple((entry["from"], entry["value"]) for entry in entries[:first])
    earlier = tuple((rest[at]["value"], rest[at + 1]["value"]) for at in range(0, len(rest), 2))
    return prompt, earlier


# ---------------------------------------------------------------- the rows of one instruction


@dataclass(slots=True)
class _Turn:
    correct: list[str] = field(default_factory=list)
    incorrect: list[str] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Chain:
    """A tree to be: one prompt, one line of expanded actions."""

    prompt: tuple[tuple[str, str], ...]
    depth: int
    dataset: str
    task: str
    earlier: tuple[tuple[str, str], ...] = ()
    turns: dict[int, _Turn] = field(default_factory=dict)
    unclaimed: set[tuple[int, str]] = field(default_factory=set)  # chosen actions without an SFT row so far

    def turn(self, index: int) -> _Turn:
        return self.turns.setdefault(index, _Turn())

    def text(self, turns: int) -> str:
        """The prompt and so many turns, as one text."""
        said = [text for _, text in self.prompt] + [text for pair in self.earlier[:turns] for text in pair]
        return "\n".join(said)


def trees_of(parent: str, rows: Iterable[SftRow | PairRow]) -> tuple[Problem, list[Tree]]:
    """The problem and the trees of the rows that share a `parent_id`, in the order of their first rows."""
    sft = [row for row in rows if isinstance(row, SftRow)]
    pairs = [row for row in rows if isinstance(row, PairRow)]
    chains: list[_Chain] = []
    # The longest trajectory knows the most: shorter ones are beginnings of it, or of another tree's.
    for pair in sorted(pairs, key=lambda row: -len(row.earlier)):
        if _chain_of(pair, chains) is None:
            chains.append(_Chain(pair.prompt, pair.depth, pair.dataset, pair.task, pair.earlier))
    placed = [(chain, pair) for pair in pairs if (chain := _chain_of(pair, chains)) is not None]
    for chain, pair in placed:
        chain.unclaimed.add((len(pair.earlier), pair.chosen))
    # SFT rows come first: they hold all correct actions, in their order; the pairs choose among them. Those whose id
    # names the turn of their pair are known before the others are guessed by their text.
    exact = [_claim(row, chains, exactly=True) for row in sft]
    for row, found in zip(sft, exact, strict=True):
        chain, index = found or _claim(row, chains, exactly=False) or _place(row, chains)
        chain.turn(index).correct.append(row.response)
    for chain, pair in placed:
        turn = chain.turn(len(pair.earlier))
        for told, text in ((turn.correct, pair.chosen), (turn.incorrect, pair.rejected)):
            if text not in told:
                told.append(text)
        turn.pairs.append((pair.chosen, pair.rejected))
    first = chains[0]
    problem = _problem(parent, first)
    return problem, [_tree(parent, number, problem, chain) for number, chain in enumerate(chains)]


def _chain_of(pair: PairRow, chains: Sequence[_Chain]) -> _Chain | None:
    """The chain that begins as this pair's trajectory does."""
    for chain in chains:
        same = (chain.prompt, chain.depth) == (pair.prompt, pair.depth)
        if same and chain.earlier[: len(pair.earlier)] == pair.earlier:
            return chain
    return None


def _claim(row: SftRow, chains: Sequence[_Chain], *, exactly: bool) -> tuple[_Chain, int] | None:
    """The chain and turn (from 0) of the pair that has this response as chosen, each once: of its own depth and turn,
    or of any (a published SFT row need not name the turn that its pair names)."""
    for chain in chains:
        turns = [index for index, text in chain.unclaimed if text == row.response]
        if exactly:
            turns = [index for index in turns if (chain.depth, index) == (row.depth, row.turn - 1)]
        # With its history in the instruction, a row tells its turn by that.
        turns = [index for index in turns if row.instruction in (chain.text(0), chain.text(index))]
        if turns:
            chain.unclaimed.remove((min(turns), row.response))
            return chain, min(turns)
    return None


def _place(row: SftRow, chains: list[_Chain]) -> tuple[_Chain, int]:
    """The chain and turn (from 0) of a correct action that no pair has; a chain of its own where none has its
    prompt."""
    own = row.turn - 1
    for chain in chains:
        if chain.text(0) == row.instruction and chain.depth == row.depth:
            return chain, own
    for chain in chains:
        if row.instruction.startswith(chain.text(0)):
            for turns in range(1, len(chain.earlier) + 1):
                if chain.text(turns) == row.instruction:
                    return chain, turns
    chains.append(_Chain((("user", row.instruction),), row.depth, row.dataset, row.task))
    return chains[-1], own


# ---------------------------------------------------------------- records


def _problem(parent: str, chain: _Chain) -> Problem:
    """What is asked, without the task prompt; no references, and no verifier: nothing can be judged anew."""
    prompt = "\n".join(text for _, text in chain.prompt)
    instruction = without_task_lines(prompt) or prompt
    return Problem(
        id=PUBLISHED + parent,
        dataset=chain.dataset,
        task=_TASKS[chain.task.lower()],
        instruction=instruction,
        references=(),
        verifier="",
        tools=listed_tools(prompt) or (("python",) if chain.task == "Coding" else ()),
        # The forms of one problem, with a tool and without, have different parents and the same question.
        group=PUBLISHED + digest(normalise_question(instruction))[:16],
    )


def _tree(parent: str, number: int, problem: Problem, chain: _Chain) -> Tree:
    last = max([*chain.turns, len(chain.earlier) - 1])
    depth = max(chain.depth, last + 1)
    prompt = tuple(Message(_role(role), text) for role, text in chain.prompt)
    return Tree(
        id=digest(["published", parent, number])[:24],
        problem=problem,
        prompt=prompt,
        turns=tuple(_turn(index, chain) for index in range(depth)),
    )


def _role(name: str) -> Role:
    return "system" if name == "system" else "user"


def _turn(index: int, chain: _Chain) -> Turn:
    found = chain.turns.get(index, _Turn())
    correct, incorrect = found.correct, list(found.incorrect)
    expanded, reply, critique, observation = None, None, None, None
    if index < len(chain.earlier):
        text, reply = chain.earlier[index]
        if text not in incorrect:
            incorrect.append(text)
        expanded = incorrect.index(text)
        observation, critique = split_reply(reply)
    return Turn(
        index=index,
        correct=tuple(_action(text, at, "correct", None) for at, text in enumerate(correct)),
        incorrect=tuple(
            _action(text, at, "wrong", observation if at == expanded else None) for at, text in enumerate(incorrect)
        ),
        expanded=expanded,
        critique=critique,
        reply=reply,
        paired=tuple((correct.index(chosen), incorrect.index(rejected)) for chosen, rejected in found.pairs),
    )


def _action(text: str, place: int, outcome: Any, observation: Observation | None) -> Action:
    return Action(text, ACTOR, ACTOR, place, observation=observation, verdict=Verdict(outcome, "as published"))


def split_reply(reply: str) -> tuple[Observation, str | None]:
    """A published reply: what the interpreter said, then the verdict, then the critique. A reply without a verdict (a
    search, say) is an observation alone."""
    verdict = _VERDICT.search(reply)
    shown = (reply if verdict is None else reply[: verdict.start()]).rstrip("\n")
    critique = "" if verdict is None else reply[verdict.end() :]
    failed = "error" if "Traceback (most recent call last)" in shown else "ok"
    status = "syntax" if _SYNTAX.search(shown) else failed if shown else "none"
    return Observation(status, output=shown), critique or None
