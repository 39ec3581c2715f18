"""What the tests of the code benchmarks share: items of made rows and of real ones, and grades from one engine."""

import asyncio
import functools
import json
from pathlib import Path

from preftree.environment import EnvironmentSettings, Limits
from preftree.evaluate.bench import open_bench
from preftree.evaluate.benchmark import Form
from preftree.evaluate.converse import grade_given
from preftree.evaluate.items import read_from
from preftree.evaluate.registry import BENCHMARKS

APRIL, SEPTEMBER, STANDARD = Form("eurus-2024-04"), Form("eurus-2024-09"), Form("standard")

# One row of each set in its published form, all made up.
ROWS = {
    "humaneval": {
        "task_id": "HumanEval/0",
        "prompt": (
            "from typing import List\n\n\ndef double(xs: List[int]) -> List[int]:\n    return [2 * x for x in xs]\n\n\n"
            'def halve(xs: List[int]) -> List[int]:\n    """ Undo double.\n    >>> halve([2])\n    [1]\n    """\n'
        ),
        "entry_point": "halve",
        "canonical_solution": "    return [x // 2 for x in xs]\n",
        "test": (
            "def check(candidate):\n    assert candidate([2, 4]) == [1, 2]\n    assert candidate(double([7])) == [7]\n"
        ),
    },
    "mbpp": {
        "source_file": "made up",
        "task_id": 11,
        "prompt": "Write a function to find the larger number. https://www.example.org/larger",
        "code": "def find_larger(a,b): \n  return a if a > b else b",
        "test_imports": [],
        "test_list": ["assert find_larger(1, 2) == 2", "assert find_larger(5, 3) == 5"],
    },
    "mbpp_full": {
        "text": "Write a function to find the larger number.",
        "code": "def find_larger(a,b): \r\n  return a if a > b else b",
        "task_id": 11,
        "test_setup_code": "",
        "test_list": [
            "assert find_larger(1, 2) == 2",
            "assert find_larger(5, 3) == 5",
            "assert find_larger(0, 0) == 0",
        ],
        "challenge_test_list": [],
    },
    "leetcode": {
        "task_id": "made-up",
        "meta": {"difficulty": "Medium"},
        "prompt_sft": (
            "Sum the numbers.\n\nPlease complete the code below to solve above prblem:\n```python\n"
            "class Solution:\n    def total(self, nums: List[int]) -> int:\n        \n```"
        ),
        "test": (
            'my_solution = Solution()\n\ntest_input = { "nums": [1,2] }\nassert my_solution.total(**test_input) == 3\n'
            'test_input = { "nums": [] }\nassert my_solution.total(**test_input) == 0\n'
        ),
    },
}
FILES = {
    "humaneval": "HumanEval.jsonl",
    "mbpp": "new_mbpp.json",
    "mbpp_full": "mbpp.jsonl",
    "leetcode": "20240121-Jul.jsonl",
}


def read_rows(name, rows, folder):
    file = Path(folder) / FILES[name]
    file.write_text(json.dumps(rows) if name == "mbpp" else "".join(json.dumps(row) + "\n" for row in rows))
    benchmark = BENCHMARKS[name]
    return benchmark.read(str(file), benchmark.published)


def item_of(name, folder, **changes):
    """The item of the made row, with these fields changed."""
    (item,) = read_rows(name, [ROWS[name] | changes], folder).items
    return item


@functools.cache  # LeetCode's tests are megabytes to read
def real_items(name, data_dir):
    return read_from(BENCHMARKS[name], str(data_dir)).items


class World:
    """One engine for all the grades of a module."""

    def __init__(self, folder, cpu_s=1.0):
        self.loop = asyncio.new_event_loop()
        settings = EnvironmentSettings(workers=2, preload=("numpy",), limits=Limits(cpu_s=cpu_s))
        self.opened = open_bench(folder, environment=settings)
        self.bench = self.loop.run_until_complete(self.opened.__aenter__())

    def verdicts(self, name, asked):
        """The verdicts of triples of item, form and response, in their order."""

        async def work():
            room = asyncio.Semaphore(16)

            async def one(item, form, text):
                async with room:
                    return await grade_given(BENCHMARKS[name], self.bench, item, form, (text,))

            return await asyncio.gather(*(one(*each) for each in asked))

        return [grade.verdict for grade in self.loop.run_until_complete(work())]

    def outcome(self, name, item, form, response):
        (verdict,) = self.verdicts(name, [(item, form, response)])
        return verdict.outcome

    def close(self):
        self.loop.run_until_complete(self.opened.__aexit__(None, None, None))
        self.loop.close()
