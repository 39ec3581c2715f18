"""The licences of the sources, by the data set's name.

In:  `Problem.dataset`. Out: what its terms allow.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Licence:
    """`redistributable`: whether its texts may be given on; the other two are conditions of doing so. `attribution` is
    the line that goes along."""

    name: str
    redistributable: bool = True
    non_commercial: bool = False
    share_alike: bool = False
    note: str = ""
    attribution: str = ""


def licence_of(name: str) -> Licence:
    """The licence of a data set; one that is none of preftree's sources has terms that preftree doesn't know."""
    key = name.lower()
    return _LICENCES.get(
        "codecontests" if key == "codecontest" else key, Licence("unknown", False, note="no licence is known for it")
    )


_LICENCES = {
    "gsm8k": Licence("MIT"),
    "math": Licence("MIT"),
    "mathqa": Licence("Apache-2.0"),
    "numglue": Licence("ODC-BY"),
    "tabmwp": Licence("CC BY-NC-SA 4.0", non_commercial=True, share_alike=True),
    "codecontests": Licence("CC BY 4.0"),
    "taco": Licence("Apache-2.0", note="problems keep the terms of the sites that they come from"),
    "wikitablequestions": Licence("CC BY-SA 4.0", share_alike=True),
    "magicoder_evol": Licence("Apache-2.0", note="outputs of OpenAI models"),
    "reclor": Licence("research only", redistributable=False, non_commercial=True, note="by request form"),
    "strategyqa": Licence("MIT"),
    "hotpotqa": Licence("CC BY-SA 4.0", share_alike=True),
    "humaneval": Licence("MIT"),
    "mbpp": Licence("CC BY 4.0"),
    "leetcode": Licence("none given", redistributable=False, note="the site's own texts"),
}
