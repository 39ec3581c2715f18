"""The page over several runs: every figure of each, hostile names as text, the same in Markdown, figures as files."""

from __future__ import annotations

import copy
import csv
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from report_examples import HOSTILE, make_results
from test_report_page import Page, assert_links_and_labels

from preftree.report import render_runs, runs_tables, write_runs
from preftree.report.comparison import Sheet
from preftree.report.sections import parts_of
from preftree.report.text import clean, decimal, duration, interval, percent

_NAMES = ("nca", "kto", "dpo")
_FINAL = {"nca": 0.16, "kto": 0.4, "dpo": -1.26}


def make_run(name: str, place: int) -> dict[str, Any]:
    """The example's results, each run with figures of its own."""
    run = copy.deepcopy(make_results())
    for row in [*run["evaluation"]["groups"], *run["rerank"]["curves"]]:
        row["value"] = min(row["value"] + 0.007 * place, 1.0)
        row["high"] = max(row["high"], row["value"])
    for row in run["training"][1]["metrics"]:
        row["rewards/chosen"] = _FINAL[name] * row["step"] / 77
    answers = {"stage": "evaluate", "model": "sft", "written": 40 + place, "truncated": 3, "mean": 21.5}
    answers |= {
        "tokens": dict(zip(("10%", "25%", "50%", "75%", "90%"), (5.0, 9.0, 20.0 + place, 31.0, 80.0), strict=True))
    }
    costs = {"role": "actor", "stage": "sample", "actor": "bare", "calls": 5, "price_usd": 0.0}
    costs |= {"input_tokens": 71, "output_tokens": 913 + place}
    run["forests"][0]["costs"] = [costs]
    figure = {"value": 0.5 + _FINAL[name] / 10, "low": 0.3, "high": 0.7, "n": 160}
    chosen = {"value": _FINAL[name], "low": _FINAL[name] - 0.05, "high": _FINAL[name] + 0.05, "steps": 7}
    return run | {
        "name": name,
        "path": f"runs/{name}",
        "answers": [answers | {"turns": {"1": 20, "2": 5, "unsolved": 15}, "most_turns": 3}],
        "actions": [],
        "policies": [
            {"name": "policy", "path": f"/runs/{name}/policy", "objective": name, "chosen": chosen}
            | {"figures": {"own problems, all, 1 turn": figure}}
        ],
        "provenance": {
            "recipe": "quickstart",
            "models": ["embedded"],
            "objectives": ["sft", name],
            "seeds": ["0"],
            "versions": ["0.1.0"],
            "made": "2026-11-24T12:34:56+00:00",
            "machines": ["Some CPU, 2 cores, 24 GB"],
            "seconds": 900.0 + place,
        },
    }


def make_runs() -> dict[str, Any]:
    runs = [make_run(name, place) for place, name in enumerate(_NAMES)]
    differing = [{"setting": "objective", "values": list(_NAMES)}]
    return {"version": "0.1.0", "made": "2026-11-25T00:00:00+00:00", "runs": runs, "differing": differing}


def expected(results: dict[str, Any]) -> set[str]:
    found = {*_NAMES, "objective", "Some CPU, 2 cores, 24 GB", "913", "914", "915"}
    for run in results["runs"]:
        for row in [*run["evaluation"]["groups"], *run["rerank"]["curves"]]:
            found |= {percent(row["value"]), interval(row["low"], row["high"])}
        policy = run["policies"][0]
        found |= {decimal(policy["chosen"]["value"]), percent(policy["figures"]["own problems, all, 1 turn"]["value"])}
        found |= {duration(run["provenance"]["seconds"])}
        report = run["training"][1]["report"]
        found |= {f"{report['tokens_rows']:,}", f"{report['tokens_trie']:,}"}
    return found


def test_every_figure_is_on_the_page_and_in_markdown(tmp_path: Path) -> None:
    results = make_runs()
    written = write_runs(results, tmp_path)
    page = Page(written.page.read_text("utf-8"))
    markdown = re.sub(r"\\([^\w])", r"\1", written.markdown.read_text("utf-8"))
    assert [one for one in expected(results) if one not in page.text] == []
    assert [one for one in expected(results) if one not in markdown] == []
    assert_links_and_labels(page)


