"""Which instructions overlap with test sets. Pure: texts in, evidence out; the caller reads and writes files.

In:  test sets, once; then instructions, a batch at a time. Out: for each instruction its overlaps, one a test set.
Always true: an overlap was compared word by word (a hash only says where to look), so none is found that is not
there, and none is missed.

The paper's rules (FACTS section 1, "Decontamination"): LeetCode's texts as exact substrings of instructions of every
task; for the other sets any 8 successive words shared with a test text of the same task. N-grams are for sources in
natural language: whole templated families would go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Rule = Literal["ngram", "substring"]
_WORD = re.compile(r"\w+")
# How much of a substring is shown as evidence, in characters.
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class TestText:
    """One row of a test set. `place` says where it stands: a file and its row there."""

    __test__ = False  # no class of tests for pytest

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class TestSet:
    """`task` is Math, Coding or Logic (or longer: Math_PoT is of Math); without one every instruction meets it.

    `rule` "substring": a text counts as it stands (but for the runs of white space), and in every task.
    """

    __test__ = False

    name: str
    texts: tuple[TestText, ...]
    task: str = ""
    rule: Rule = "ngram"


@dataclass(frozen=True, slots=True)
class Instruction:
    """What an actor is asked. Without a task it meets every test set."""

    text: str
    task: str = ""


@dataclass(frozen=True, slots=True)
class Overlap:
    """`place` is the row of the test set; `evidence` is what the two share."""

    tests: str
    place: str
    rule: Rule
    evidence: str


class Contamination:
    """An index over all test sets. Memory: about 40 bytes a word of them, nothing for the instructions.

    Words are compared without case and punctuation. A test text of fewer than n words counts only as a whole
    instruction: shorter runs of words prove nothing.
    """

    def __init__(self, sets: Sequence[TestSet], n: int = 8) -> None:
        self._sets, self._n = tuple(sets), n
        self._texts = [(number, text) for number, one in enumerate(self._sets) for text in one.texts]
        self._numbers: dict[str, int] = {}  # every word of a test set; 0 is any other word
        self._wholes: dict[tuple[int, ...], list[int]] = {}  # texts too short for an n-gram
        self._needles = [
            " ".join(text.text.split()) if self._sets[number].rule == "substring" else ""
            for number, text in self._texts
        ]
        self._searched: list[int] = []  # substrings too short for an n-gram: looked for everywhere
        self._factors = _factors(n)
        self._index()

    def overlaps(self, instructions: Sequence[Instruction]) -> list[tuple[Overlap, ...]]:
        """For each instruction its overlaps, in the order of the test sets: the first words of it that each shares."""
        texts = [instruction.text for instruction in instructions]
        words, starts = self._flat(texts)
        found: dict[tuple[int, int], tuple[int, int]] = {}  # (instruction, set) → (test text, word of the instruction)
        for at, text, word in self._hits(words, starts):
            number = self._texts[text][0]
            if (at, number) in found or not self._meets(instructions[at], number):
                continue
            if not self._needles[text] or self._needles[text] in " ".join(texts[at].split()):
                found[at, number] = (text, word)
        for at, whole in enumerate(texts):
            self._search(at, whole, instructions[at], words[starts[at] : starts[at + 1] - 1], found)
        by_instruction: list[list[Overlap]] = [[] for _ in texts]
        for (at, number), (text, word) in sorted(found.items()):
            by_instruction[at].append(self._overlap(texts[at], number, text, word))
        return [tuple(one) for one in by_instruction]

    # ------------------------------------------------------------ the index

    def _index(self) -> None:
        """Every n-gram of the test texts by its hash; of those of one set that are equal, the first."""
        flat: list[int] = []
        begins: list[int] = []
        owners: list[int] = []
        for position, (number, text) in enumerate(self._texts):
            ids = [self._numbers.setdefault(word, len(self._numbers) + 1) for word in _words(text.text)]
            substring = self._sets[number].rule == "substring"
            # The first and the last word of a substring may be parts of longer words where it is found.
            grams = len(ids) - self._n + 1 if not substring else min(1, len(ids) - self._n - 1)
            if grams > 0:
                first = len(flat) + substring
                begins += range(first, first + grams)
                owners += [position] * grams
                flat += ids
            elif substring and self._needles[position]:
                self._searched.append(position)
            elif ids and not substring:
                self._wholes.setdefault(tuple(ids), []).append(position)
        self._words = np.array(flat, dtype=np.int32)
        begin, owner = np.array(begins, dtype=np.int64), np.array(owners, dtype=np.int64)
        hashes = self._hash(self._words, begin)
        # Those of one set are kept apart by its number; each substring stands for itself.
        group = np.array([self._group(position) for position in range(len(self._texts))], dtype=np.int64)[owner]
        order = np.lexsort((begin, group, hashes))
        begin, owner, hashes, group = begin[order], owner[order], hashes[order], group[order]
        again = np.zeros(len(order), dtype=bool)
        if len(order):
            again[1:] = (hashes[1:] == hashes[:-1]) & (group[1:] == group[:-1])
            again[1:] &= _same(self._words, begin[1:], self._words, begin[:-1], self._n)
        self._hashes, self._begin, self._owner, self._groups = (a[~again] for a in (hashes, begin, owner, group))

    def _group(self, position: int) -> int:
        number = self._texts[position][0]
        return number if self._sets[number].rule == "ngram" else len(self._sets) + position

    def _hits(self, words: Any, starts: Any) -> Iterable[tuple[int, int, int]]:
        """(instruction, test text, first word in the instruction): for each group the first that is shared."""
        unknown = np.concatenate(([0], np.cumsum(words == 0)))
        last = max(0, len(words) - self._n + 1)
        # An n-gram with a word that no test set has (or across two instructions) needs no look-up.
        begin = np.flatnonzero(unknown[self._n : self._n + last] == unknown[:last])
        hashes = self._hash(words, begin)
        low = np.searchsorted(self._hashes, hashes, "left")
        here = low < len(self._hashes)
        here[here] = self._hashes[low[here]] == hashes[here]
        begin, low = begin[here], low[here]
        count = np.searchsorted(self._hashes, hashes[here], "right") - low
        begin = np.repeat(begin, count)
        place = np.repeat(low - np.cumsum(count) + count, count) + np.arange(len(begin))
        equal = _same(words, begin, self._words, self._begin[place], self._n)
        begin, place = begin[equal], place[equal]
        at = np.searchsorted(starts, begin, "right") - 1
        order = np.lexsort((begin, self._groups[place], at))
        at, begin, place = at[order], begin[order], place[order]
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (at[1:] != at[:-1]) | (self._groups[place][1:] != self._groups[place][:-1])
        return zip(
            at[fresh].tolist(),
            self._owner[place[fresh]].tolist(),
            (begin[fresh] - starts[at[fresh]]).tolist(),
            strict=True,
        )

    def _flat(self, texts: Sequence[str]) -> tuple[Any, Any]:
        """All words as numbers, a 0 after each text; where each text begins, and the end."""
        known = self._numbers.get
        flat: list[int] = []
        starts = [0]
        for text in texts:
            flat += [known(word, 0) for word in _words(text)]
            flat.append(0)
            starts.append(len(flat))
        return np.array(flat, dtype=np.int32), np.array(starts, dtype=np.int64)

    def _hash(self, words: Any, begin: Any) -> Any:
        hashes = np.zeros(len(begin), dtype=np.uint64)
        for offset, factor in enumerate(self._factors):
            hashes += words[begin + offset].astype(np.uint64) * factor
        return hashes

    # ------------------------------------------------------------ one instruction

    def _search(
        self, at: int, text: str, instruction: Instruction, ids: Any, found: dict[tuple[int, int], tuple[int, int]]
    ) -> None:
        """The texts too short for an n-gram: whole instructions, and substrings."""
        short = self._wholes.get(tuple(ids.tolist()), ()) if 0 < len(ids) < self._n else ()
        spaced = " ".join(text.split()) if self._searched else ""
        for position in (*short, *(one for one in self._searched if self._needles[one] in spaced)):
            number = self._texts[position][0]
            if self._meets(instruction, number):
                found.setdefault((at, number), (position, 0))

    def _meets(self, instruction: Instruction, number: int) -> bool:
        tests = self._sets[number]
        if tests.rule == "substring" or not tests.task or not instruction.task:
            return True
        return task_family(tests.task) == task_family(instruction.task)

    def _overlap(self, text: str, number: int, position: int, word: int) -> Overlap:
        tests = self._sets[number]
        if tests.rule == "substring":
            evidence = self._needles[position][:_SHOWN]
        else:
            evidence = " ".join(_words(text)[word : word + self._n])
        return Overlap(tests.name, self._texts[position][1].place, tests.rule, evidence)


def task_family(task: str) -> str:
    """Math_PoT and Math_CoT are of one family (FACTS section 1: both forms of a problem go together)."""
    return task.partition("_")[0].casefold()


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _factors(n: int) -> list[Any]:
    """Odd numbers of 64 bits, always the same."""
    draw = np.random.default_rng(0).integers(0, 1 << 63, size=n, dtype=np.uint64)
    return list(draw * np.uint64(2) + np.uint64(1))


def _same(a: Any, a_begin: Any, b: Any, b_begin: Any, n: int) -> Any:
    """Where n words are equal, one by one."""
    equal = np.ones(len(a_begin), dtype=bool)
    for offset in range(n):
        equal &= a[a_begin + offset] == b[b_begin + offset]
    return equal
