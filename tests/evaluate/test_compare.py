"""`preftree compare`: paired over common items, told what was left out, in every form of output."""

import json
import re
from dataclasses import replace

import pytest

from preftree.cli import main
from preftree.errors import InputError
from preftree.evaluate.compare import compare
from preftree.evaluate.paper import TABLES, paper_rows, paper_table
from preftree.evaluate.registry import BENCHMARKS
from preftree.evaluate.runner import write_results
from preftree.records import Result
from preftree.report.comparison import Sheet, latex, markdown


def results(model, outcomes, dataset="gsm8k", mode="text", protocol="standard", start=0, samples=1, **labels):
    """`outcomes`: a letter an answer: c(orrect), w(rong), u(ndecided); `samples` of an item are neighbours."""
    words = {"c": "correct", "w": "wrong", "u": "undecided"}
    return [
        Result(
            model, str(start + at // samples), dataset, at % samples, (words[letter],), ("",),
            metadata={"mode": mode, "protocol": protocol, "labels": labels, "scores": {}},
        )
        for at, letter in enumerate(outcomes)
    ]  # fmt: skip


def test_one_sample_an_item_is_mcnemars_test():
    found = compare({"a": results("a", "ccwwwwwwww"), "b": results("b", "wccccccwww")})
    (pair,) = found.pairs
    assert (pair.a, pair.b, pair.n, pair.test) == ("a", "b", 10, "exact McNemar")
    assert pair.difference == pytest.approx(0.4)
    assert pair.p_value == pair.p_holm == pytest.approx(2 * (1 + 6) / 2**6)
    assert pair.low < 0.4 < pair.high
    (column,) = found.columns
    assert (column.cells["a"].value, column.cells["a"].items) == (0.2, 10)
    assert found.averages == {}


def test_several_samples_are_one_mean_of_their_item():
    a, b = results("a", "cwww" * 6, samples=4), results("b", "cccw" * 6, samples=4)
    (pair,) = compare({"a": a, "b": b}).pairs
    assert (pair.n, pair.difference, pair.test) == (6, 0.5, "exact sign flips of item means")
    assert pair.p_value == pytest.approx(2 / 2**6)


def test_only_common_items_count():
    found = compare({"a": results("a", "c" * 10), "b": results("b", "w" * 10, start=4)})
    (column,) = found.columns
    assert (column.left_out, column.cells["a"].items) == (8, 6)
    assert "gsm8k: 8 items that not all models have were left out." in found.notes
    with pytest.raises(InputError, match="gsm8k: a, b have no item in common"):
        compare({"a": results("a", "c"), "b": results("b", "c", start=5)})


def test_averages_are_over_what_all_have():
    runs = {
        "a": results("a", "cw" * 10) + results("a", "cccw" * 5, "math"),
        "b": results("b", "cc" * 10) + results("b", "cccc" * 5, "math"),
        "c": results("c", "ww" * 10),
    }
    found = compare(runs)
    assert found.averages == {}  # one column alone is shared by all
    assert "math: no results of c." in found.notes
    del runs["c"]
    found = compare(runs)
    assert found.averages["a"].value == pytest.approx((0.5 + 0.75) / 2)
    average = found.pairs[-1]
    assert (average.column, average.difference) == ("average", pytest.approx(0.375))
    assert average.p_value < 0.01
    # Ten and five items of one sign each, weighed alike (both columns have 20 items).
    assert average.p_value == pytest.approx(2 / 2**15)


def test_holm_over_the_family():
    runs = {name: results(name, outcomes) for name, outcomes in
            (("a", "w" * 12), ("b", "c" * 12), ("c", "c" * 6 + "w" * 6))}  # fmt: skip
    found = compare(runs)
    assert [(pair.a, pair.b) for pair in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    p = [2 / 2**12, 2 / 2**6, 2 / 2**6]
    assert [pair.p_value for pair in found.pairs] == pytest.approx(p)
    assert [pair.p_holm for pair in found.pairs] == pytest.approx([3 * p[0], 2 * p[1], 2 * p[1]])
    against = compare(runs, against="b")
    assert [(pair.a, pair.b) for pair in against.pairs] == [("b", "a"), ("b", "c")]
    assert against.pairs[0].difference == -1.0
    with pytest.raises(InputError, match='no model is named "d"'):
        compare(runs, against="d")


def test_the_better_of_text_and_program_counts(monkeypatch):
    both = replace(BENCHMARKS["gsm8k"], modes=("text", "program"), better_of_modes=True)
    monkeypatch.setitem(BENCHMARKS, "gsm8k", both)
    runs = {
        "a": results("a", "cccw", mode="text") + results("a", "cwww", mode="program"),
        "b": results("b", "cwww", mode="text") + results("b", "cccc", mode="program"),
    }
    found = compare(runs)
    assert [column.name for column in found.columns] == ["gsm8k (text)", "gsm8k (program)", "gsm8k"]
    better = found.columns[-1]
    assert {model: (cell.value, cell.mode) for model, cell in better.cells.items()} == {
        "a": (0.75, "text"),
        "b": (1.0, "program"),
    }
    assert [column.averaged for column in found.columns] == [False, False, True]
    assert found.pairs[-1].difference == pytest.approx(0.25)
    assert any("high by chance" in note for note in found.notes)


def test_parts_of_mint_are_columns():
    runs = {
        model: results(model, "cw", "mint", group="code") + results(model, "ccw", "mint", start=2, group="math")
        for model in "ab"
    }
    assert [column.name for column in compare(runs).columns] == ["mint code", "mint math"]


def noted(model, items="01", **metadata):
    """A right answer to each of these items, with more of what was measured: one value, or a value an item."""
    made = [replace(one, problem=item) for one, item in zip(results(model, "c" * len(items)), items, strict=True)]
    return [
        replace(one, metadata=one.metadata | {k: v[at] if isinstance(v, list) else v for k, v in metadata.items()})
        for at, one in enumerate(made)
    ]


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        pytest.param(
            {"protocol": "standard"},
            {"protocol": "eurus-2024-04"},
            "gsm8k: different protocols ask and judge differently (a under standard, b under eurus-2024-04)",
            id="protocol",
        ),
        pytest.param(
            {"protocol": ["standard", "eurus-2024-04"]},
            {"protocol": "standard"},
            "(a under standard and eurus-2024-04, b under standard)",
            id="protocol-of-some-answers",
        ),
        pytest.param(
            {"version": 1},
            {"version": 2},
            "gsm8k: different versions of a benchmark judge differently (a by version 1, b by version 2)",
            id="version",
        ),
        pytest.param({"version": 1}, {}, "(a by version 1, b by version none)", id="version-unknown"),
        pytest.param({"judge": "gpt-4"}, {"judge": "mine"}, "different models gave the marks (a by gpt-4", id="judge"),
        pytest.param(
            {"item": ["x", "y"]},
            {"item": ["x", "z"]},
            "a and b were asked of other rows under the same ids (1, the first is 1)",
            id="rows",
        ),
        pytest.param(
            {"version": 1, "item": ["x", "y"]},
            {"version": 2, "item": ["p", "q"]},
            "b by version 2); a and b were asked of other rows under the same ids (2, the first is 0)",
            id="several",
        ),
    ],
)
def test_what_is_not_one_measurement_is_refused_unless_asked_for(a, b, said):
    runs = {"a": noted("a", **a), "b": noted("b", **b)}
    with pytest.raises(InputError, match=re.escape(said) + ".*; --any-protocol compares them all the same"):
        compare(runs)
    found = compare(runs, any_protocol=True)
    of_one = said.removeprefix("gsm8k: ").partition("; ")[0]
    assert any(of_one in note and "not the models' alone" in note for note in found.notes)
    protocols = {result.metadata["protocol"] for mine in runs.values() for result in mine}
    name = "gsm8k [standard or eurus-2024-04]" if len(protocols) > 1 else "gsm8k"
    assert [column.name for column in found.columns] == [name]
    assert {pair.column for pair in found.pairs} == {name}  # so the paper's rows don't stand under it, either


