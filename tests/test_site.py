"""The site of the docs: built strictly; each link and anchor leads somewhere; nothing is loaded from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
# What a page loads by itself; a link that a reader follows may lead anywhere.
_LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
_IN_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')]+)""")


class _Page(HTMLParser):
    """Where a page links to, what it loads, and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        # A canonical address or the next page is named, not loaded.
        if tag in _LOADED and found.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(found.get(_LOADED[tag], ""))
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    path = f"{ROOT / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    return {page: _Page(page.read_text("utf-8")) for page in site.rglob("*.html") if page.name != "404.html"}


def test_every_link_and_anchor_leads_somewhere(site: Path, pages: dict[Path, _Page]) -> None:
    lost, followed = [], 0
    for page, read in pages.items():
        for link in read.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            followed += 1
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            fragment = unquote(parts.fragment)
            if not target.is_file() or (fragment and target in pages and fragment not in pages[target].anchors):
                lost.append(f"{page.relative_to(site)}: {link}")
    assert lost == []
    assert followed > 1000


def test_no_page_loads_from_elsewhere(site: Path, pages: dict[Path, _Page]) -> None:
    foreign = {
        f"{page.relative_to(site)}: {address}"
        for page, read in pages.items()
        for address in read.loaded
        if urlsplit(address).netloc
    }
    for style in site.rglob("*.css"):
        foreign |= {f"{style.relative_to(site)}: {address}" for address in _IN_STYLES.findall(style.read_text("utf-8"))}
    assert foreign == set()


PUBLIC = [
    "records", "errors", "problems", "actors", "environment", "verify", "forest", "engine", "grow", "export", "tries",
    "train", "train.objectives", "evaluate", "evaluate.rewards", "statistics", "report", "rl", "recipe",
]  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_the_reference_holds_every_public_name(name: str, pages: dict[Path, _Page]) -> None:
    """What a module exports has an anchor; one without a docstring has none."""
    module = import_module(f"preftree.{name}")
    public = getattr(module, "__all__", None) or [
        key
        for key, value in vars(module).items()
        if (isclass(value) or isfunction(value)) and not key.startswith("_") and value.__module__ == module.__name__
    ]
    anchors = set().union(*(page.anchors for page in pages.values()))
    # A function that is named as its module stands below it.
    names = {key: {f"preftree.{name}.{key}", f"preftree.{name}.{key}.{key}"} for key in public}
    assert [key for key in public if not names[key] & anchors] == []


def test_the_reference_shows_the_fields_of_records(site: Path) -> None:
    """Each with its type and default, as one would write it."""
    text = unescape(re.sub(r"<[^>]+>", "", (site / "reference" / "records.html").read_text("utf-8")))
    for line in ("instruction: str,", "references: tuple[Reference, ...],", 'verifier: str = "math",'):
        assert line in text


def test_every_command_has_a_section(pages: dict[Path, _Page]) -> None:
    from preftree.cli import parser

    (commands,) = [page for path, page in pages.items() if path.name == "commands.html"]
    names = next(iter(action.choices for action in parser()._subparsers._group_actions))
    assert [name for name in names if f"preftree-{name}" not in commands.anchors] == []


def test_every_recipe_shows_its_settings(site: Path) -> None:
    """The tables stand in the place of the marks."""
    for page in (site / "cookbook").glob("*.html"):
        text = page.read_text("utf-8")
        assert "<!-- recipe:" not in text, page.name
        assert page.name == "index.html" or "settings that stand in the recipe" in text, page.name
