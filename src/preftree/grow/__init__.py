"""Growing: the policy that makes one preference tree of one problem, and the run over many.

In:  problems, actors by role, settings. Out: a forest.
Always true: the same seed, answers and observations give the same trees, at any concurrency and after any crash.
"""

from preftree.grow.policy import grow_problem, grow_tree
from preftree.grow.run import GrowReport, grow
from preftree.grow.select import PassedOver
from preftree.grow.settings import Actors, GrowSettings, check_roles

__all__ = ["Actors", "GrowReport", "GrowSettings", "PassedOver", "check_roles", "grow", "grow_problem", "grow_tree"]
