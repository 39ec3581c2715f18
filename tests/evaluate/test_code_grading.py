"""HumanEval, MBPP and LeetCode graded in the jail: references, forgeries, and what the rules of each protocol do."""

import random

import pytest
from code_bench import APRIL, ROWS, SEPTEMBER, STANDARD, World, item_of, real_items

from preftree.evaluate.benchmark import PROTOCOLS, Form
from preftree.evaluate.registry import BENCHMARKS

FORMS = {"april": APRIL, "september": SEPTEMBER, "standard": STANDARD}
PROMPT = ROWS["humaneval"]["prompt"]
SOLUTIONS = {
    "humaneval": "def halve(xs):\n    return [x // 2 for x in xs]\n",
    "mbpp": "def find_larger(a, b):\n    return max(a, b)\n",
    "mbpp_full": "def find_larger(a, b):\n    return max(a, b)\n",
    "leetcode": "class Solution:\n    def total(self, nums: List[int]) -> int:\n        return sum(nums)\n",
}
# References that fail in the Eurus protocols, which drop an answer's imports and assignments and give the tests none.
# (Those of `re`, `sys`, `os` and `json` pass: the script has these itself.)
_IMPORT = "its import of {} is dropped"
_OF_TEST = "its test uses math, and the row's imports are not given"
FAILING_GOLDS = {
    "mbpp": {
        "3": "math", "4": "heapq", "61": "collections", "87": "collections", "88": "collections", "108": "heapq",
        "130": "collections", "164": "math", "232": "heapq", "237": "collections", "244": "math", "252": "cmath",
        "299": "collections", "475": "collections", "585": "heapq", "590": "cmath", "635": "heapq", "723": "operator",
        "731": "math", "736": "bisect", "739": "math", "742": "math", "765": "math", "771": "collections",
        "778": "itertools", "780": "itertools", "786": "bisect",
    },
    "mbpp_full": {
        "13": "collections", "39": "collections", "61": "collections", "82": "math", "87": "collections",
        "88": "collections", "108": "heapq", "124": "cmath", "130": "collections", "157": "itertools", "163": "math",
        "164": "math", "180": "math", "198": "math", "209": "heapq", "214": "math", "218": "math", "232": "heapq",
        "237": "collections", "244": "math", "252": "cmath", "299": "collections", "307": "copy", "312": "math",
        "326": "collections", "372": "heapq", "408": "heapq", "475": "collections", "488": "math", "491": "math",
        "493": "math", "497": "math",
    },
}  # fmt: skip
FAILING_GOLDS = {name: {at: _IMPORT.format(why) for at, why in rows.items()} for name, rows in FAILING_GOLDS.items()}
FAILING_GOLDS["mbpp"] |= dict.fromkeys(("82", "98", "124", "139", "276", "300", "312"), _OF_TEST)
FAILING_GOLDS["mbpp"] |= dict.fromkeys(("396", "737"), "its constant `regex` is dropped")
FAILING_GOLDS["mbpp_full"] |= {"122": "its constant MAX is dropped", "396": "its constant `regex` is dropped"}


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
def test_some_references_pass_and_spoilt_ones_fail(world, data_dir, name):
    benchmark = BENCHMARKS[name]
    items = random.Random(name).sample(real_items(name, data_dir), 8)
    for form in (SEPTEMBER, STANDARD):
        known = FAILING_GOLDS.get(name, {}) if form is SEPTEMBER else {}
        golds = world.verdicts(name, [(item, form, benchmark.reference(item, form)) for item in items])
        assert [gold.correct for gold in golds] == [item.id not in known for item in items], golds
        worse = world.verdicts(name, [(item, form, f"```python\n{spoilt(item)}```") for item in items])
        assert [verdict.outcome for verdict in worse] == ["wrong"] * len(items), worse


@pytest.mark.slow
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["humaneval", "mbpp", "mbpp_full"])
def test_all_references_pass_but_those_listed(world, data_dir, name, protocol):
    benchmark, form = BENCHMARKS[name], Form(protocol)
    items = real_items(name, data_dir)
    golds = world.verdicts(name, [(item, form, benchmark.reference(item, form)) for item in items])
    known = {} if protocol == "standard" else FAILING_GOLDS.get(name, {})
    failed = {item.id: gold for item, gold in zip(items, golds, strict=True) if not gold.correct}
    assert failed.keys() == known.keys(), {at: gold for at, gold in failed.items() if at not in known}
    assert all(gold.outcome == "wrong" and "NameError" in gold.why for gold in failed.values())
