"""The benchmarks by name. A new one is a module in `benchmarks/` and a line here."""

from __future__ import annotations

from preftree.errors import InputError
from preftree.evaluate.benchmark import PROTOCOL_NAMES, Benchmark
from preftree.evaluate.benchmarks.bbh import BBH
from preftree.evaluate.benchmarks.gsm8k import GSM8K
from preftree.evaluate.benchmarks.humaneval import HUMANEVAL
from preftree.evaluate.benchmarks.ifeval import IFEVAL
from preftree.evaluate.benchmarks.leetcode import LEETCODE
from preftree.evaluate.benchmarks.mbpp import MBPP, MBPP_FULL
from preftree.evaluate.benchmarks.mmlu import MMLU

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        HUMANEVAL,
        MBPP,
        MBPP_FULL,
        LEETCODE,
        GSM8K,
        BBH,
        IFEVAL,
        MMLU,
    )
}  # fmt: skip


def find_benchmark(name: str) -> Benchmark:
    if name not in BENCHMARKS:
        raise InputError(f'no benchmark is named "{name}"; there are {", ".join(BENCHMARKS)}')
    return BENCHMARKS[name]


def find_protocol(name: str) -> str:
    """A protocol's own name ("eurus" is the one of the paper's table 3)."""
    if name not in PROTOCOL_NAMES:
        raise InputError(f'protocol: expected one of {", ".join(PROTOCOL_NAMES)}, got "{name}"')
    return PROTOCOL_NAMES[name]
