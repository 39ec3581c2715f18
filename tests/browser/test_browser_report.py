"""The report in a browser: of one run and of three, on a phone and on a desk, on paper, and of a hostile model."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from preftree.recipe import run_single
from preftree.report import write_report, write_runs

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from report_examples import HOSTILE, make_results, make_tree
from tiny_runs import run_objective, run_quickstart

WIDTHS = {"phone": (390, 844), "desk": (1280, 900)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory, tiny_model):
    """The page of one whole run, and the one that compares it with two others."""
    folder = tmp_path_factory.mktemp("reports")

    def make():
        whole = run_quickstart(folder / "nca", tiny_model)
        others = [run_objective(folder / name, whole, name, rate) for name, rate in (("kto", 3e-3), ("dpo", 1e-2))]
        run_single("report", {"runs": [str(run) for run in (whole, *others)], "out": str(folder / "compared")})
        return {"one": whole / "report/report.html", "three": folder / "compared/report.html"}

    with ThreadPoolExecutor() as pool:  # the browser's driver has this thread's loop
        return pool.submit(make).result()


def open_at(visit, page, width, **more):
    return visit(page.as_uri(), width=WIDTHS[width][0], height=WIDTHS[width][1], **more)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("which", ["one", "three"])
def test_it_fits_and_is_accessible(pages, visit, serious, shots, which, width):
    page = open_at(visit, pages[which], width)
    assert page.locator("svg.figure").count() > 8
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    # What is wider than the screen scrolls in its own box, which the keyboard reaches.
    boxes = page.locator(".scroll")
    assert boxes.count() > 5
    assert {boxes.nth(i).get_attribute("tabindex") for i in range(boxes.count())} == {"0"}
    if width == "phone":
        assert page.evaluate("[...document.querySelectorAll('.scroll')].some(box => box.scrollWidth > box.clientWidth)")
    page.screenshot(path=shots / f"report-{which}-{width}.png", full_page=True)
    assert serious(page) == []


@pytest.mark.parametrize("which", ["one", "three"])
def test_dark(pages, visit, serious, shots, which):
    page = open_at(visit, pages[which], "desk", scheme="dark")
    page.screenshot(path=shots / f"report-{which}-dark.png", full_page=True)
    assert serious(page) == []


def test_words_do_not_run_out_of_their_figures(pages, visit):
    """Each text of each figure lies within it, but for a pixel of its outline."""
    for which in ("one", "three"):
        page = open_at(visit, pages[which], "desk")
        out = page.evaluate(
            """() => [...document.querySelectorAll('svg.figure')].flatMap(svg => {
                const box = svg.getBoundingClientRect()
                return [...svg.querySelectorAll('text')].filter(text => {
                    const at = text.getBoundingClientRect()
                    return at.left < box.left - 2 || at.right > box.right + 2 || at.bottom > box.bottom + 2
                }).map(text => text.textContent)
            })"""
        )
        assert out == []


@pytest.mark.parametrize("which", ["one", "three"])
def test_on_paper(pages, visit, shots, which):
    """Light whatever the screen is, everything open, and nothing wider than the sheet."""
    page = open_at(visit, pages[which], "desk", scheme="dark")
    assert page.locator("details").count() > 0
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 695, "height": 1000})  # what A4 leaves between these margins
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(29, 33, 37)"
    assert page.locator("nav").first.is_hidden()
    inside = page.locator("details > :not(summary)")
    assert all(inside.nth(i).bounding_box()["height"] > 0 for i in range(inside.count()))
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    cut = page.evaluate(
        "[...document.querySelectorAll('.scroll > table')].filter(t => t.offsetWidth > t.parentElement.clientWidth + 1)"
        ".map(t => t.caption.textContent)"
    )
    assert cut == []
    printed = page.pdf(path=shots / f"report-{which}.pdf", prefer_css_page_size=True, print_background=True)
    assert printed.startswith(b"%PDF")
    page.screenshot(path=shots / f"report-{which}-paper.png", full_page=True)


def test_figures_stand_on_their_own(pages, visit, shots):
    for place, file in enumerate(sorted((pages["three"].parent / "figures").glob("*.svg"))):
        page = visit(file.as_uri(), width=560, height=400)
        assert page.evaluate("document.documentElement.tagName") == "svg", file
        if place == 0:
            page.screenshot(path=shots / "report-figure.png")


def test_hostile_text_stays_text(visit, tmp_path):
    trap = HOSTILE.replace("alert(1)", "document.title='owned'").replace("alert('2')", "document.title='owned'")
    text = json.dumps(make_results()).replace('"nca"', json.dumps(trap)).replace('"gcd"', json.dumps(f"{trap}g"))
    results = json.loads(text) | {"recipe": trap}
    one = write_report(results, [make_tree(hostile=trap)], tmp_path / "one").page
    made = {
        "recipe": trap,
        "models": [trap],
        "objectives": [],
        "seeds": [],
        "versions": [],
        "made": "2026",
        "machines": [],
    }
    runs = [results | {"name": f"{trap}{i}", "path": trap, "provenance": made | {"seconds": 1.0}} for i in range(2)]
    differing = [{"setting": trap, "values": [trap, "–"]}]
    several = write_runs({"version": "0", "made": "2026", "runs": runs, "differing": differing}, tmp_path / "two").page
    for path in (one, several):
        page = visit(path.as_uri())
        assert "<script>document.title='owned'</script>" in page.inner_text("main")
        assert page.locator("img, script, iframe").count() == 0
        assert "owned'" not in page.title() or "<script>" in page.title()
        assert page.title() != "owned"