def test_the_claim_is_the_papers_and_the_correlation_ours() -> None:
    text = Page(render_runs(make_runs())).text
    assert (
        "rank correlation of the final reward of chosen answers with the average is 1.000 over n = 3 policies" in text
    )
    assert "(p = 0.333, two-sided" in text
    assert "The paper's claim (figure 5)" in text
    two = make_runs()
    del two["runs"][2]
    two["differing"][0]["values"].pop()
    assert "with fewer than 3 nothing can be said" in Page(render_runs(two)).text


def test_a_policy_that_two_runs_evaluated_is_one_point() -> None:
    results = make_runs()
    results["runs"][2]["policies"] = results["runs"][1]["policies"]
    assert "2 policies have both" in Page(render_runs(results)).text


def test_foreign_text_stays_text(tmp_path: Path) -> None:
    honest = Page(render_runs(make_runs()))
    hostile = json.loads(
        json.dumps(make_runs()).replace('"kto"', json.dumps(HOSTILE)).replace('"gcd"', json.dumps(HOSTILE))
    )
    hostile["runs"][1]["provenance"]["models"] = [HOSTILE]
    hostile["runs"][1]["answers"][0]["model"] = HOSTILE
    hostile["differing"].append({"setting": HOSTILE, "values": [HOSTILE, "–", "–"]})
    written = write_runs(hostile, tmp_path)
    page = Page(written.page.read_text("utf-8"))
    assert not {"script", "iframe", "object", "link"} & {tag for tag, _ in page.tags}
    assert page.named("img") == []
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.styles == honest.styles
    assert page.text.count("<script>alert(1)</script>") > 10
    assert not re.search(r"(?<!\\)<script", written.markdown.read_text("utf-8"))
    for path in written.figures:
        assert path.parent == tmp_path / "figures"
        assert not [one for one in ET.parse(path).iter() if one.tag.endswith("script")]


def test_figures_of_all_runs_with_their_data(tmp_path: Path) -> None:
    results = make_runs()
    written = write_runs(results, tmp_path)
    names = {path.stem for path in written.figures}
    assert names >= {
        *("rewards-chosen", "rewards-rejected", "rewards-margin", "reward-model-margin", "reward-and-average"),
        *("reranking-reward-model", "reranking-pass-n", "token-sharing", "yield", "answer-lengths", "turns-of-answers"),
    }
    with (tmp_path / "figures/rewards-chosen.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for run in results["runs"]:
        single = [float(row["single"]) for row in rows if row["line"] == run["name"]]
        assert single == [row["rewards/chosen"] for row in run["training"][1]["metrics"]]
    styles = [
        element.attrib["class"]
        for element in ET.parse(tmp_path / "figures/rewards-chosen.svg").iter("{http://www.w3.org/2000/svg}polyline")
        if "line" in element.attrib["class"].split()
    ]
    # A run is told by its pattern, not by its colour alone.
    assert len({tuple(style.split()[2:]) for style in styles}) == 3


@pytest.mark.parametrize(
    "absent", sorted(set(make_run("nca", 0)) - {"name", "path", "provenance", "stages", "settings"})
)
def test_what_only_some_runs_have(absent: str) -> None:
    results = make_runs()
    del results["runs"][1][absent]
    page = Page(render_runs(results))
    assert "None" not in page.text
    assert_links_and_labels(page)


def test_a_terminal_is_shown_the_scores() -> None:
    from rich.console import Console

    with (console := Console(width=80)).capture() as said:
        for table in runs_tables(make_runs()):
            console.print(table)
    assert "kto: sft" in said.get()
    assert "n = 3 policies" in said.get().replace("\n", " ")


def test_a_wide_table_is_told_in_parts() -> None:
    sheet = Sheet("t", ("name", *map(str, range(25))), (("a", *map(str, range(25))),), 1, ("note",))
    parts = parts_of(sheet)
    assert [len(part.columns) for part in parts] == [10, 10, 8]
    assert [cell for part in parts for cell in part.rows[0][1:]] == [str(i) for i in range(25)]
    assert {part.rows[0][0] for part in parts} == {"a"}
    assert [part.notes for part in parts] == [(), (), ("note",)]


def test_long_lists_of_settings_are_folded() -> None:
    results = make_runs()
    results["differing"] = [{"setting": f"key-{i}", "values": ["a", "b", "c"]} for i in range(90)]
    source = render_runs(results)
    assert source.index("key-39") < source.index("More settings that differ") < source.index("key-40")
    assert clean("key-89") in source
