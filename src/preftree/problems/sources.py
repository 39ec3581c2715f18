"""The sources by name, and `load`. A new source is a module with one function and a line here."""

from __future__ import annotations

from collections.abc import Callable

from preftree.errors import InputError
from preftree.problems.gsm8k import load_gsm8k
from preftree.problems.humaneval import load_humaneval
from preftree.problems.jsonl import load_jsonl
from preftree.problems.leetcode import load_leetcode
from preftree.problems.math import load_math
from preftree.problems.mbpp import load_mbpp
from preftree.problems.reasoning_gym import load_reasoning_gym
from preftree.problems.types import Loaded, SourceSettings

SOURCES: dict[str, Callable[[SourceSettings], Loaded]] = {
    "reasoning_gym": load_reasoning_gym,
    "gsm8k": load_gsm8k,
    "math": load_math,
    "humaneval": load_humaneval,
    "mbpp": load_mbpp,
    "leetcode": load_leetcode,
    "jsonl": load_jsonl,
}


def load(settings: SourceSettings) -> Loaded:
    """The problems of one source; InputError if the settings or the whole file are wrong."""
    if settings.name not in SOURCES:
        raise InputError(f'no source is named "{settings.name}"; there are {", ".join(sorted(SOURCES))}')
    if settings.limit is not None and settings.limit < 1:
        raise InputError(f"source {settings.name}: limit: expected 1 or more, got {settings.limit}")
    if settings.offset < 0:
        raise InputError(f"source {settings.name}: offset: expected 0 or more, got {settings.offset}")
    if settings.families and settings.name != "reasoning_gym":
        raise InputError(f"source {settings.name} has no families; only reasoning_gym has")
    return SOURCES[settings.name](settings)
