"""The page: every figure stands in it, foreign text stays text, absent sections leave no hole, files appear whole."""

from __future__ import annotations

import csv
import itertools
import json
import math
import os
import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from report_examples import HOSTILE, make_results, make_tree, make_trees

from preftree import report
from preftree.records import Turn
from preftree.report import render_page, write_report
from preftree.report.summary import saved_seconds
from preftree.report.text import count, decimal, duration, interval, percent, points

VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}


class Page(HTMLParser):
    """The text of a page by element, its tags and attributes; fails on a tag that closes what is not open."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.styles if self.open and self.open[-1] == "style" else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def expected_figures(results: dict[str, Any]) -> set[str]:
    """Each figure of the results as the page rounds it."""
    evaluation, rerank = results["evaluation"], results["rerank"]
    found: set[str] = set()
    for row in [*evaluation["rows"], *evaluation["groups"], *rerank["curves"], *rerank["rows"]]:
        found |= {percent(row["value"]), interval(row["low"], row["high"])}
    found |= {points(row["difference"]) for row in evaluation["paired"]}
    for run in results["training"]:
        for key in ("num_rows", "num_set_aside", "steps", "tokens_rows", "tokens_trie"):
            found.add(count(run["report"][key]))
        for row in run["metrics"]:
            found |= {decimal(value) for key, value in row.items() if key != "step"}
    for forest in results["forests"]:
        report = forest["report"]
        numbers = [v for k, v in report.items() if isinstance(v, int) and k != "new_calls"]
        numbers += [*report["stages"].values(), *report["trees_by_turns"].values()]
        numbers += [value for key, value in report["account"].items() if key != "price_usd"]
        found |= {count(value) for value in numbers}
    for stage in results["stages"]:
        found |= {duration(stage["seconds"]), count(stage["peak_memory_mb"])}
        found |= {count(stage[key]) for key in ("calls", "input_tokens", "output_tokens") if key in stage}
    for sizes in results["problems"][0]["problems"].values():
        found |= {count(size) for size in sizes.values()}
    return found | {*results["versions"].values(), *results["deviations"], results["machine"]["cpu"], "grow.max_turns"}


def test_every_figure_is_on_the_page() -> None:
    results = make_results()
    page = Page(render_page(results, make_trees()))
    said = [text.strip() for text in page.texts]
    absent = [figure for figure in expected_figures(results) if not any(figure in text for text in said)]
    assert absent == []


@pytest.mark.parametrize(
    "fragment",
    [
        "sft against bare: +57.5 points (p < 0.001, paired): better.",
        "nca against sft: +2.5 points (p = 0.344, paired): within the noise.",
        "Training nca left the implicit reward of chosen answers at 0.154, above zero",
        "+11.1 points; the intervals overlap, so this may be noise.",
        "571 (93.3%)",
        "63.4%",
    ],
)
def test_the_summary_says_what_the_figures_say(fragment: str) -> None:
    assert fragment in Page(render_page(make_results(), [])).text


def test_a_loss_is_called_a_loss_and_a_missing_test_no_gain() -> None:
    results = make_results()
    trained = [row for row in results["evaluation"]["paired"] if row["group"] == "trained families"]
    trained[1] |= {"a": "nca", "b": "sft", "difference": 0.05, "p_value": 0.01}
    trained[0] |= {"p_value": None}
    text = Page(render_page(results, [])).text
    assert "nca against sft: −5.0 points (p = 0.010, paired): worse." in text
    assert "sft against bare: +57.5 points: no test." in text


def test_foreign_text_stays_text() -> None:
    results = make_results()
    honest = Page(render_page(results, [make_tree()]))
    text = json.dumps(results).replace('"nca"', json.dumps(HOSTILE)).replace('"gcd"', json.dumps(HOSTILE + "g"))
    hostile = json.loads(text)
    hostile["deviations"] = [HOSTILE, HOSTILE]
    hostile["recipe"] = hostile["settings"]["critic"] = hostile["machine"]["cpu"] = HOSTILE
    hostile["forests"][0]["name"] = hostile["stages"][0]["name"] = HOSTILE
    page = Page(render_page(hostile, [make_tree(hostile=HOSTILE)]))
    assert not {"script", "iframe", "object", "link"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    # The template's own images are SVG: a foreign <img> would be the only one.
    assert page.named("img") == []
    assert page.styles == honest.styles
    assert page.text.count("<script>alert(1)</script>") > 30
    assert "{{ 7 * 7 }}" in page.text


@pytest.mark.parametrize("character", ["\x00", "\x1b[31m", "\ud800", "\u202e", "\x9b", "\uffff"], ids=ascii)
def test_text_that_acts_or_cannot_be_written_is_shown(character: str, tmp_path: Path) -> None:
    results = make_results() | {"recipe": f"a{character}b"}
    results["training"][1]["name"] = f"a{character}b"
    results["forests"][0]["name"] = results["evaluation"]["models"][0] = f"a{character}b"
    written = write_report(results, [make_tree(hostile=character)], tmp_path)
    for path in (written.page, written.markdown, *tmp_path.glob("figures/*")):
        assert character[0] not in path.read_text("utf-8"), path


@pytest.mark.parametrize("absent", sorted(make_results()))
def test_an_absent_section_leaves_no_hole(absent: str) -> None:
    results = make_results()
    del results[absent]
    page = Page(render_page(results, make_trees()))
    assert "None" not in page.text
    assert "nan" not in page.text.split()
    assert_links_and_labels(page)


def test_nothing_at_all_still_makes_a_page() -> None:
    page = Page(render_page({}, []))
    assert [text for text in page.texts if text.strip() == "run"]
    assert_links_and_labels(page)


def test_values_that_could_not_be_computed() -> None:
    results = make_results()
    for row in [*results["evaluation"]["rows"], *results["evaluation"]["groups"]]:
        row |= {"value": math.nan, "low": 0.0, "high": 1.0, "n": 0}
    for row in results["evaluation"]["paired"]:
        row |= {"difference": math.nan, "p_value": 1.0}
    results["rerank"]["curves"] = [row | {"value": math.nan} for row in results["rerank"]["curves"]]
    results["training"][1]["metrics"] = [{"step": 1, "loss": math.nan, "rewards/chosen": -math.inf}]
    results["stages"][0] |= {"peak_memory_mb": None, "seconds": 0.0}
    text = Page(render_page(results, [])).text
    assert "nan" not in text.lower().split()
    assert "inf" not in text.split()


def assert_links_and_labels(page: Page) -> None:
    """Every link leads somewhere on the page, every id is unique, everything that needs a name has one."""
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in page.named("a"):
        assert (link["href"] or "").removeprefix("#") in ids
    for section in page.named("section"):
        assert section["aria-labelledby"] in ids
    assert len(page.named("table")) == len(page.named("caption"))
    for tag, attributes in page.tags:
        if attributes.get("tabindex") == "0" or attributes.get("role") in ("img", "region"):
            assert attributes.get("aria-label"), tag
            # A name is allowed only on what has a role.
            assert attributes.get("role"), tag
        assert tag != "svg" or attributes.get("role") == "img" or attributes.get("aria-hidden") == "true"


def test_the_page_is_accessible_and_self_contained() -> None:
    source = render_page(make_results(), make_trees())
    page = Page(source)
    assert_links_and_labels(page)
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert [a for _, a in page.tags if "src" in a or "srcset" in a or "@import" in str(a)] == []
    assert "url(" not in source
    assert "@import" not in source
    assert "default-src 'none'" in str(page.named("meta"))


def test_trees_are_drawn_in_order_with_the_expanded_action_last() -> None:
    tree = make_tree(depth=2)
    extra = make_tree("x").turns[0].correct[0]
    first = tree.turns[0]
    crowded = Turn(0, (extra,) * 4, (first.incorrect[0], *first.incorrect, first.incorrect[0]), 0, None, first.reply)
    source = render_page({}, [type(tree)(tree.id, tree.problem, tree.prompt, (crowded, tree.turns[1]))])
    page = Page(source)
    kinds = [a["class"] for a in page.named("article") if "action" in str(a["class"])]
    assert kinds == [
        "node action good",
        "node action good",
        "node action bad",
        "node action bad expanded",
        "node action good",
        "node action bad",
    ]
    assert "3 more not shown" in page.text
    assert source.index("turn 1") < source.index("expanded ↓") < source.index("node reply") < source.index("turn 2")


def test_both_files_are_written_whole(tmp_path: Path) -> None:
    results = make_results()
    results["evaluation"]["rows"][0]["value"] = math.nan
    written = write_report(results, make_trees(), tmp_path / "deep" / "out")
    out = tmp_path / "deep" / "out"
    assert sorted(path.name for path in out.iterdir()) == ["figures", "report.html", "report.md", "results.json"]
    read = json.loads(written.results.read_text("utf-8"), parse_constant=pytest.fail)
    figures = read.pop("figures")
    assert sorted(path.name for path in (out / "figures").iterdir()) == sorted(
        f"{name}.{ending}" for name in figures for ending in ("csv", "svg")
    )
    assert read["evaluation"]["rows"][0]["value"] is None
    read["evaluation"]["rows"][0]["value"] = results["evaluation"]["rows"][0]["value"] = 0.0
    assert read == results
    assert stat.S_IMODE(written.page.stat().st_mode) == 0o644
    # What was read back makes the same page.
    assert render_page(read, make_trees()) == render_page(results, make_trees())


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(make_results(), [], tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_report({"recipe": "other"}, [], tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_figures_that_are_no_more_are_removed_and_nothing_else(tmp_path: Path) -> None:
    write_report(make_results(), [], tmp_path)
    assert (tmp_path / "figures/rewards-nca.csv").is_file()
    (tmp_path / "figures/my-own.svg").write_text("mine")
    written = write_report({"evaluation": make_results()["evaluation"]}, [], tmp_path)
    assert sorted(path.name for path in (tmp_path / "figures").glob("*.svg")) == sorted(
        ["my-own.svg", *(path.name for path in written.figures)]
    )
    assert not (tmp_path / "figures/rewards-nca.csv").exists()


def test_a_figure_has_its_data_beside_it(tmp_path: Path) -> None:
    results = make_results()
    write_report(results, [], tmp_path)
    with (tmp_path / "figures/rewards-nca.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    logged = results["training"][1]["metrics"]
    single = {(row["line"], int(row["step"])): float(row["single"]) for row in rows}
    assert single == {(name, row["step"]): row[f"rewards/{name}"] for row in logged for name in ("chosen", "rejected")}
    with (tmp_path / "figures/reranking.csv").open(encoding="utf-8") as file:
        curves = {(row["line"], int(row["N"])): float(row["accuracy"]) for row in csv.DictReader(file)}
    assert curves == {(row["method"], row["n"]): row["value"] for row in results["rerank"]["curves"]}
    for path in (tmp_path / "figures").glob("*.svg"):
        root = ElementTree.parse(path).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.findtext("{http://www.w3.org/2000/svg}desc")


def test_markdown_holds_the_figures_of_the_page(tmp_path: Path) -> None:
    results = make_results()
    source = write_report(results, [], tmp_path).markdown.read_text("utf-8")
    said = re.sub(r"\\([^\w])", r"\1", source)
    evaluation, rerank = results["evaluation"], results["rerank"]
    for row in [*evaluation["rows"], *evaluation["groups"], *rerank["curves"], *rerank["rows"]]:
        assert f"{percent(row['value'])} [{interval(row['low'], row['high'])}]" in said
    for row in evaluation["paired"]:
        assert points(row["difference"]) in said
    for run in results["training"]:
        assert count(run["report"]["tokens_trie"]) in said
    for name in re.findall(r"\]\((figures/[\w-]+\.svg)\)", source):
        assert (tmp_path / name).is_file()
    # Each table has as many cells in its rows as in its head.
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in source.splitlines()]
    for before, after in itertools.pairwise(widths):
        assert not before or not after or before == after


def test_the_time_that_tries_saved_is_what_was_recorded() -> None:
    report = {"tokens_rows": 300, "tokens_trie": 100, "seconds": 60.0}
    assert saved_seconds(report) == pytest.approx(120.0)
    for absent in report:
        assert saved_seconds({key: value for key, value in report.items() if key != absent}) is None
    text = Page(render_page(make_results(), [])).text
    nca = make_results()["training"][1]["report"]
    assert duration(nca["seconds"] * (nca["tokens_rows"] / nca["tokens_trie"] - 1)) in text
    assert "is an estimate from what the run recorded" in text


def test_a_long_log_is_thinned_and_says_so() -> None:
    results = make_results()
    results["training"][0]["metrics"] = [{"step": step, "loss": step / 7} for step in range(1, 1002)]
    results["training"][0]["metrics"].append({"step": 1001, "train_runtime": 242.4})
    text = Page(render_page(results, [])).text
    assert "every 6th of 1,001 logged steps" in text


def luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_contrast(scheme: int) -> None:
    """At least 4.5 to 1 (WCAG AA) for each colour of text on each ground that it stands on."""
    css = (Path(report.__file__).parent / "page.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[scheme]))
    on_paper = ["ink", "soft", "accent", "good", "bad", *(f"hue{i}" for i in range(1, 6))]
    on_code = ["ink", "soft", "kw", "str", "num", "com", "fn"]
    pairs = [(text, "paper") for text in on_paper] + [(text, "faint") for text in on_code]
    pairs += [(text, "card") for text in ("ink", "soft", "good", "bad")]
    for text, ground in pairs:
        light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
