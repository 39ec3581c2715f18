"""Figures, their intervals, suites and the harness's form, from results that are made by hand."""

import json
import math
import re
from dataclasses import replace
from statistics import mean, stdev

import pytest
from small_benchmarks import TEXT, items, sums

from preftree.errors import InputError
from preftree.evaluate.benchmark import ACCURACY, Metric, Published
from preftree.evaluate.harness import harness_form
from preftree.evaluate.listing import listing
from preftree.evaluate.registry import BENCHMARKS
from preftree.evaluate.rewards import REWARD_BENCHMARKS
from preftree.evaluate.suites import SUITES, Asking, Choice, Column, asked_items, choose
from preftree.evaluate.summary import Rows, Spent, busy_seconds, figure, summarize
from preftree.records import Result
from preftree.statistics import mean_interval, ratio_interval, wilson

RATIO = Metric("instructions followed", "followed", "asked")
MARK = Metric("mark", "mark", best=10.0)


def result(problem, right, sample=0, model="m", name="sums", mode="text", labels=None, scores=None, **more):
    outcome = right if isinstance(right, str) else ("correct" if right else "wrong")
    metadata = {"mode": mode, "labels": labels or {}, "scores": scores or {}, "thoughts": 0} | more.pop("metadata", {})
    return Result(model, str(problem), name, sample, (outcome,), ("",), metadata=metadata, **more)


def summary_of(results, benchmarks, found=None, limit=None, suite="", spent=None):
    rows = [Rows(one, found or one.rows, min(limit or found or one.rows, found or one.rows)) for one in benchmarks]
    known = SUITES.get(suite)
    choice = Choice((), "standard", suite, False, known.columns if known else (), known.average if known else False)
    return summarize(results, rows, choice, spent, limit)


# ---------------------------------------------------------------- metrics


def test_accuracy_of_one_answer_each_has_wilsons_interval():
    made = figure(ACCURACY, [result(i, i < 7) for i in range(10)])
    expected = wilson(7, 10)
    assert (made.value, made.low, made.high, made.n) == (0.7, expected.low, expected.high, 10)
    assert made.sd_over_samples is None
    assert made.stderr == pytest.approx(math.sqrt(0.7 * 0.3 / 9))


def test_undecided_counts_as_not_correct():
    made = figure(ACCURACY, [result(0, True), result(1, "undecided"), result(2, False)])
    assert (made.value, made.n) == (pytest.approx(1 / 3), 3)
    (row,) = summary_of([result(0, True), result(1, "undecided")], [sums(count=2)])["rows"]
    assert row["undecided"] == 1


def test_a_conversation_counts_by_its_last_outcome():
    won = Result("m", "0", "sums", 0, ("wrong", "correct"), ("", ""), metadata={"scores": {}})
    lost = Result("m", "1", "sums", 0, ("correct", "wrong"), ("", ""), metadata={"scores": {}})
    assert figure(ACCURACY, [won, lost]).value == 0.5