def test_items_that_only_one_model_has_are_not_compared_as_rows():
    runs = {"a": noted("a", "012", item=["x", "y", "z"]), "b": noted("b", "123", item=["y", "z", "w"])}
    assert compare(runs).columns[0].cells["a"].items == 2
    runs |= {"c": noted("c", "12", item=["y", "other"])}
    with pytest.raises(InputError, match=r"a and c were asked of other rows .*\(1, the first is 2\)"):
        compare(runs)


def test_other_words_or_sampling_are_said():
    """An endpoint takes no prefill, say: no reason to refuse, but to tell."""
    note = "gsm8k: a and b were asked in other words or with other sampling settings: a difference is not the models'"
    alike = {"a": noted("a", asked="x"), "b": noted("b", asked="x")}
    assert not any("other words" in said for said in compare(alike).notes)
    assert any(said.startswith(note) for said in compare(alike | {"b": noted("b", asked="y")}).notes)
    # Nobody knows how given responses were asked for.
    assert not any("other words" in said for said in compare(alike | {"b": noted("b")}).notes)


def test_an_average_over_several_protocols_is_said():
    runs = {m: results(m, "cw") + results(m, "cw", "math", protocol="eurus-2024-04") for m in "ab"}
    said = "The average is over benchmarks of several protocols: gsm8k under standard, math under eurus-2024-04."
    assert said in compare(runs).notes


