"""`preftree score`: figures of given responses, and one clear sentence for each wrong row."""

import json

import pytest

from preftree.cli import main

ROWS = [
    {"question": f"What is {i} + 1?", "answer": f"Add them.\n#### {i + 1}"} for i in range(6)
]  # GSM8K's form; the rows have no ids
RIGHT = [f"The sum is \\boxed{{{i + 1}}}." for i in range(6)]


@pytest.fixture
def given(tmp_path):
    """Score these rows against the six items; returns (exit status, output, error)."""
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def score(rows, *words, capsys, name="gsm8k"):
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (tmp_path / "f.jsonl").write_text("".join(line + "\n" for line in lines))
        status = main(["score", name, "--predictions", str(tmp_path / "f.jsonl"), f"data={tmp_path}", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return score


def _json(given, rows, *words, capsys):
    status, out, err = given(rows, "--json", *words, capsys=capsys)
    assert status == 0, err
    return json.loads(out)


def test_figures(given, capsys):
    rows = [{"id": i, "response": text} for i, text in enumerate(RIGHT)]
    rows[2]["response"] = "It is \\boxed{7}."
    rows[3]["response"] = "I can't say."
    scored = _json(given, rows, capsys=capsys)
    assert (scored["benchmark"], scored["protocol"], scored["mode"]) == ("gsm8k", "standard", "text")
    assert scored["score"] == pytest.approx(4 / 6)
    assert scored["low"] < 4 / 6 < scored["high"]
    counts = {name: scored[name] for name in ("n", "rows_found", "rows_in_full", "correct", "wrong", "undecided")}
    assert counts == {"n": 6, "rows_found": 6, "rows_in_full": 1319, "correct": 4, "wrong": 2, "undecided": 0}
    assert [row["verdict"] for row in scored["verdicts"]] == ["correct"] * 2 + ["wrong"] * 2 + ["correct"] * 2
    filters = dict.fromkeys(("strict_match", "flexible_extract", "hash_match"), 0.0)
    assert scored["verdicts"][3] == {"id": "3", "sample": 0, "verdict": "wrong", "why": "no answer", "scores": filters}
    assert scored["notes"] == ["6 items are in the data; the published set has 1,319."]


def test_ids_are_numbers_or_text(given, capsys):
    scored = _json(given, [{"id": str(i), "response": text} for i, text in enumerate(RIGHT)], capsys=capsys)
    assert scored["score"] == 1.0


def test_items_without_a_response_are_wrong_and_said(given, capsys):
    rows = [{"id": i, "response": RIGHT[i]} for i in range(4)]
    scored = _json(given, rows, capsys=capsys)
    assert scored["score"] == pytest.approx(4 / 6)
    assert (scored["n"], scored["without_response"], scored["correct"], scored["wrong"]) == (6, 2, 4, 0)
    assert scored["notes"][0] == "2 of 6 items have no response: they count as wrong."
    scored = _json(given, rows, "--partial", capsys=capsys)
    assert (scored["score"], scored["n"]) == (1.0, 4)
    assert scored["notes"][0] == "2 of 6 items have no response: they are left out."


def test_several_samples(given, capsys):
    wrong = "\\boxed{100}"
    rows = [{"id": i, "sample": s, "response": RIGHT[i] if s >= i else wrong} for i in range(6) for s in range(4)]
    scored = _json(given, rows, capsys=capsys)
    solved = [4, 3, 2, 1, 0, 0]
    assert scored["score"] == pytest.approx(sum(solved) / 24)
    assert (scored["n"], scored["samples"], len(scored["verdicts"])) == (6, 4, 24)
    assert {row["k"]: row["value"] for row in scored["pass_at"]} == pytest.approx(
        {1: 10 / 24, 2: (1 + 1 + 5 / 6 + 1 / 2) / 6, 4: 4 / 6}
    )


def test_the_table(given, capsys):
    status, out, _ = given([{"id": i, "response": RIGHT[i]} for i in range(5)], capsys=capsys)
    assert status == 0
    assert "gsm8k (standard, text)" in out
    assert "83.3" in out
    assert "5 correct, 0 wrong, 0 undecided. Items: 6 counted, 6 in the data, 1,319 in full." in out
    assert "1 of 6 items have no response: they count as wrong." in out


def test_a_directory_keeps_results_for_compare(given, capsys, tmp_path):
    for name, right in (("a", 4), ("b", 6)):
        rows = [{"id": i, "response": RIGHT[i] if i < right else "no"} for i in range(6)]
        _json(given, rows, f"out={tmp_path / name}", f"model={name}", capsys=capsys)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (pair,) = found["pairs"]
    assert (pair["a"], pair["b"], pair["column"], pair["n"]) == ("a", "b", "gsm8k", 6)
    assert pair["difference"] == pytest.approx(2 / 6)


GOOD = {"id": 0, "response": "\\boxed{1}"}


@pytest.mark.parametrize(
    ("rows", "words", "told"),
    [
        pytest.param([GOOD, "{"], (), "f.jsonl row 2: not JSON", id="no-json"),
        pytest.param([GOOD, "[1]"], (), "f.jsonl row 2: expected a JSON object, got list", id="no-object"),
        pytest.param([GOOD, {"response": ""}], (), 'f.jsonl row 2, field "id": missing', id="no-id"),
        pytest.param([{"id": True, "response": ""}], (), 'field "id": expected text or a whole number', id="truth-id"),
        pytest.param([{"id": 0}], (), 'f.jsonl row 1, field "response": missing', id="no-response"),
        pytest.param([{"id": 0, "response": None}], (), 'field "response": expected text', id="null-response"),
        pytest.param([{"id": 0, "response": ["a", "b"]}], (), "expected one text, got 2", id="two-turns-of-one"),
        pytest.param([{**GOOD, "sample": -1}], (), 'f.jsonl row 1, field "sample": expected a whole', id="sample"),
        pytest.param([GOOD, {"id": 99, "response": ""}], (), 'f.jsonl row 2, field "id": gsm8k has no item "99"',
                     id="unknown-id"),
        pytest.param([GOOD, {"id": 1, "response": ""}, GOOD], (), 'f.jsonl row 1 and 3: two responses to item "0"',
                     id="duplicate"),
        pytest.param([{**GOOD, "sample": 1}] * 2, (), "f.jsonl row 1 and 2: two responses", id="duplicate-sample"),
        pytest.param([], (), "f.jsonl: no responses", id="nothing"),
        pytest.param([GOOD], ("protocol=paper",), "protocol: expected one of", id="unknown-protocol"),
        pytest.param([GOOD], ("mode=song",), "mode: gsm8k has", id="unknown-mode"),
        pytest.param([GOOD], ("data=/nowhere",), "/nowhere: no such file or folder", id="no-data"),
        pytest.param([GOOD], ("date=/nowhere",), 'unknown setting "date"; did you mean "data"?', id="unknown-setting"),
        pytest.param([GOOD], ("judge.model=x", "judge.kind=sleeper"), "judge", id="unknown-judge"),
    ],
)  # fmt: skip
def test_one_sentence_for_what_is_wrong(given, capsys, rows, words, told):
    status, out, err = given(rows, *words, capsys=capsys)
    assert (status, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_an_unknown_benchmark_and_a_missing_file(given, capsys, tmp_path):
    status, _, err = given([GOOD], capsys=capsys, name="gsm9k")
    assert status == 2
    assert 'no benchmark is named "gsm9k"; did you mean "gsm8k"?' in err
    assert main(["score", "gsm8k", "--predictions", str(tmp_path / "none.jsonl"), f"data={tmp_path}"]) == 2
    assert "none.jsonl: no such file" in capsys.readouterr().err


# ---------------------------------------------------------------- benchmarks of reward models


def test_rewards_of_pairs(data_dir, tmp_path, capsys):
    """The counting is `evaluate.rewards`'; what is ours is the file, its rows and the printing."""
    rewards = pytest.importorskip("preftree.evaluate.rewards")
    rows = list(rewards.gold_rewards("autoj", str(data_dir)))
    file = tmp_path / "r.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["score", "autoj", "--predictions", str(file), f"data={data_dir}", "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    assert (scored["scored"], scored["published_rows"]) == (len(rows), 1392)
    assert max(figure["value"] for figure in scored["figures"]) == 1.0
    assert main(["score", "autoj", "--predictions", str(file), f"data={data_dir}"]) == 0
    assert f"Rows: {len(rows):,} scored, 0 not, 1,392 in full." in capsys.readouterr().out
    for row, told in (
        ({"id": "none", "rewards": [1, 0]}, 'r.jsonl row 1, field "id": autoj has no row'),
        ({"id": 0, "rewards": [1]}, 'r.jsonl row 1, field "rewards": expected two numbers'),
    ):
        file.write_text(json.dumps(row) + "\n")
        assert main(["score", "autoj", "--predictions", str(file), f"data={data_dir}"]) == 2
        assert told in capsys.readouterr().err
