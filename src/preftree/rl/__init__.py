"""Ways out to reinforcement learning: the verifiers and the jail as the rewards of other people's trainers.

In:  problems; what a model answered. Out: rewards.
`taskset` is an environment of the package `verifiers`: imported by its name alone, since it needs that package.
Always true: a reward is a verdict: 1 for correct, 0 for wrong, none where the judge or the jail failed.
"""

from preftree.rl.grpo import VerifiedReward
from preftree.rl.referee import Referee

__all__ = ["Referee", "VerifiedReward"]