def test_the_papers_rows_beside_another_protocol_are_told_apart(tmp_path, capsys):
    for protocol in ("standard", "eurus-2024-04"):
        out = tmp_path / protocol
        out.mkdir()
        made = [r for model in "ab" for r in results(model, "cw", "svamp", protocol=protocol)]
        write_results(out / "results.jsonl", made)
    said = "asked otherwise here, so another measurement: svamp (standard)."
    assert main(["compare", str(tmp_path / "standard"), "--paper"]) == 0
    assert said in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "eurus-2024-04"), "--paper"]) == 0
    out = capsys.readouterr().out
    assert "Eurus-7B-SFT †" in out
    assert "another measurement" not in out
    both = [str(tmp_path / "standard"), str(tmp_path / "eurus-2024-04")]
    assert main(["compare", *both]) == 2
    assert "svamp: different protocols ask and judge differently" in capsys.readouterr().err
    assert main(["compare", *both, "--any-protocol", "--paper"]) == 0
    out = capsys.readouterr().out
    assert "svamp [standard or eurus-2024-04]" in out
    assert "No column of these is one of the paper's tables." in out


def test_undecided_is_not_correct_and_is_said():
    found = compare({"a": results("a", "ccuu"), "b": results("b", "cccc")})
    assert found.columns[0].cells["a"].value == 0.5
    assert "gsm8k: undecided, counted as not correct: 2 of a." in found.notes


def test_one_model_is_not_enough():
    with pytest.raises(InputError, match="needs two models"):
        compare({"a": results("a", "c")})
    with pytest.raises(InputError, match="no benchmark was run with two"):
        compare({"a": results("a", "c"), "b": results("b", "c", "math")})


# ---------------------------------------------------------------- the paper's tables


@pytest.mark.parametrize("table", ["3", "10"])
def test_averages_of_the_paper_are_means_of_its_columns(table):
    for row in paper_table(table):
        cells = [figure for column, figure in row.figures.items() if column != "average"]
        assert row.figures["average"] == pytest.approx(sum(cells) / len(cells), abs=0.11), row.model


def test_table_4_averages_follow_from_its_categories():
    for row in paper_table("4"):
        cells = [row.figures.get(f"rewardbench_{name}") for name in ("chat", "chat_hard", "safety", "reasoning")]
        if None not in cells:
            assert row.figures["rewardbench_average"] == pytest.approx(sum(cells) / 4, abs=0.11), row.model


