"""Conversations at scale: journalled calls, the turn that growing and evaluating share, many at once.

In:  problems, actors, an interpreter, a judge, a forest. Out: samples, actions with their verdicts.
Always true: every call goes through the journal, so nothing that was answered is asked again.
"""

from preftree.engine.budget import Budget, Purse, accounted
from preftree.engine.calls import Engine
from preftree.engine.cluster import ClusterSettings, Journalled, need_ray, over_shards
from preftree.engine.prompts import opening
from preftree.engine.run import run_all, together
from preftree.engine.share import Share
from preftree.engine.treasury import Totals
from preftree.engine.turn import BY_MODEL, Manner, Place, Sampling, act, past_of, reply, settle, trace_critique

__all__ = [
    "BY_MODEL",
    "Budget",
    "ClusterSettings",
    "Engine",
    "Journalled",
    "Manner",
    "Place",
    "Purse",
    "Sampling",
    "Share",
    "Totals",
    "accounted",
    "act",
    "need_ray",
    "opening",
    "over_shards",
    "past_of",
    "reply",
    "run_all",
    "settle",
    "together",
    "trace_critique",
]
