"""Growing: the policy that makes one preference tree of one problem, and the run over many.

In:  problems, actors by role, settings. Out: a forest.
Always true: the same seed, answers and observations give the same trees, at any concurrency and after any crash.
"""

from preftree.grow.cluster import grow_on_cluster, join_shards
from preftree.grow.growth import tree_id
from preftree.grow.policy import grow_problem, grow_tree
from preftree.grow.run import GrowReport, grow
from preftree.grow.select import PassedOver
from preftree.grow.settings import OPTIONAL_ROLES, Actors, GrowSettings, check_ladder, check_roles, lacks_tests

__all__ = [
    "OPTIONAL_ROLES",
    "Actors",
    "GrowReport",
    "GrowSettings",
    "PassedOver",
    "check_ladder",
    "check_roles",
    "grow",
    "grow_on_cluster",
    "grow_problem",
    "grow_tree",
    "join_shards",
    "lacks_tests",
    "tree_id",
]
