"""A real Chromium, without a window. Skipped with the reason where there is none; CI sets PREFTREE_NEED_BROWSER."""

import os
import shutil
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")  # its driver holds the thread's event loop, which other tests need
def browser():
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = f"no browser: none of {', '.join(_NAMES)} is installed (apt-get install chromium)"
        if os.environ.get("PREFTREE_NEED_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=_FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory):
    """Where screenshots are kept: $PREFTREE_SCREENSHOTS, or a temporary folder."""
    kept = os.environ.get("PREFTREE_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def visit(browser):
    """Open an address; fails at the end if the page said an error or asked another machine for something."""
    pages, faults, asked = [], [], []

    def open_page(address, width=1280, height=900, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert faults == []
    foreign = [url for url in asked if not url.startswith(("http://127.0.0.1", "file:", "data:", "blob:"))]
    assert foreign == []


@pytest.fixture
def serious():
    """axe's serious and critical findings on a page, as (rule, what, where)."""
    from axe_playwright_python.sync_playwright import Axe

    def find(page):
        found = Axe().run(page).response["violations"]
        return [
            (fault["id"], fault["help"], fault["nodes"][0]["html"][:200])
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]

    return find
