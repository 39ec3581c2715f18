"""The sources by name, and `load`. A new source is a module with one function and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from preftree.errors import InputError
from preftree.problems.codecontests import load_codecontests
from preftree.problems.forms import MATH_FORMS, in_forms
from preftree.problems.gsm8k import load_gsm8k
from preftree.problems.hotpotqa import load_hotpotqa
from preftree.problems.humaneval import load_humaneval
from preftree.problems.jsonl import load_jsonl
from preftree.problems.leetcode import load_leetcode
from preftree.problems.magicoder_evol import load_magicoder_evol
from preftree.problems.math import load_math
from preftree.problems.mathqa import load_mathqa
from preftree.problems.mbpp import load_mbpp
from preftree.problems.numglue import load_numglue
from preftree.problems.reasoning_gym import load_reasoning_gym
from preftree.problems.reclor import load_reclor
from preftree.problems.strategyqa import load_strategyqa
from preftree.problems.tabmwp import load_tabmwp
from preftree.problems.taco import load_taco
from preftree.problems.types import Loaded, SourceSettings
from preftree.problems.wikitablequestions import load_wikitablequestions
from preftree.records import Task

SOURCES: dict[str, Callable[[SourceSettings], Loaded]] = {
    "reasoning_gym": load_reasoning_gym,
    "gsm8k": load_gsm8k,
    "math": load_math,
    "mathqa": load_mathqa,
    "numglue": load_numglue,
    "tabmwp": load_tabmwp,
    "codecontests": load_codecontests,
    "taco": load_taco,
    "wikitablequestions": load_wikitablequestions,
    "magicoder_evol": load_magicoder_evol,
    "reclor": load_reclor,
    "strategyqa": load_strategyqa,
    "hotpotqa": load_hotpotqa,
    "humaneval": load_humaneval,
    "mbpp": load_mbpp,
    "leetcode": load_leetcode,
    "jsonl": load_jsonl,
}
"""Sources by name: settings in, problems and what was set aside out."""
# What is made of a row where the settings don't say. The paper grows MathQA and NumGLUE with a tool and without, as it
# does GSM8K and MATH: for these two `forms` must ask for both, since runs rely on one problem a row. TabMWP has one.
_FORMS: dict[str, tuple[Task, ...]] = {
    "gsm8k": ("Math_PoT",),
    "math": ("Math_PoT",),
    "mathqa": MATH_FORMS,
    "numglue": MATH_FORMS,
    "tabmwp": ("Math_PoT",),
}
_TOOL_ONLY = ("tabmwp",)


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
    forms = _forms(settings)
    loaded = SOURCES[settings.name](settings)
    problems = in_forms(loaded.problems, forms) if forms else loaded.problems
    if settings.filter:
        problems = tuple(replace(problem, filter=True) for problem in problems)
    return replace(loaded, problems=problems)


def _forms(settings: SourceSettings) -> tuple[Task, ...]:
    """The forms of each row; none for a source whose rows have one form."""
    default = _FORMS.get(settings.name, ())
    possible = default if settings.name in _TOOL_ONLY else MATH_FORMS if default else ()
    for form in settings.forms:
        if form not in possible:
            expected = f"expected {' or '.join(possible)}" if possible else "its rows have one form"
            raise InputError(f"source {settings.name}: forms: {expected}, got {form}")
    return settings.forms or default
