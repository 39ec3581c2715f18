"""The benchmarks of reward models by name. A new one is a module beside this and a line here."""

from __future__ import annotations

from preftree.errors import InputError, nearest
from preftree.evaluate.rewards.autoj import AUTOJ
from preftree.evaluate.rewards.items import RewardBenchmark
from preftree.evaluate.rewards.mt_human import MT_BENCH_HUMAN
from preftree.evaluate.rewards.rewardbench import REWARDBENCH

REWARD_BENCHMARKS: dict[str, RewardBenchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        REWARDBENCH,
        AUTOJ,
        MT_BENCH_HUMAN,
    )
}
"""Reward benchmarks by name."""


def find_reward_benchmark(name: str) -> RewardBenchmark:
    if name not in REWARD_BENCHMARKS:
        raise InputError(f'no benchmark of reward models is named "{name}"{nearest(name, REWARD_BENCHMARKS)}')
    return REWARD_BENCHMARKS[name]