def test_several_samples_are_one_figure_an_item_and_have_a_spread():
    """Items 0-3: all of 4 samples right, half, one, none."""
    right = {0: (1, 1, 1, 1), 1: (1, 0, 1, 0), 2: (1, 0, 0, 0), 3: (0, 0, 0, 0)}
    made = figure(ACCURACY, [result(i, bool(ok), sample=s) for i, oks in right.items() for s, ok in enumerate(oks)])
    items = [1.0, 0.5, 0.25, 0.0]
    assert (made.value, made.n) == (pytest.approx(mean(items)), 4)
    assert made.stderr == pytest.approx(stdev(items) / 2)
    expected = mean_interval(items)
    assert (made.low, made.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    # The whole set's accuracy by sample: 3/4, 1/4, 2/4, 1/4.
    assert made.sd_over_samples == pytest.approx(stdev([0.75, 0.25, 0.5, 0.25]))


def test_a_ratio_of_sums_has_the_ratio_estimators_interval():
    """IFEval's instruction-level accuracy: prompts with one, two and three instructions."""
    pairs = [(1, 1), (1, 2), (3, 3), (0, 1), (2, 3), (0, 2)]
    made = figure(RATIO, [result(i, y == x, scores={"followed": y, "asked": x}) for i, (y, x) in enumerate(pairs)])
    assert made.value == pytest.approx(7 / 12)
    residuals = sum((y - 7 / 12 * x) ** 2 for y, x in pairs)
    assert made.stderr == pytest.approx(math.sqrt(6 / 5 * residuals) / 12)
    expected = ratio_interval([y for y, _ in pairs], [x for _, x in pairs])
    assert (made.low, made.high, made.n) == (pytest.approx(expected.low), pytest.approx(expected.high), 6)


def test_a_ratio_whose_parts_are_one_each_is_a_plain_mean():
    made = figure(RATIO, [result(i, i < 30, scores={"followed": i < 30, "asked": 1}) for i in range(50)])
    assert (made.value, made.stderr) == (pytest.approx(0.6), pytest.approx(math.sqrt(0.6 * 0.4 / 49)))


def test_marks_are_shown_as_they_are():
    made = figure(MARK, [result(i, True, scores={"mark": mark}) for i, mark in enumerate((7.0, 9.0, 8.0))])
    assert (made.value, made.best) == (pytest.approx(8.0), 10.0)
    assert made.stderr == pytest.approx(1 / math.sqrt(3))
    assert 8.0 < made.high <= 10.0


@pytest.mark.parametrize(
    ("metric", "second", "value", "n", "unscored"),
    [
        pytest.param(MARK, result(1, "undecided"), 8.0, 1, 1, id="a-judge-that-failed-gives-no-mark"),
        pytest.param(MARK, result(1, False), 4.0, 2, 0, id="a-refused-prompt-has-none-of-the-marks"),
        pytest.param(RATIO, result(1, False), 0.5, 1, 1, id="a-ratio-can-not-know-what-was-asked"),
    ],
)
def test_answers_without_a_score(metric, second, value, n, unscored):
    made = figure(metric, [result(0, True, scores={"mark": 8.0, "followed": 1, "asked": 2}), second])
    assert (made.value, made.n, made.unscored) == (pytest.approx(value), n, unscored)


def test_answers_that_have_no_score_are_said():
    results = [result(0, True, scores={"mark": 8.0}), result(1, "undecided")]
    made = summary_of(results, [sums(metrics=(MARK,), count=2)])
    assert made["notes"] == ["m, sums (text): 1 answers have no mark, and don't count in it"]


def test_a_figure_of_nothing_is_null():
    made = figure(ACCURACY, [])
    assert (made.value, made.low, made.high, made.stderr, made.n) == (None, None, None, None, 0)


# ---------------------------------------------------------------- rows, groups, modes


def test_groups_name_their_n():
    results = [result(i, i < 3, labels={"kind": "even" if i % 2 == 0 else "odd"}) for i in range(7)]
    (row,) = summary_of(results, [sums(count=7)])["rows"]
    groups = row["groups"]["kind"]
    assert {value: (figures[0]["value"], figures[0]["n"]) for value, figures in groups.items()} == {
        "even": (0.5, 4),
        "odd": (pytest.approx(1 / 3), 3),
    }


def test_the_better_of_two_modes_is_no_union_by_problem():
    """Together the modes solve 9 of 10; the better one alone 6."""
    text = [result(i, i < 6) for i in range(10)]
    program = [result(i, i >= 5 and i != 9, mode="program") for i in range(10)]
    made = summary_of(text + program, [sums(modes=("text", "program"), count=10)])
    (better,) = made["better_of_modes"]
    assert (better["mode"], better["value"], better["of"]) == ("text", 0.6, {"text": 0.6, "program": 0.4})
    assert [row["metrics"][0]["value"] for row in made["rows"]] == [0.6, 0.4]
    assert any("never a union by problem" in note for note in made["notes"])


def test_a_choice_by_log_probability_is_not_one_of_the_better():
    text = [result(i, i < 4) for i in range(10)]
    choice = [result(i, True, mode="choice") for i in range(10)]
    made = summary_of(text + choice, [sums(modes=("text", "choice"), count=10, better_of_modes=False)])
    assert made["better_of_modes"] == []
    assert not made["notes"]


def test_counts_and_cost():
    results = [
        result(0, True, truncated=True, metadata={"thoughts": 2}),
        result(1, False, metadata={"refused": "too long"}),
    ]
    spent = {("m", "sums", "text"): Spent(2, 10, 0, 20, 0.5, 3.0)}
    (row,) = summary_of(results, [sums(count=2)], spent=spent)["rows"]
    assert (row["truncated"], row["thoughts"], row["refused"], row["items"]) == (1, 2, 1, 2)
    assert row["spent"] == {
        "calls": 2,
        "input_tokens": 10,
        "cached_tokens": 0,
        "output_tokens": 20,
        "price_usd": 0.5,
        "seconds": 3.0,
    }


@pytest.mark.parametrize(
    ("rows", "limit", "notes"),
    [
        pytest.param(Rows(sums(count=4), 4, 4), None, [], id="whole"),
        pytest.param(Rows(sums(count=9), 4, 4), None, ["sums: 4 rows were there; the published set has 9"], id="fewer"),
        pytest.param(
            Rows(sums(count=9), 9, 4), 4, ["sums: 4 of 9 rows were asked, the first ones (limit)"], id="limit"
        ),
        pytest.param(
            Rows(sums(count=5), 4, 4, ("f.jsonl row 3: not JSON",)),
            None,
            [
                "sums: 1 rows were set aside, for one f.jsonl row 3: not JSON",
                "sums: 4 rows were there; the published set has 5",
            ],
            id="set-aside",
        ),
    ],
)
def test_whatever_makes_a_figure_another_is_said(rows, limit, notes):
    made = summarize([result(i, True) for i in range(4)], [rows], Choice((), "standard"), None, limit)
    assert made["notes"] == notes
    (row,) = made["rows"]
    assert (row["rows_in_full"], row["rows_found"]) == (rows.benchmark.rows, rows.found)
    assert row["set_aside"] == len(rows.set_aside)


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [
        pytest.param([], 0.0, id="none"),
        pytest.param([(0, 2), (1, 3)], 3.0, id="overlap"),
        pytest.param([(5, 6), (0, 1)], 2.0, id="apart"),
        pytest.param([(0, 10), (2, 3)], 10.0, id="within"),
        pytest.param([(5, 4)], 0.0, id="a-clock-set-back"),
    ],
)
def test_busy_seconds(calls, seconds):
    assert busy_seconds(calls) == seconds