def test_known_figures_of_the_paper():
    figures = {(table, row.model): row.figures for table in TABLES for row in paper_table(table)}
    assert figures["3", "Eurus-7B-SFT"]["mbpp"] == 59.1
    assert figures["3", "Eurus-70B-NCA"]["mint code"] == 38.2
    assert figures["4", "Eurus-RM-7B"]["mt_bench_human"] == 72.9  # no mark, as table 8 has them
    assert figures["8", "GPT-4"] == {"mmlu": 86.4, "mt_bench": 8.96}
    assert figures["9", "Eurus-RM-7B"]["humaneval@4"] == 45.7
    assert "rewardbench_chat" not in figures["4", "GPT-4"]


def test_the_papers_rows_have_our_columns_only():
    rows = paper_rows(["humaneval", "mmlu"])
    mistral = next(row for row in rows if row.model == "Mistral-7B-Instruct-v0.2")
    assert (mistral.table, mistral.figures) == ("3, 8", {"humaneval": 39.0, "mmlu": 58.9})
    assert not any("average" in row.figures for row in rows)
    every = [column for column in paper_table("3")[0].figures if column != "average"]
    assert all("average" in row.figures for row in paper_rows(every, ["3"]))
    assert paper_rows(["spelling"]) == []
    with pytest.raises(InputError, match='no table "5"'):
        paper_rows(["mmlu"], ["5"])


# ---------------------------------------------------------------- output


@pytest.fixture
def runs(tmp_path):
    """Two runs of gsm8k, the second of two models, one of which has the first one's name."""
    for name, models in (("one", {"sft": "ccww"}), ("two", {"sft": "cwww", "d_p%o": "cccc"})):
        (tmp_path / name).mkdir()
        write_results(tmp_path / name / "results.jsonl", [r for m, o in models.items() for r in results(m, o)])
    return [str(tmp_path / "one"), str(tmp_path / "two")]


