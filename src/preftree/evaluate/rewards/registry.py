"""The benchmarks of reward models by name. A new one is a module beside this and a line here."""

from __future__ import annotations

from preftree.errors import InputError, nearest
from preftree.evaluate.items import locate
from preftree.evaluate.rewards.autoj import AUTOJ
from preftree.evaluate.rewards.items import Read, RewardBenchmark
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


def find_reward_benchmark(name: str) -> RewardBenchmark:
    if name not in REWARD_BENCHMARKS:
        raise InputError(f'no benchmark of reward models is named "{name}"{nearest(name, REWARD_BENCHMARKS)}')
    return REWARD_BENCHMARKS[name]


def read_reward_benchmark(benchmark: RewardBenchmark, data: str | None) -> Read:
    """Its rows: of a file, of a folder of data sets, or of the hub."""
    return benchmark.read(locate(benchmark.name, benchmark.published, data), benchmark.published)
