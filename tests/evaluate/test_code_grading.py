"""HumanEval, MBPP and LeetCode graded in the jail: references, forgeries, and what the rules of each protocol do."""

import random

import pytest
from code_bench import APRIL, ROWS, SEPTEMBER, STANDARD, World, item_of, real_items

from preftree.evaluate.registry import BENCHMARKS

FORMS = {"april": APRIL, "september": SEPTEMBER, "standard": STANDARD}
PROMPT = ROWS["humaneval"]["prompt"]
SOLUTIONS = {
    "humaneval": "def halve(xs):\n    return [x // 2 for x in xs]\n",
    "mbpp": "def find_larger(a, b):\n    return max(a, b)\n",
    "mbpp_full": "def find_larger(a, b):\n    return max(a, b)\n",
    "leetcode": "class Solution:\n    def total(self, nums: List[int]) -> int:\n        return sum(nums)\n",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("forest"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


def fenced(code):
    return f"Here it is:\n```python\n{code}```\nIt works."


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SOLUTIONS)
@pytest.mark.parametrize("dressed", [fenced, str], ids=["fenced", "bare"])
def test_a_solution_passes(world, folder, name, form, dressed):
    assert world.outcome(name, item_of(name, folder), FORMS[form], dressed(SOLUTIONS[name])) == "correct"


@pytest.mark.parametrize("name", [name for name in SOLUTIONS if name != "leetcode"])
@pytest.mark.parametrize("form", FORMS)
def test_the_reference_as_a_response_passes(world, folder, name, form):
    item = item_of(name, folder)
    assert world.outcome(name, item, FORMS[form], BENCHMARKS[name].reference(item, FORMS[form])) == "correct"


# What goes on from the prefill arrives with it.
@pytest.mark.parametrize(
    ("name", "form", "text"),
    [
        ("humaneval", "april", "    return [x // 2 for x in xs]\n```\nDone. ```python\nno code\n```"),
        ("humaneval", "september", " halve(xs):\n    return [x // 2 for x in xs]\n```\nDone. ```python\nno code\n```"),
        ("humaneval", "standard", "def halve(xs):\n    return [x // 2 for x in xs]"),
        ("mbpp", "september", " find_larger(a, b):\n    return max(a, b)"),
        ("mbpp", "september", " find_larger(a, b):\n    default = max(a, b)\n    return default\n```"),
        ("mbpp", "standard", SOLUTIONS["mbpp"]),
        ("mbpp_full", "standard", SOLUTIONS["mbpp"] + "```"),
        ("leetcode", "april", SOLUTIONS["leetcode"] + "```\nIts use:\n```python\nSolution()\n```"),
        ("leetcode", "september", "\n" + SOLUTIONS["leetcode"] + "```"),
    ],
)
def test_what_goes_on_from_the_prefill_passes(world, folder, name, form, text):
    item = item_of(name, folder)
    prefill = BENCHMARKS[name].ask(item, FORMS[form]).sampling.prefill
    assert prefill
    assert world.outcome(name, item, FORMS[form], prefill + text) == "correct"


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        pytest.param("    return [x // 2 for x in xs]\n", "correct", id="body"),
        pytest.param("```python\n    return [x // 2 for x in xs]\n```", "correct", id="body-in-a-fence"),
        pytest.param("    return [x // 2 for x in xs]\n```\nThat is all.", "correct", id="body-to-the-fence"),
        pytest.param("return [x // 2 for x in xs]\n", "wrong", id="body-without-its-indent"),
        pytest.param(PROMPT + "    return [x // 2 for x in xs]\n", "correct", id="prompt-repeated"),
        pytest.param("def halve(xs: List[int]):\n    return [x // 2 for x in xs]\n", "correct", id="prompts-imports"),
        pytest.param(
            "    return [x // 2 for x in xs]\n\ndef double(xs):\n    return xs\n", "correct", id="tests-use-the-prompts"
        ),
        pytest.param("    return [x // 3 for x in xs]\n", "wrong", id="wrong-constant"),
        pytest.param("    return None\n", "wrong", id="none"),
        pytest.param("", "wrong", id="empty"),
        pytest.param("    while True: pass\n", "wrong", id="endless"),
        pytest.param("    return [x // 2 for x in xs]\n\nassert False\n", "wrong", id="fails-at-its-end"),
        pytest.param(
            "    return [x // 2 for x in xs]\n\nif __name__ == '__main__':\n    assert False\n", "correct", id="main"
        ),
        pytest.param("    print('x')\n    return [x // 2 for x in xs]\nprint('y')\n", "correct", id="prints"),
        pytest.param("    return [x // 2 for x in xs\n", "wrong", id="syntax"),
    ],
)
def test_humaneval_tests_the_prompt_with_the_answer_after_it(world, folder, response, outcome):
    item = item_of("humaneval", folder)
    forms = [APRIL, SEPTEMBER, STANDARD]
    verdicts = world.verdicts("humaneval", [(item, form, response) for form in forms])
    assert [verdict.outcome for verdict in verdicts] == [outcome] * 3, verdicts


