"""The journal on disk: problems, calls, observations, verdicts, actions and trees, in one SQLite file.

In:  records. Out: records, and a true account of what was asked and paid.
Always true: an intent is on disk before its call is sent, an answer before it is used; a key answers for one
request only; whoever reads sees whole transactions.
"""

from preftree.forest.forest import Account, CallKey, Cost, Forest
from preftree.forest.merge import merge, split
from preftree.forest.owner import Ownership
from preftree.forest.shards import num_shards, retire, shard_directory, shard_of, take_over

__all__ = [
    "Account",
    "CallKey",
    "Cost",
    "Forest",
    "Ownership",
    "merge",
    "num_shards",
    "retire",
    "shard_directory",
    "shard_of",
    "split",
    "take_over",
]
