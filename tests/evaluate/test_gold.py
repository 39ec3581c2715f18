"""Every benchmark's references, given as responses, are correct; given to other items, only as often as chance allows.

A new benchmark joins by its line in the registry. What can't pass is listed in gold_exceptions.py, one by one, and must
go on failing: a list that has grown too long is an error too. `make test` takes a seeded slice of each; `slow` all.
"""

import asyncio
import math
import random
from collections import Counter

import pytest
from gold_exceptions import EXCEPTIONS, LISTED_AMONG, explained

from preftree.errors import InputError
from preftree.evaluate.bench import open_bench
from preftree.evaluate.benchmark import PROTOCOLS, Form
from preftree.evaluate.items import locate, read_from
from preftree.evaluate.predictions import Prediction
from preftree.evaluate.registry import BENCHMARKS
from preftree.evaluate.scoring import Grading, grade_all

SLICE, SLICE_OF_CODE = 24, 8
CODE = {"humaneval", "mbpp", "mbpp_full", "leetcode"}
# Rules that take numbers within this share of the reference, and a reference within a text: MINT's and TheoremQA's.
CLOSE = {"mint": 0.05, "theoremqa": 0.04}
MARGIN = 0.03


def _forms(benchmark):
    return [Form(protocol, mode) for protocol in PROTOCOLS for mode in benchmark.modes]


def _items(name, data_dir):
    benchmark = BENCHMARKS[name]
    try:
        locate(name, benchmark.published, str(data_dir))
    except InputError as missing:
        pytest.skip(str(missing))
    return read_from(benchmark, str(data_dir)).items


def _slice(name, items):
    size = SLICE_OF_CODE if name in CODE else SLICE
    return items if len(items) <= size else random.Random(name).sample(items, size)


def _references(benchmark, form, items):
    """The items that have a reference as a response, with it."""
    found = [(item, benchmark.reference(item, form)) for item in items]
    return [(item, text) for item, text in found if text is not None]


def _graded(benchmark, given, folder):
    """For each form the outcomes of its pairs of item and response, all in one engine."""

    async def work():
        async with open_bench(folder) as bench:
            found = {}
            for form, pairs in given.items():
                tasks = [Grading(item, 0, Prediction("", item.id, 0, (text,))) for item, text in pairs]
                results = await grade_all(bench, benchmark, form, tasks, "gold")
                found[form] = [result.outcomes[-1] for result in results]
            return found

    return asyncio.run(work())


def _listed(name, form):
    """The ids of the listed exceptions in a form."""
    return {
        item
        for (benchmark, protocol, mode, item) in EXCEPTIONS
        if benchmark == name and protocol in ("", form.protocol) and mode in ("", form.mode)
    }


def _gold(name, items, folder, rows):
    """`rows`: how many the data has, of which `items` may be a slice."""
    benchmark = BENCHMARKS[name]
    given = {form: pairs for form in _forms(benchmark) if (pairs := _references(benchmark, form, items))}
    if not given:
        pytest.skip(f"{name}: no references that can be responses")
    for form, outcomes in _graded(benchmark, given, folder).items():
        where = f"{name}, {form.protocol}, {form.mode}"
        failed = {
            item.id: (item, outcome)
            for (item, _), outcome in zip(given[form], outcomes, strict=True)
            if outcome != "correct"
        }
        listed = _listed(name, form) & {item.id for item, _ in given[form]}
        new = {key: outcome for key, (item, outcome) in failed.items() if key not in listed}
        if rows != LISTED_AMONG.get(name):
            new = {key: outcome for key, outcome in new.items() if not explained(name, form, failed[key][0])}
        assert not new, f"{where}: {len(new)} of {len(outcomes)}: {new}"
        assert not listed - set(failed), f"{where}: listed, yet correct: {listed - set(failed)}"


def _shuffled(name, items, folder):
    benchmark = BENCHMARKS[name]
    given, allowed = {}, {}
    for form in _forms(benchmark):
        pairs = _references(benchmark, form, items)
        if len(pairs) < 2:
            continue
        order = list(pairs)
        random.Random(f"shuffle {name}").shuffle(order)
        # Each item gets the reference of the next one in a random ring, so none its own.
        given[form] = [(item, text) for (item, _), (_, text) in zip(order, order[1:] + order[:1], strict=True)]
        allowed[form] = chance(name, pairs)
    if not given:
        pytest.skip(f"{name}: no references that can be responses")
    for form, outcomes in _graded(benchmark, given, folder).items():
        n, bound = len(outcomes), allowed[form]
        score = outcomes.count("correct") / n
        most = bound + 3 * math.sqrt(bound * (1 - bound) / n) + max(MARGIN, 1.5 / n)
        assert score <= most, f"{name}, {form.protocol}, {form.mode}: {score:.3f}, by chance {bound:.3f} of {n}"


def chance(name, pairs):
    """How often another item's reference is this one's too: by the answers' texts (of code: the programs'), and, where
    the rule says so (FACTS section 3), by numbers that are close or by one text within the other."""
    answers = [[reference.answer or text for reference in item.problem.references] for item, text in pairs]
    if name in CLOSE:
        same = sum(
            any(_close(mine, other, CLOSE[name]) for mine in own for other in others)
            for at, own in enumerate(answers)
            for on, others in enumerate(answers)
            if on != at
        )
    else:
        counts = Counter(text for own in answers for text in set(own))
        same = sum(max(counts[text] - 1 for text in own) for own in answers)
    return same / (len(pairs) * (len(pairs) - 1))


def _close(reference, other, share):
    try:
        return abs(float(other) - float(reference)) <= share * abs(float(reference))
    except ValueError:
        return reference.strip().lower() in other.lower()


@pytest.mark.parametrize("name", BENCHMARKS)
def test_references_are_correct(name, data_dir, tmp_path):
    items = _items(name, data_dir)
    _gold(name, _slice(name, items), tmp_path, len(items))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_references_of_others_are_not(name, data_dir, tmp_path):
    _shuffled(name, _slice(name, _items(name, data_dir)), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", BENCHMARKS)
def test_all_references_are_correct(name, data_dir, tmp_path):
    items = _items(name, data_dir)
    _gold(name, items, tmp_path, len(items))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", BENCHMARKS)
def test_all_references_of_others_are_not(name, data_dir, tmp_path):
    _shuffled(name, _items(name, data_dir), tmp_path)


@pytest.mark.parametrize("name", LISTED_AMONG)
def test_exceptions_are_rows_and_explained(name, data_dir):
    """No exception outlives its row, and each has the reason that is written beside it."""
    if name not in BENCHMARKS:
        pytest.skip(f"{name} is not in the registry")
    items = {item.id: item for item in _items(name, data_dir)}
    if len(items) != LISTED_AMONG[name]:
        pytest.skip(f"{name}: other rows than those that were listed")
    for benchmark, protocol, _, identity in EXCEPTIONS:
        if benchmark == name:
            assert explained(name, Form(protocol), items[identity]), identity