def test_models_of_several_runs_are_told_apart(runs, capsys):
    assert main(["compare", *runs, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["models"] == [f"{runs[0]}: sft", f"{runs[1]}: sft", "d_p%o"]
    assert main(["compare", runs[0]]) == 2
    assert "needs two models" in capsys.readouterr().err
    assert main(["compare", *runs, runs[0]]) == 2
    assert "named twice" in capsys.readouterr().err
    assert main(["compare", "nowhere", *runs]) == 2
    assert "nowhere: no such directory" in capsys.readouterr().err


def test_tables(runs, capsys, tmp_path):
    files = [str(tmp_path / name) for name in ("t.md", "t.tex")]
    assert main(["compare", *runs, "--paper-tables", "10", "--markdown", files[0], "--latex", files[1]]) == 0
    out = capsys.readouterr().out
    assert "Paired differences" in out
    assert re.search(r"gsm8k\td_p%o − .*two: sft\t\+75\.0 \[.*\]\t4\t0\.250\t0\.750", out)
    assert "Eurus-7B-SFT †" in out
    assert "The paper's own figures (arXiv 2404.02078, tables 10), not measured here." in out
    assert re.search(r"73\.7", out)
    text = (tmp_path / "t.md").read_text()
    assert "| model | gsm8k |" in text
    assert r"| d\_p%o | 100.0 \[51.0, 100.0\] |" in text
    text = (tmp_path / "t.tex").read_text()
    assert r"d\_p\%o & 100.0 [51.0, 100.0] \\" in text
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 2
    assert r"Eurus-7B-SFT \textdagger{} & 73.7 \\" in text
    assert main(["compare", *runs, "--markdown", str(tmp_path / "no" / "t.md")]) == 2


@pytest.mark.parametrize(
    ("cell", "in_latex", "in_markdown"),
    [
        pytest.param("a_b & 5%", r"a\_b \& 5\%", r"a\_b & 5%", id="marks"),
        pytest.param("{x}^2 ~ $\\y", r"\{x\}\textasciicircum{}2 \textasciitilde{} \$\textbackslash{}y", r"{x}^2 ~ $\\y",
                     id="mathematics"),
        pytest.param("a|b", "a|b", r"a\|b", id="bar"),
    ],
)  # fmt: skip
def test_text_is_escaped(cell, in_latex, in_markdown):
    sheet = Sheet("t", ("model", "n"), ((cell, "1"),))
    assert f"{in_latex} & 1 \\\\" in latex([sheet])
    assert f"| {in_markdown} | 1 |" in markdown([sheet])


def reranked(out, curves, protocol="eurus-2024-04"):
    report = {"by_dataset": curves, "measured_by": {"humaneval": f"{protocol} (text), version 1"}}
    (out / "stage.json").write_text(json.dumps({"kind": "rerank", "report": report}))


def scored(out, **more):
    (out / "rewards.jsonl").write_text("")
    one = {"scorer": "rm", "benchmark": "rewardbench", "version": 1, "scored": 983} | more
    row = {"model": "rm", "rewardbench_chat": 91.5, "autoj_code": None, "mt_bench": 61.0}
    people = {"scorer": "rm", "benchmark": "mt_bench_human", "version": 1, "scored": 140}
    (out / "summary.json").write_text(json.dumps({"rows": [row], "benchmarks": [one, people]}))


@pytest.mark.parametrize(
    ("write", "other", "said"),
    [
        pytest.param(reranked, {"protocol": "standard"}, "standard (text), version 1, 164 problems", id="protocol"),
        pytest.param(scored, {"version": 2}, "version 2, 983 rows", id="version"),
        pytest.param(scored, {"scored": 50}, "version 1, 50 rows", id="rows"),
    ],
)
def test_rows_that_were_measured_otherwise_are_refused_unless_asked_for(tmp_path, capsys, write, other, said):
    edges = {"n": 2, "value": 0.4, "low": 0.3, "high": 0.5, "problems": 164}
    given = [[{"dataset": "humaneval", "method": "random"} | edges]] if write is reranked else []
    for name, more in (("one", {}), ("two", other)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, *given, **more)
    both = [str(tmp_path / "one"), str(tmp_path / "two")]
    assert main(["compare", *both]) == 2
    refused = capsys.readouterr().err
    assert "measured otherwise" in refused
    assert said in refused
    assert main(["compare", *both, "--any-protocol"]) == 0
    assert said in capsys.readouterr().out


def test_rows_of_reranking_and_of_reward_models(tmp_path, capsys):
    for name in ("rerank", "rewards"):
        (tmp_path / name).mkdir()
    edges = {"low": 0.3, "high": 0.5, "problems": 164}
    curves = [{"dataset": "humaneval", "method": "random", "n": n, "value": 0.4} | edges for n in (2, 4)]
    reranked(tmp_path / "rerank", curves)
    scored(tmp_path / "rewards")
    assert main(["compare", str(tmp_path / "rerank"), str(tmp_path / "rewards"), "--paper", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == [
        {
            "name": "random",
            "figures": {"humaneval@2": 40.0, "humaneval@4": 40.0},
            "measured_by": dict.fromkeys(
                ("humaneval@2", "humaneval@4"), "eurus-2024-04 (text), version 1, 164 problems"
            ),
        },
        {
            "name": "rm",
            "figures": {"rewardbench_chat": 91.5, "mt_bench_human": 61.0},
            "measured_by": {
                "rewardbench_chat": "version 1, 983 rows",
                "mt_bench_human": "version 1, 140 rows",
            },
        },
    ]
    assert found["row_notes"] == [
        "humaneval@2, humaneval@4: eurus-2024-04 (text), version 1, 164 problems.",
        "rewardbench_chat: version 1, 983 rows.",
        "mt_bench_human: version 1, 140 rows.",
    ]
    paper = {(row["table"], row["model"]): row["figures"] for row in found["paper"]}
    assert paper["9", "Eurus-RM-7B"] == {"humaneval@2": 44.5, "humaneval@4": 45.7}
    assert paper["4", "UltraRM-13B"]["rewardbench_chat"] == 96.1
    # People's agreement (table 4) is never in one column with the marks of table 8.
    assert paper["4", "Eurus-RM-7B"]["mt_bench_human"] == 72.9
    assert not any("mt_bench" in figures for figures in paper.values())
