"""Problems for the stages that follow: dealt into splits that share no question, or whole sources in one file.

In:  families of generated or published problems, or a JSONL file of one's own. Out: `<split>.jsonl`, `groups.json`.
     Or sources with their settings. Out: `problems.jsonl`, all of them in their order.
Always true: no normalised question stands in two splits, or twice in one; no id stands twice in a file; what
CodeContests and TACO share stands once; of sources, one at a time is held in memory.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from preftree.environment.tools import KNOWN
from preftree.errors import InputError
from preftree.problems import Loaded, SourceSettings, families, load, normalise_question
from preftree.problems.overlap import PAIRED, Sketch, shared_problems, sketch
from preftree.recipe.runner import Context
from preftree.records import Problem, canonical, from_json
from preftree.verify import VERIFIERS

LEFT_OUT = "-"
# More are asked for than needed: small generators repeat themselves.
_SPARE = 2.0
# So many of a source's rows that were set aside are quoted in the report.
_QUOTED = 5


@dataclass(frozen=True, slots=True)
class Settings:
    splits: dict[str, Any] = field(default_factory=dict)  # split → family → how many; the last split is held out
    own: str | None = None  # JSONL of one's own problems, in place of the families
    sources: tuple[SourceSettings, ...] = ()  # in place of both: whole sources, each with settings of its own
    seed: int = 0  # of the families and of the dealing; a source has its own


def run(settings: Settings, context: Context) -> dict[str, Any]:
    if settings.sources:
        if settings.splits or settings.own is not None:
            raise InputError(f"stage {context.name}: expected sources, or splits (with or without own), not both")
        return _write_sources(settings.sources, context)
    held_out = list(settings.splits)[-1] if settings.splits else None
    if held_out is None:
        raise InputError(f"stage {context.name}: splits: expected split names with families and counts, or sources")
    set_aside = 0
    if settings.own is not None:
        dealt, set_aside = _deal_own(settings)
    else:
        dealt = _deal_families(settings)
    for split, problems in dealt.items():
        if not problems:
            raise InputError(
                f"stage {context.name}: split {split} has no problem; give more problems or smaller counts"
            )
        write_problems(context.out / f"{split}.jsonl", [replace(problem, split=split) for problem in problems])
    trained = {problem.dataset for split, problems in dealt.items() if split != held_out for problem in problems}
    tested = list(dict.fromkeys(problem.dataset for problem in dealt[held_out]))
    groups = {
        "trained families": [name for name in tested if name in trained],
        "held-out families": [name for name in tested if name not in trained],
        "all": tested,
    }
    groups = {name: members for name, members in groups.items() if members}
    (context.out / "groups.json").write_text(json.dumps(groups), encoding="utf-8")
    return {
        "problems": {split: _by_dataset(problems) for split, problems in dealt.items()},
        "groups": groups,
        "set_aside": set_aside,
    }


def _write_sources(sources: Sequence[SourceSettings], context: Context) -> dict[str, Any]:
    """All problems of all sources in one file; the report has a paragraph a source. A path of "-" leaves one out."""
    sources = [source for source in sources if source.path != LEFT_OUT]
    for source in sources:
        # A missing file is told before the hub is asked for others.
        if source.path and Path(source.path).suffix and not Path(source.path).exists():
            raise InputError(f"source {source.name}: path: {source.path}: no such file or folder (- leaves it out)")
    path = context.out / "problems.jsonl"
    partial = path.with_name(path.name + ".partial")
    ids: set[str] = set()
    sketches: dict[str, list[Sketch]] = {name: [] for name in PAIRED}
    report: dict[str, Any] = {}
    with partial.open("w", encoding="utf-8") as file:
        for number, source in enumerate(sources, start=1):
            loaded = load(source)
            kept, shared = _without_overlap(loaded.problems, source.name, sketches)
            fresh = [problem for problem in kept if problem.id not in ids]
            ids |= {problem.id for problem in fresh}
            for problem in fresh:
                file.write(canonical(problem) + "\n")
            name = source.name if source.name not in report else f"{source.name} ({number})"
            report[name] = _told(loaded, len(fresh), len(kept) - len(fresh), shared)
    partial.replace(path)
    return {"problems": {"problems": {name: told["problems"] for name, told in report.items()}}, "sources": report}


def _without_overlap(
    problems: Sequence[Problem], source: str, sketches: dict[str, list[Sketch]]
) -> tuple[Sequence[Problem], int]:
    """The problems that the other of CodeContests and TACO did not give before, and how many it did."""
    if source not in PAIRED:
        return problems, 0
    drawn = [sketch(problem) for problem in problems]
    (other,) = PAIRED - {source}
    gone = {shared.id for shared in shared_problems(sketches[other], drawn)}
    sketches[source] += [mine for mine in drawn if mine.id not in gone]
    return [problem for problem in problems if problem.id not in gone], len(gone)


def _told(loaded: Loaded, problems: int, repeated: int, shared: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "problems": problems,
        "with_program": loaded.with_program,
        "set_aside": len(loaded.set_aside),
        "first_set_aside": [str(bad) for bad in loaded.set_aside[:_QUOTED]],
        "passed_over": dict(loaded.passed_over),
    }
    counts = {"repeated_ids": repeated, "shared_with_another_source": shared}
    return told | {name: count for name, count in counts.items() if count}


def _deal_families(settings: Settings) -> dict[str, list[Problem]]:
    wanted: dict[str, dict[str, int]] = settings.splits
    dealt: dict[str, list[Problem]] = {split: [] for split in wanted}
    for family in dict.fromkeys(name for sizes in wanted.values() for name in sizes):
        total = sum(sizes.get(family, 0) for sizes in wanted.values())
        if total == 0:
            continue
        fresh = iter(_distinct(_source(family, int(total * _SPARE) + 8, settings.seed)))
        for split, sizes in wanted.items():
            taken = [problem for _, problem in zip(range(sizes.get(family, 0)), fresh, strict=False)]
            if len(taken) < sizes.get(family, 0):
                raise InputError(
                    f"split {split}: family {family}: {len(taken)} fresh problems are left, expected {sizes[family]}"
                )
            dealt[split] += taken
    return dealt


def _source(family: str, limit: int, seed: int) -> list[Problem]:
    if family in families():
        return list(load(SourceSettings(name="reasoning_gym", families=(family,), limit=limit, seed=seed)).problems)
    return list(load(SourceSettings(name=family, limit=limit, seed=seed)).problems)


def _deal_own(settings: Settings) -> tuple[dict[str, list[Problem]], int]:
    """Split in proportion to the recipe's counts, at most those counts. A group stands in one split only."""
    loaded = load(SourceSettings(name="jsonl", path=settings.own, seed=settings.seed))
    groups: dict[str, list[Problem]] = {}
    for problem in _distinct(_usable(loaded.problems, settings.own or "")):
        groups.setdefault(problem.group, []).append(problem)
    waiting = list(groups.values())
    random.Random(settings.seed).shuffle(waiting)
    sizes = {split: sum(counts.values()) for split, counts in settings.splits.items()}
    scale = min(1.0, sum(map(len, waiting)) / sum(sizes.values()))
    dealt: dict[str, list[Problem]] = {}
    for splits_left, (split, size) in zip(reversed(range(len(sizes))), sizes.items(), strict=True):
        # At least one problem a split, where there are enough.
        count = max(1, int(size * scale))
        taken: list[Problem] = []
        while waiting and len(taken) < count and (not taken or len(waiting) > splits_left):
            taken += waiting.pop(0)
        dealt[split] = taken[:count]
    return dealt, len(loaded.set_aside)


