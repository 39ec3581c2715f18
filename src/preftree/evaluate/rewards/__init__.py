"""Reward models measured: RewardBench, Auto-J's pairs, MT-Bench's human judgments.

In:  pairs of answers that people compared; a reward model, a policy with its reference, or a prompted judge.
Out: agreement with people, each figure with a 95% interval and its number of rows; every reward beside it.
Always true: all answers to one prompt are scored in one pass over a trie; a killed scoring goes on where it was.
"""

from preftree.evaluate.rewards.items import FigureSettings
from preftree.evaluate.rewards.judge import JudgeSettings
from preftree.evaluate.rewards.registry import REWARD_BENCHMARKS
from preftree.evaluate.rewards.run import RewardRun, gold_rewards, score_rewards
from preftree.evaluate.rewards.scorers import ScorerSettings, score_groups

__all__ = [
    "REWARD_BENCHMARKS",
    "FigureSettings",
    "JudgeSettings",
    "RewardRun",
    "ScorerSettings",
    "gold_rewards",
    "score_groups",
    "score_rewards",
]