# FACTS section 3, "MBPP: unindented lines that do not start with `def` are dropped, imports included".
@pytest.mark.parametrize(
    ("code", "eurus", "standard"),
    [
        pytest.param(
            "import math\ndef find_larger(a, b):\n    return math.floor(max(a, b))\n", "wrong", "correct", id="import"
        ),
        pytest.param(
            "def find_larger(a, b):\n    import math\n    return math.floor(max(a, b))\n",
            "correct",
            "correct",
            id="import-within",
        ),
        pytest.param(
            "ZERO = 0\ndef find_larger(a, b):\n    return max(a, b) + ZERO\n", "wrong", "correct", id="constant"
        ),
        pytest.param(
            "def find_larger(a, b):\n    return max(a, b)\nassert False\n",
            "correct",
            "wrong",
            id="failing-line-dropped",
        ),
        pytest.param(
            "def find_larger(a, b):\n    return max(a, b)\n\nSo it is.\n", "correct", "wrong", id="words-dropped"
        ),
        pytest.param(
            "def no(f):\n    return 1\n@no\ndef find_larger(a, b):\n    return max(a, b)\n",
            "correct",
            "wrong",
            id="decorator-dropped",
        ),
        pytest.param(
            "class Pair:\n    def find_larger(self):\n        pass\ndef find_larger(a, b):\n    return max(a, b)\n",
            "wrong",
            "correct",
            id="class-line-dropped",
        ),
        pytest.param(
            "def find_larger(\n    a, b,\n):\n    return max(a, b)\n", "wrong", "correct", id="closing-bracket-dropped"
        ),
        pytest.param(
            "def find_larger(a, b):\n    return max(a, b) if re.match('x', 'x') else None\n",
            "correct",
            "wrong",
            id="modules-of-the-script",
        ),
        pytest.param(
            "def find_larger(a: 'int', b: Unknown):\n    return max(a, b)\n", "wrong", "wrong", id="unknown-annotation"
        ),
    ],
)
def test_mbpp_lines_that_are_dropped(world, folder, code, eurus, standard):
    item = item_of("mbpp", folder)
    asked = [(item, form, f"```python\n{code}```") for form in (APRIL, SEPTEMBER, STANDARD)]
    verdicts = world.verdicts("mbpp", asked)
    assert [verdict.outcome for verdict in verdicts] == [eurus, eurus, standard], verdicts


def test_mbpp_imports_of_a_row_are_given_to_its_test_by_the_standard_alone(world, folder):
    tests = ["assert math.isclose(find_larger(1, 2), 2)"]
    item = item_of("mbpp", folder, test_imports=["import math"], test_list=tests)
    verdicts = world.verdicts("mbpp", [(item, FORMS[form], fenced(SOLUTIONS["mbpp"])) for form in FORMS])
    assert [verdict.outcome for verdict in verdicts] == ["wrong", "wrong", "correct"], verdicts


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        pytest.param("return sum(nums)", "correct", id="right"),
        pytest.param("return sum(nums) + 1", "wrong", id="wrong"),
        pytest.param("return reduce(lambda a, b: a + b, nums, 0)", "correct", id="names-of-functools"),
        pytest.param("return sum(k * n for k, n in Counter(nums).items())", "correct", id="names-of-collections"),
        pytest.param("return int(np.sum(np.array(nums)))", "correct", id="numpy"),
        pytest.param("heapq.heapify(nums)\n        return math.floor(sum(nums))", "correct", id="modules"),
        pytest.param("return torch.sum(nums)", "wrong", id="a-module-that-is-not-given"),
    ],
)
def test_leetcode_gives_its_modules(world, folder, body, outcome):
    code = f"class Solution:\n    def total(self, nums: List[int]) -> int:\n        {body}\n"
    item = item_of("leetcode", folder)
    verdicts = world.verdicts("leetcode", [(item, FORMS[form], fenced(code)) for form in FORMS])
    assert [verdict.outcome for verdict in verdicts] == [outcome] * 3, verdicts


