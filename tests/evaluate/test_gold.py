"""Every benchmark's references, given as responses, are correct; given to other items, only as often as chance allows.

A new benchmark joins by its line in the registry. What can't pass is listed in `EXCEPTIONS`, one by one, and must go on
failing: a list that has grown too long is an error too. `make test` takes a seeded slice of each; `slow` takes all.
"""

import asyncio
import math
import random

import pytest

from preftree.errors import InputError
from preftree.evaluate.benchmark import PROTOCOLS, Form
from preftree.evaluate.items import locate
from preftree.evaluate.predictions import Prediction
from preftree.evaluate.registry import BENCHMARKS
from preftree.evaluate.scoring import Grading, grade_all, open_bench

# (benchmark, protocols, modes, id): why its reference is not correct. "" stands for all.
EXCEPTIONS: dict[tuple[str, str, str, str], str] = {}
SLICE, SLICE_OF_CODE = 24, 8
CODE = {"humaneval", "mbpp", "mbpp_full", "leetcode"}
MARGIN = 0.03


def _forms(benchmark):
    return [Form(protocol, mode) for protocol in PROTOCOLS for mode in benchmark.modes]


def _items(name, data_dir):
    benchmark = BENCHMARKS[name]
    try:
        place = locate(name, benchmark.published, str(data_dir))
    except InputError as missing:
        pytest.skip(str(missing))
    return benchmark.read(place, benchmark.published).items


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


def _expected(name, form):
    """The ids of the listed exceptions in a form."""
    return {
        item
        for (benchmark, protocol, mode, item) in EXCEPTIONS
        if benchmark == name and protocol in ("", form.protocol) and mode in ("", form.mode)
    }


def _gold(name, items, folder):
    benchmark = BENCHMARKS[name]
    given = {form: pairs for form in _forms(benchmark) if (pairs := _references(benchmark, form, items))}
    if not given:
        pytest.skip(f"{name}: no references that can be responses")
    for form, outcomes in _graded(benchmark, given, folder).items():
        asked = {item.id for item, _ in given[form]}
        failed = {
            item.id: outcome for (item, _), outcome in zip(given[form], outcomes, strict=True) if outcome != "correct"
        }
        expected = _expected(name, form) & asked
        unlisted = {item: outcome for item, outcome in failed.items() if item not in expected}
        assert not unlisted, f"{name}, {form.protocol}, {form.mode}: {len(unlisted)} of {len(asked)}: {unlisted}"
        assert not expected - set(failed), f"{name}, {form.protocol}, {form.mode}: listed, yet correct"


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
        allowed[form] = chance(benchmark, pairs)
    if not given:
        pytest.skip(f"{name}: no references that can be responses")
    for form, outcomes in _graded(benchmark, given, folder).items():
        n, bound = len(outcomes), allowed[form]
        score = outcomes.count("correct") / n
        most = bound + 3 * math.sqrt(bound * (1 - bound) / n) + max(MARGIN, 1.5 / n)
        assert score <= most, f"{name}, {form.protocol}, {form.mode}: {score:.3f}, by chance {bound:.3f} of {n}"


def chance(benchmark, pairs):
    """How often another item's reference is this one's too, by the answers' texts (of code: the programs')."""
    answers = [[reference.answer or text for reference in item.problem.references] for item, text in pairs]
    same = sum(
        bool(set(mine) & set(other)) for at, mine in enumerate(answers) for on, other in enumerate(answers) if on != at
    )
    return same / (len(pairs) * (len(pairs) - 1))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_references_are_correct(name, data_dir, tmp_path):
    _gold(name, _slice(name, _items(name, data_dir)), tmp_path)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_references_of_others_are_not(name, data_dir, tmp_path):
    _shuffled(name, _slice(name, _items(name, data_dir)), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", BENCHMARKS)
def test_all_references_are_correct(name, data_dir, tmp_path):
    _gold(name, _items(name, data_dir), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", BENCHMARKS)
def test_all_references_of_others_are_not(name, data_dir, tmp_path):
    _shuffled(name, _items(name, data_dir), tmp_path)


def test_exceptions_name_items_of_the_registry(data_dir):
    """No exception outlives its benchmark or its row."""
    for name, protocol, mode, identity in EXCEPTIONS:
        assert name in BENCHMARKS, name
        assert protocol in ("", *PROTOCOLS)
        assert mode in ("", *BENCHMARKS[name].modes)
        assert identity in {item.id for item in _items(name, data_dir)}, (name, identity)
