"""Where problems come from: published rows, files of one's own, procedural generators, as `records.Problem`s.

In:  `SourceSettings`. Out: `Loaded`: the problems and the rows set aside, each with its reason.
Always true: the same settings give the same problems in the same order; a problem's id is made from its data set
and its normalised question, or is the one under which it was published (the code benchmarks, which repeat questions),
so it survives other seeds, slices and file orders, and no id comes twice; an
instruction is the problem alone, without words on how to answer.

    SOURCES             the sources by name: reasoning_gym, gsm8k, math, mathqa, numglue, tabmwp, codecontests, taco,
                        wikitablequestions, magicoder_evol, reclor, strategyqa, hotpotqa, humaneval, mbpp, leetcode,
                        jsonl
    load                the problems of one source
    families            the generated families of reasoning_gym
    licence_of          on which terms a data set may be passed on
    normalise_question  two questions are one if these are equal
    disjoint            held-out problems that share no question with training
"""

from preftree.problems.licences import Licence, licence_of
from preftree.problems.questions import disjoint, normalise_question
from preftree.problems.reasoning_gym import families
from preftree.problems.sources import SOURCES, load
from preftree.problems.types import Loaded, SetAside, SourceSettings

__all__ = [
    "SOURCES",
    "Licence",
    "Loaded",
    "SetAside",
    "SourceSettings",
    "disjoint",
    "families",
    "licence_of",
    "load",
    "normalise_question",
]
