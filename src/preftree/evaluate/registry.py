"""The benchmarks by name. A new one is a module in `benchmarks/` and a line here."""

from __future__ import annotations

from preftree.errors import InputError, nearest
from preftree.evaluate.benchmark import PROTOCOL_NAMES, Benchmark, Form
from preftree.evaluate.benchmarks.asdiv import ASDIV
from preftree.evaluate.benchmarks.bbh import BBH
from preftree.evaluate.benchmarks.gsm8k import GSM8K
from preftree.evaluate.benchmarks.gsm_plus import GSM_PLUS
from preftree.evaluate.benchmarks.humaneval import HUMANEVAL
from preftree.evaluate.benchmarks.ifeval import IFEVAL
from preftree.evaluate.benchmarks.leetcode import LEETCODE
from preftree.evaluate.benchmarks.math import MATH
from preftree.evaluate.benchmarks.math500 import MATH500
from preftree.evaluate.benchmarks.mbpp import MBPP, MBPP_FULL
from preftree.evaluate.benchmarks.mint import MINT
from preftree.evaluate.benchmarks.mmlu import MMLU
from preftree.evaluate.benchmarks.mt_bench import MT_BENCH
from preftree.evaluate.benchmarks.svamp import SVAMP
from preftree.evaluate.benchmarks.theoremqa import THEOREMQA
from preftree.evaluate.rewards import REWARD_BENCHMARKS

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        HUMANEVAL,
        MBPP,
        MBPP_FULL,
        LEETCODE,
        GSM8K,
        GSM_PLUS,
        MATH,
        MATH500,
        THEOREMQA,
        SVAMP,
        ASDIV,
        BBH,
        IFEVAL,
        MMLU,
        MINT,
        MT_BENCH,
    )
}


def find_benchmark(name: str) -> Benchmark:
    """The benchmark of this name, under the settings after its colon, if it has any ("mint:k=3")."""
    base, colon, settings = name.partition(":")
    if base in REWARD_BENCHMARKS:
        raise InputError(
            f"{base}: measures reward models; run preftree rewards benchmarks=[{base}] scorers.NAME.model=…"
        )
    if base not in BENCHMARKS:
        raise InputError(f'no benchmark is named "{base}"{nearest(base, BENCHMARKS)}')
    found = BENCHMARKS[base]
    if not colon:
        return found
    if found.variant is None:
        raise InputError(f'{base}: has no settings of its own, got "{settings}"')
    return found.variant(settings)


def find_protocol(name: str) -> str:
    """A protocol's own name ("eurus" is the one of the paper's table 3)."""
    if name not in PROTOCOL_NAMES:
        raise InputError(f'protocol: expected one of {", ".join(PROTOCOL_NAMES)}, got "{name}"')
    return PROTOCOL_NAMES[name]


def find_form(benchmark: Benchmark, protocol: str, mode: str) -> Form:
    """The form of these names; no mode is the benchmark's first."""
    if mode and mode not in benchmark.modes:
        raise InputError(f'mode: {benchmark.name} has {", ".join(benchmark.modes)}, got "{mode}"')
    return Form(find_protocol(protocol), mode or benchmark.modes[0])