# ---------------------------------------------------------------- suites

# Rows of the paper's table 3: twelve columns, then the average that it prints.
TABLE_3 = {
    "Eurus-7B-KTO": (56.1, 58.6, 18.9, 55.0, 33.2, 20.6, 84.4, 85.0, 67.6, 43.1, 19.1, 43.6, 48.8),
    "GPT-4": (85.4, 83.5, 41.8, 85.6, 69.7, 52.4, 94.8, 92.6, 86.7, 79.7, 59.6, 65.8, 74.8),
    "Mistral-7B-Instruct-v0.2": (39.0, 30.8, 6.1, 15.7, 9.5, 8.5, 42.9, 49.5, 62.4, 44.4, 7.4, 26.2, 28.5),
}


def suite_results(model, percents, n=1000):
    """Results whose accuracy in each column of suite eurus is as given; MINT's two columns are two groups of rows."""
    for column, percent in zip(SUITES["eurus"].columns, percents, strict=True):
        labels = {column.label: column.value} if column.label else {}
        for i in range(n):
            yield result(f"{column.value}{i}", i < percent * n / 100, 0, model, column.benchmark, labels=labels)


@pytest.mark.parametrize("model", list(TABLE_3))
def test_the_average_is_the_plain_mean_of_twelve_columns(model):
    *percents, average = TABLE_3[model]
    benchmarks = [sums(name, count=1000 * (2 if name == "mint" else 1)) for name in SUITES["eurus"].benchmarks]
    made = summary_of(list(suite_results(model, percents)), benchmarks, suite="eurus")
    (row,) = made["suites"]
    assert [round(100 * column["figure"]["value"], 1) for column in row["columns"]] == percents
    assert [column["figure"]["n"] for column in row["columns"]] == [1000] * 12
    assert 100 * row["average"]["value"] == pytest.approx(average, abs=0.051)
    # Twelve columns of 1,000 rows are known better than one.
    one = row["columns"][0]["figure"]
    assert row["average"]["high"] - row["average"]["low"] < (one["high"] - one["low"]) / 2


