"""Under which terms the problems of each data set may be passed on.

In:  a name as `Problem.dataset` or a published row of UltraInteract has it. Out: its `Licence`.
Always true: a name that is not in the table is "unknown" and not redistributable. Facts as the data sets' own pages
state them; a licence that covers a collection does not change the terms of the sites from which its texts come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from preftree.problems.reasoning_gym import families


@dataclass(frozen=True, slots=True)
class Licence:
    """`name` is the licence's; `redistributable`: rows may be published; `attribution` is the line that goes along."""

    name: str
    redistributable: bool
    non_commercial: bool
    share_alike: bool
    note: str = ""
    attribution: str = ""


def licence_of(name: str) -> Licence:
    """The terms of a data set; case, hyphens and underscores of its name don't count."""
    key = re.sub(r"[^a-z0-9]", "", name.lower())
    return _TABLE.get(_ALIASES.get(key, key), _UNKNOWN)


def _free(name: str, attribution: str, note: str = "") -> Licence:
    return Licence(name, True, False, False, note, attribution)


def _share_alike(name: str, attribution: str) -> Licence:
    return replace(_free(name, attribution, "what is made of it goes out under the same licence"), share_alike=True)


def _not_commercial(name: str, attribution: str, note: str) -> Licence:
    return replace(_free(name, attribution, note), non_commercial=True)


_UNKNOWN = Licence("unknown", False, False, False, "no licence is known for a data set of this name")
_GYM = _free("Apache-2.0", "Reasoning Gym (Open-Thought, 2025)", "made by a generator")
_TABLE: dict[str, Licence] = {re.sub(r"[^a-z0-9]", "", family): _GYM for family in families()} | {
    "gsm8k": _free("MIT", "GSM8K (Cobbe et al., 2021)"),
    "math": _free(
        "MIT",
        "MATH (Hendrycks et al., 2021)",
        "contested: a copy on the hub is reported to have been taken down on a complaint of the problems' owners",
    ),
    "mathqa": _free("Apache-2.0", "MathQA (Amini et al., 2019)"),
    "numglue": _free("ODC-By", "NumGLUE (Mishra et al., 2022)", "attribution is a condition"),
    "tabmwp": replace(
        _not_commercial("CC BY-NC-SA 4.0", "TabMWP (Lu et al., 2023)", "not commercial, under the same licence"),
        share_alike=True,
    ),
    "codecontests": _free("CC BY 4.0", "CodeContests (Li et al., 2022)", "attribution is a condition"),
    "taco": _free(
        "Apache-2.0",
        "TACO (Li et al., 2023)",
        "covers the collection: the problems keep the terms of Codeforces, AtCoder, HackerRank, LeetCode and others",
    ),
    "wikitablequestions": _share_alike("CC BY-SA 4.0", "WikiTableQuestions (Pasupat and Liang, 2015)"),
    "magicoderevol": _free(
        "Apache-2.0", "Magicoder-Evol-Instruct (Wei et al., 2023)", "made with models of OpenAI, whose terms apply"
    ),
    "reclor": Licence(
        "research only, on request", False, True, False, "its owners forbid passing it on", "ReClor (Yu et al., 2020)"
    ),
    "strategyqa": _free("MIT", "StrategyQA (Geva et al., 2021)"),
    "hotpotqa": _share_alike("CC BY-SA 4.0", "HotpotQA (Yang et al., 2018)"),
    "humaneval": _free("MIT", "HumanEval (Chen et al., 2021)"),
    "mbpp": _free("CC BY 4.0", "MBPP (Austin et al., 2021)", "attribution is a condition"),
    "leetcode": Licence("none", False, False, False, "the statements are LeetCode's own text"),
    "asdiv": _not_commercial("CC BY-NC 4.0", "ASDiv (Miao et al., 2020)", "not commercial"),
    "svamp": _free("MIT", "SVAMP (Patel et al., 2021)"),
    "theoremqa": _free("MIT", "TheoremQA (Chen et al., 2023)"),
    "bbh": _free("MIT", "BIG-Bench Hard (Suzgun et al., 2022)"),
    "ifeval": _free("Apache-2.0", "IFEval (Zhou et al., 2023)"),
    "mint": _free("Apache-2.0", "MINT (Wang et al., 2024)", "its rows are those of other data sets, whose terms stay"),
    "mmlu": _free("MIT", "MMLU (Hendrycks et al., 2021)"),
    "mtbench": _free("Apache-2.0", "MT-Bench (Zheng et al., 2023)"),
    "gsmplus": _share_alike("CC BY-SA 4.0", "GSM-Plus (Li et al., 2024)"),
    "rewardbench": _free("ODC-By", "RewardBench (Lambert et al., 2024)", "attribution is a condition"),
    "autoj": Licence("none", False, False, False, "its repository states no terms for the data"),
    "mtbenchhuman": _free("CC BY 4.0", "MT-Bench human judgments (Zheng et al., 2023)", "attribution is a condition"),
}
# As UltraInteract's published rows and the data sets' own pages write them.
_ALIASES = {
    "codecontest": "codecontests",
    "wikitablequestion": "wikitablequestions",
    "wikitable": "wikitablequestions",
    "wtq": "wikitablequestions",
    "magicoder": "magicoderevol",
    "magicoderevolinstruct": "magicoderevol",
    "hotpot": "hotpotqa",
    "mathtrain": "math",
    "math500": "math",
    "mbppfull": "mbpp",
    "gsm8ktrain": "gsm8k",
}