def _usable(problems: Sequence[Problem], path: str) -> list[Problem]:
    """The same problems, unless one names a verifier or a tool that there is not: told before any call is paid."""
    for problem in problems:
        known = (*VERIFIERS, "judge", "code") if problem.tests else (*VERIFIERS, "judge")
        if problem.verifier not in known:
            raise InputError(
                f'{path}: problem {problem.id}, field "verifier": expected one of {", ".join(known)}'
                f"{'' if problem.tests else ' (code, for a problem with tests)'}, got {problem.verifier}"
            )
        unknown = [tool for tool in problem.tools if tool not in KNOWN]
        if unknown:
            raise InputError(
                f'{path}: problem {problem.id}, field "tools": expected some of {", ".join(KNOWN)}, got {unknown[0]}'
            )
    return list(problems)


def _distinct(problems: Any) -> list[Problem]:
    """The first of each normalised question."""
    return list({normalise_question(problem.instruction): problem for problem in reversed(list(problems))}.values())[
        ::-1
    ]


def _by_dataset(problems: list[Problem]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.dataset] = counts.get(problem.dataset, 0) + 1
    return counts


def write_problems(path: Path, problems: list[Problem]) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text("".join(canonical(problem) + "\n" for problem in problems), encoding="utf-8")
    partial.replace(path)


def read_problems(path: str) -> list[Problem]:
    """Problems that a problems stage wrote, or rows of one's own (problem, reference, …)."""
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{path}: no such file; problems=FILE names JSONL of problems")
    try:
        # Not splitlines(): it also cuts at characters that JSON leaves inside its texts.
        rows = file.read_text("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as fault:
        raise InputError(f"{path}: not UTF-8 text ({fault})") from fault
    try:
        ours = "references" in json.loads(rows[0] or "{}")
    except (ValueError, TypeError):
        ours = False
    if not ours:
        return _usable(load(SourceSettings(name="jsonl", path=path)).problems, path)
    problems = []
    for number, line in enumerate(rows, start=1):
        try:
            problem = from_json(Problem, json.loads(line))
            canonical(problem).encode()  # half of a character, which JSON may hold, no file can
        except (ValueError, RecursionError) as fault:
            raise InputError(f"{path} row {number}: {' '.join(str(fault).split())[:200]}") from fault
        if not problem.references and problem.tests is None and problem.verifier != "judge":
            raise InputError(f'{path} row {number}, field "references": expected at least one')
        problems.append(problem)
    return _usable(problems, path)