def test_no_average_over_some_of_the_columns():
    *percents, _ = TABLE_3["GPT-4"]
    benchmarks = [sums(name, count=20) for name in SUITES["eurus"].benchmarks]
    results = [r for r in suite_results("m", percents, n=20) if r.dataset != "bbh"]
    made = summary_of(results, benchmarks, suite="eurus")
    (row,) = made["suites"]
    assert row["average"] is None
    assert "suite eurus: m has no figure in column BBH, so none is averaged" in made["notes"]
    assert [column["title"] for column in row["columns"] if column["figure"] is None] == ["BBH"]


def test_the_suites_are_the_papers_columns():
    titles = [column.title for column in SUITES["eurus"].columns]
    assert titles == [
        *("HumanEval", "MBPP", "LeetCode", "GSM-Plus", "MATH", "TheoremQA", "SVAMP", "ASDiv", "BBH", "IFEval"),
        *("MINT-code", "MINT-math"),
    ]
    assert SUITES["knowledge"].benchmarks == ("mmlu", "mt_bench")
    assert SUITES["reranking"].benchmarks == ("humaneval", "mbpp", "gsm8k", "math")


def test_every_name_of_a_suite_is_a_benchmark_or_told():
    for name, suite in SUITES.items():
        absent = [one for one in suite.benchmarks if one not in BENCHMARKS]
        if absent:
            with pytest.raises(InputError, match=f'no benchmark is named "{absent[0]}"'):
                choose(suite=name, judge=True)
        else:
            chosen = choose(suite=name, judge=True).chosen
            assert [one.benchmark.name for one in chosen] == list(suite.benchmarks)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"benchmarks": ["gsm9k"]}, 'no benchmark is named "gsm9k"; did you mean "gsm8k"', id="benchmark"),
        pytest.param({"suite": "euros"}, 'no suite is named "euros"; .*did you mean "eurus"', id="suite"),
        pytest.param(
            {"benchmarks": ["gsm8k"], "protocol": "harness"}, "protocol: expected one of eurus", id="protocol"
        ),
        pytest.param({"benchmarks": ["gsm8k"], "modes": ["words"]}, 'modes: .*got "words"', id="mode"),
        pytest.param(
            {"benchmarks": ["gsm8k"], "modes": ["choice"]}, "gsm8k: has no mode choice; it has text", id="lacks"
        ),
        pytest.param({}, "expected benchmarks=.* or suite=NAME", id="neither"),
        pytest.param({"benchmarks": ["gsm8k"], "suite": "eurus"}, "one of the two", id="both"),
    ],
)
def test_wrong_names_are_one_sentence(given, said):
    with pytest.raises(InputError, match=said):
        choose(**given, judge=False)


@pytest.mark.parametrize(
    ("columns", "limit", "asked"),
    [
        pytest.param((), None, "012345", id="all"),
        pytest.param((), 2, "01", id="first"),
        pytest.param((Column("S", "sums"),), 3, "012", id="a-whole-column"),
        pytest.param(
            (Column("O", "sums", "kind", "odd"), Column("E", "sums", "kind", "even")), 1, "01", id="each-first"
        ),
        pytest.param((Column("O", "sums", "kind", "odd"),), None, "135", id="only-what-has-a-column"),
        pytest.param((Column("O", "sums", "kind", "odd"),), 2, "13", id="and-limited"),
        pytest.param((Column("O", "other", "kind", "odd"),), None, "012345", id="another's-column"),
    ],
)
def test_which_items_are_asked(columns, limit, asked):
    choice = Choice((), "standard", "suite" if columns else "", False, columns)
    found = asked_items(items(6), "sums", choice, limit)
    assert [item.id for item in found] == [f"sum-{i}" for i in asked]


