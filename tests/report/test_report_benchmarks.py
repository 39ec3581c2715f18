"""Tables of an evaluation on benchmarks, in the terminal and on the page."""

import io
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from report_examples import HOSTILE, make_results
from rich.console import Console

from preftree.evaluate.benchmark import ACCURACY, Metric
from preftree.evaluate.benchmarks.gsm8k import GSM8K
from preftree.evaluate.suites import Choice, Column
from preftree.evaluate.summary import Rows, summarize
from preftree.records import Result
from preftree.report import benchmark_table, group_table, render_page, suite_markdown, suite_table

MARK = Metric("mark", "mark", best=10.0)


@pytest.fixture
def summary():
    """Two models on two benchmarks: text and program with a group; marks of a judge."""
    results = [
        Result(
            model,
            str(i),
            name,
            0,
            ("correct" if (i + place) % 4 else "wrong",),
            ("",),
            truncated=i == 0,
            metadata={"mode": mode, "labels": {"level": str(i % 2)}, "scores": {"mark": 7.0 + i % 2}},
        )
        for place, model in enumerate(("first", "second"))
        for name, modes in (("sums", ("text", "program")), ("chats", ("text",)))
        for mode in modes
        for i in range(8)
    ]
    sums = replace(GSM8K, name="sums", modes=("text", "program"), groups=("level",), rows=8, metrics=(ACCURACY,))
    chats = replace(GSM8K, name="chats", modes=("text",), rows=9, metrics=(MARK,))
    columns = (Column("Sums", "sums"), Column("Odd sums", "sums", "level", "1"))
    choice = Choice((), "standard", "small", False, columns, True)
    return summarize(results, [Rows(sums, 8, 8), Rows(chats, 8, 8)], choice)


def shown(table, width=80):
    written = io.StringIO()
    Console(width=width, file=written).print(table)
    return written.getvalue()


def test_the_table_holds_every_figure_and_fits(summary):
    text = shown(benchmark_table(summary, "first"))
    lines = [line.split() for line in text.splitlines()]
    assert ["sums", "text", "accuracy", "75.0", "40.9–92.9", "8", "1", "0"] in lines
    assert ["better", "of", "two:", "text", "75.0", "40.9–92.9", "8"] in lines
    assert any(line[:4] == ["chats", "text", "mark", "7.50"] for line in lines)
    assert max(map(len, text.splitlines())) <= 80


def test_groups_name_their_n(summary):
    lines = [line.split() for line in shown(group_table(summary, "first")).splitlines()]
    assert ["sums", "(text),", "level", "1", "100.0", "51.0–100.0", "4"] in lines


def test_a_label_of_many_values_stays_in_the_file(summary):
    """As BBH's 27 tasks and MMLU's 57 subjects."""
    figures = summary["rows"][0]["groups"]["level"]["1"]
    for row in summary["rows"]:
        row["groups"] = {"subject": {str(i): figures for i in range(11)}}
    assert group_table(summary, "first") is None


def test_a_suite_has_a_column_a_model_and_the_mean(summary):
    lines = shown(suite_table(summary)).splitlines()
    assert [line.split()[0] for line in lines if line.strip()][-1] == "average"
    markdown = suite_markdown(summary).splitlines()
    assert markdown[0] == "| model | Sums | Odd sums | average |"
    assert markdown[2] == "| first | 75.0 | 100.0 | 87.5 |"
    assert len(markdown) == 4


def test_the_page_shows_them_and_foreign_names_stay_text(summary):
    texts = []

    class Reader(HTMLParser):
        def handle_data(self, data):
            texts.append(data.strip())

    hostile = summary | {"name": HOSTILE, "models": [HOSTILE, "second"]}
    page = render_page(make_results() | {"benchmarks": [hostile]}, [])
    Reader().feed(page)
    said = [text for text in texts if text]
    place = said.index("chats")
    assert said[place : place + 3] == ["chats", "text", "mark"]
    assert "7.50" in said
    assert "chats: 8 rows were there; the published set has 9." in said
    assert "better of both" in said
    assert "<script>" not in page
    assert "Benchmarks" not in render_page(make_results(), [])