def test_leetcode_takes_the_body_alone(world, folder):
    assert world.outcome("leetcode", item_of("leetcode", folder), STANDARD, "        return sum(nums)\n") == "correct"


PUSHES = """class Solution:
    def minimumPushes(self, word: str) -> int:
        return sum(1 + at // {keys} for at in range(len(word)))
"""


@pytest.mark.parametrize(("keys", "outcome"), [(8, "correct"), (9, "wrong")])
def test_leetcode_by_a_solution_of_our_own(world, data_dir, keys, outcome):
    item = real_items("leetcode", data_dir)[0]
    assert item.id.endswith("minimum-number-of-pushes-to-type-word-i")
    verdicts = world.verdicts("leetcode", [(item, FORMS[form], fenced(PUSHES.format(keys=keys))) for form in FORMS])
    assert [verdict.outcome for verdict in verdicts] == [outcome] * 3, verdicts


# Verdicts that a program forges, or would if judge and program shared a process.
FORGERIES = {
    "exits": "import os\nos._exit(0)\n",
    "exits in the middle": "{head}\n{indent}    __import__('os')._exit(0)\n",
    "leaves by SystemExit": "{head}\n{indent}    raise SystemExit(0)\n",
    "equals everything": (
        "class Yes:\n    __eq__ = __ne__ = __lt__ = __gt__ = __bool__ = lambda self, *other: True\n"
        "    __hash__ = lambda self: 0\n{head}\n{indent}    return Yes()\n"
    ),
    "a list that equals everything": (
        "class Yes(list):\n    __eq__ = lambda self, other: True\n{head}\n{indent}    return Yes()\n"
    ),
    "another assertion": (
        "{head}\n{indent}    import builtins\n{indent}    builtins.AssertionError = type('A', (Exception,), {})\n"
        "{indent}    return None\n"
    ),
    "patches assertions": (
        "import builtins\nclass Never(BaseException):\n    def __new__(cls, *a): return cls\n"
        "builtins.AssertionError = Never\n{head}\n{indent}    return 'wrong'\n"
    ),
    "defines check": "def check(*a): pass\n{head}\n{indent}    return 'wrong'\n",
    "prints a verdict": "{head}\n{indent}    print('passed', flush=True)\n{indent}    return 'wrong'\n",
    "stops the clock": "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n{head}\n{indent}    return 0.5\n",
}
HEADS = {
    "humaneval": ("def halve(*a):", ""),
    "mbpp": ("def find_larger(*a):", ""),
    "leetcode": ("class Solution:\n    def total(self, *a, **k):", "    "),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_verdict_is_wrong(world, folder, forgery):
    for name, (head, indent) in HEADS.items():
        text = FORGERIES[forgery].replace("{head}", head).replace("{indent}", indent)
        asked = [(item_of(name, folder), form, f"```python\n{text}```") for form in (SEPTEMBER, STANDARD)]
        assert [verdict.outcome for verdict in world.verdicts(name, asked)] == ["wrong", "wrong"], name


def spoilt(item):
    """The reference, and after it a function of its name that returns None."""
    program = item.problem.references[0].program
    names = item.problem.tests.names
    return program + "".join(f"\n\ndef {name}(*a, **k):\n    return None\n" for name in names)


@pytest.mark.parametrize("name", ["humaneval", "mbpp", "mbpp_full"])
def test_spoilt_references_fail(world, data_dir, name):
    """That they pass as they are is `test_gold.py`'s."""
    items = random.Random(name).sample(real_items(name, data_dir), 8)
    asked = [(item, form, f"```python\n{spoilt(item)}```") for form in (SEPTEMBER, STANDARD) for item in items]
    verdicts = world.verdicts(name, asked)
    assert [verdict.outcome for verdict in verdicts] == ["wrong"] * len(asked), verdicts