@pytest.mark.parametrize(
    ("names", "asked", "notes"),
    [
        pytest.param(["mint", "mint:k=5"], ["mint"], ("mint: named twice (mint and mint:k=5), asked once",), id="mint"),
        pytest.param(
            ["mint:tag=python:k=3", "gsm8k", "mint:k=3:tag=python"],
            ["mint:k=3:tag=python", "gsm8k"],
            ("mint:k=3:tag=python: named twice (mint:tag=python:k=3 and mint:k=3:tag=python), asked once",),
            id="order-of-settings",
        ),
        pytest.param(["gsm8k", "gsm8k"], ["gsm8k"], ("gsm8k: named twice (gsm8k and gsm8k), asked once",), id="same"),
        pytest.param(["mint", "mint:k=3"], ["mint", "mint:k=3"], (), id="two-of-a-kind"),
    ],
)
def test_a_benchmark_under_two_spellings_is_asked_once(names, asked, notes):
    choice = choose(names, judge=False)
    assert [one.benchmark.name for one in choice.chosen] == asked
    assert choice.notes == notes


@pytest.mark.parametrize("name", REWARD_BENCHMARKS)
def test_a_benchmark_of_reward_models_is_another_commands(name):
    with pytest.raises(InputError, match=f"{name}: measures reward models; run preftree rewards benchmarks="):
        choose([name], judge=True)


def test_the_listing_counts_the_examples_that_are_shown():
    """`shots` is what the prompt holds: of chats the turns before the question, of texts what is asked repeatedly."""
    listed = {row["benchmark"]: row["shots"] for row in listing()["benchmarks"]}
    assert listed.keys() == BENCHMARKS.keys()
    three = {"eurus-2024-04": 3, "eurus-2024-09": 3, "standard": 3}
    assert listed["bbh"] == three
    assert listed["mmlu"] == dict.fromkeys(three, 5)
    assert listed["mint"] == dict.fromkeys(three, 1)
    assert {name for name, shots in listed.items() if shots["eurus-2024-04"]} == {"bbh", "mmlu", "mint"}
    standard = {name: shots["standard"] for name, shots in listed.items() if shots["standard"]}
    word_problems = dict.fromkeys(("gsm8k", "gsm_plus", "svamp", "asdiv"), 8)
    competition = dict.fromkeys(("math", "math500"), 4)
    assert standard == word_problems | competition | {"mbpp_full": 3, "bbh": 3, "mmlu": 5, "mint": 1}


def test_a_judge_that_is_missing_is_told(monkeypatch):
    from preftree.evaluate import suites

    graded = sums("graded", needs_judge=True)
    monkeypatch.setattr(suites, "find_benchmark", lambda name: graded)
    with pytest.raises(InputError, match=r"graded: a model grades its answers; name it with judge\.model="):
        choose(["graded"], judge=False)
    assert choose(["graded"], judge=True).chosen[0].forms == (TEXT,)


def test_the_protocol_is_the_suites_unless_set(monkeypatch):
    from preftree.evaluate import suites

    monkeypatch.setattr(suites, "find_benchmark", lambda name: sums(name, modes=("text", "program")))
    usual = choose(suite="eurus", judge=False)
    assert usual.protocol == "eurus-2024-04"
    assert {form.mode for one in usual.chosen for form in one.forms} == {"text", "program"}
    assert choose(suite="eurus", protocol="eurus-2024-09", judge=False).protocol == "eurus-2024-09"
    assert choose(["x"], judge=False).protocol == "standard"
    assert choose(["x"], protocol="eurus", judge=False).protocol == "eurus-2024-04"
    assert {form.mode for one in choose(suite="reranking", judge=False).chosen for form in one.forms} == {"text"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("samples", 0), ("concurrency", 0), ("max_tokens", 0), ("temperature", -0.1), ("top_p", 0.0), ("top_p", 1.1)],
)
def test_a_setting_out_of_range_is_named(field, value):
    with pytest.raises(InputError, match=rf"protocol\.{field}: expected"):
        Asking(**{field: value})


# ---------------------------------------------------------------- lm-evaluation-harness's form


@pytest.fixture
def harness():
    results = [
        result(
            i, i < 6, mode=mode, labels={"kind": "even" if i % 2 == 0 else "odd"}, scores={"followed": 1, "asked": 2}
        )
        for mode in ("text", "program")
        for i in range(10)
    ]
    benchmark = sums(modes=("text", "program"), metrics=(ACCURACY, RATIO), count=12, shots={"standard": 3})
    made = summary_of(results, [benchmark])
    config = {"model": "local", "model_args": "pretrained=embedded"}
    return harness_form(made, "m", {"sums": benchmark}, date=1.0, config=config, version="0.1", seconds=2.5)


def test_the_harness_form_has_its_keys(harness):
    assert {"results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples"} <= set(
        harness
    )
    assert {"config", "git_hash", "date", "model_name", "model_name_sanitized"} <= set(harness)
    row = harness["results"]["sums_text"]
    assert row["alias"] == "sums_text"
    assert (row["acc,none"], row["acc_stderr,none"]) == (0.6, pytest.approx(math.sqrt(0.6 * 0.4 / 9)))
    assert row["instructions followed,none"] == 0.5
    assert harness["n-samples"]["sums_text"] == {"original": 12, "effective": 10}
    assert harness["group_subtasks"]["sums_text"] == ["sums_text_kind_even", "sums_text_kind_odd"]
    assert harness["results"]["sums_text_kind_even"]["alias"] == " - even"
    assert harness["n-samples"]["sums_text_kind_even"] == {"original": 5, "effective": 5}
    assert harness["total_evaluation_time_seconds"] == "2.5"
    tasks = set(harness["results"])
    assert all(tasks == set(harness[key]) for key in ("configs", "versions", "n-shot", "higher_is_better", "n-samples"))
    assert harness["configs"]["sums_text"]["metadata"] == {"version": 1, "protocol": "standard", "mode": "text"}
    assert json.loads(json.dumps(harness, allow_nan=False)) == harness


def test_its_table_can_be_made(harness):
    """What the harness's `make_table` asks of a results file, step by step: each value beside its error."""
    lines = []
    for task, figures in harness["results"].items():
        assert isinstance(harness["versions"][task], int)
        assert isinstance(harness["n-shot"][task], int)
        for key, value in figures.items():
            metric, comma, filtered = key.partition(",")
            if metric == "alias" or metric.endswith("_stderr"):
                continue
            error = figures[f"{metric}_stderr{comma}{filtered}"]
            lines.append(f"{figures['alias']}|{filtered}|{metric}|{value:.4f}|{error:.4f}")
    assert lines[0] == "sums_text|none|acc|0.6000|0.1633"
    assert len(lines) == 6 * 2


@pytest.mark.peer
def test_the_harness_reads_it(harness):
    utils = pytest.importorskip("lm_eval.utils")
    pytest.importorskip("pytablewriter")
    table = utils.make_table(harness)
    # Which columns it pads, and how many zeros it writes, depends on its writer's version.
    assert re.search(r"\|sums_text *\| *1\|none *\| *3\|acc *\|↑ *\| *0\.60*\|± *\| *0\.163", table)
    assert re.search(r"\|instructions followed *\|↑ *\| *0\.50*\|± *\| *0\.0+\|", table)


def test_modes_are_in_the_name_only_where_there_are_several():
    benchmark = sums(count=1)
    made = summary_of([result(0, True)], [benchmark])
    form = harness_form(made, "m", {"sums": benchmark}, date=0.0, config={}, version="", seconds=0.0)
    assert list(form["results"]) == ["sums"]


@pytest.mark.parametrize("configs", [(), ("",), ("main", "other")])
def test_a_data_set_without_configs_has_a_form_too(configs):
    benchmark = replace(sums(count=1), published=Published("owner/sums", "test", configs))
    form = harness_form(
        summary_of([result(0, True)], [benchmark]),
        "m",
        {"sums": benchmark},
        date=0.0,
        config={},
        version="",
        seconds=0.0,
    )
    config = form["configs"]["sums"]
    assert (config["dataset_path"], config["dataset_name"]) == ("owner/sums", (configs or ("",))[0] or None)
