"""The picture of the viewer in the docs: one tree, grown for it and looked at in a browser.

    python -m benchmarks.viewer_picture [docs/viewer.png]

The problem is one of the packaged GSM8K rows. The answers are played from a script, so that the picture is the same
each time; the jail runs them, the verifier judges them, and the policy of `preftree grow` chooses, as in any run.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from preftree.actors import Prices
from preftree.actors.scripted import ScriptedActor
from preftree.environment import EnvironmentSettings
from preftree.grow import Actors, GrowSettings, grow
from preftree.problems.gsm8k import load_gsm8k
from preftree.problems.types import SourceSettings
from preftree.records import Message
from preftree.report.viewer import Library, Shelf
from preftree.report.viewer.server import application

OUT = Path(__file__).parents[1] / "docs" / "viewer.png"
WIDTH, HEIGHT = 1280, 1240
QUESTION = "Andre bought a $1350 treadmill"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# What the small model answers in each turn, sample by sample, and the large one where that is never right.
SMALL = (
    (
        "Step 1: Take 30% of the treadmill.\n```python\ntreadmill = 1350 * 0.30\n# Step 2: Add the plates.\n"
        "treadmill + 2 * 50\n```",
        "```python\n# Step 1: Take the discount off.\ntreadmill = 1350 - 1350 * discount\ntreadmill + 2 * 50\n```",
        "Step 1: The treadmill costs 70% of its price.\n```python\ntreadmill = 1350 * 0.70\n# Step 2: Two plates.\n"
        "plates = 2 * 50\ntreadmill + plates\n```",
    ),
    (
        "Step 1: He pays 70% of the treadmill.\n```python\ntreadmill = 1350 * 0.70\n"
        "# Step 2: Add the plates.\ntreadmill + 50\n```",
        "```python\n# Step 1: Pounds and dollars.\ntreadmill = 1350 * 0.70\ntreadmill + 2 * 45\n```",
    ),
    ("Step 1: Both plates are $50 each.\n```python\nround(1350 * 0.7) + 50 * 2 - 45\n```",),
)
LARGE = (
    "",
    "Step 1: Pay 70% of the treadmill.\n```python\ntreadmill = 1350 * (1 - 0.30)\n# Step 2: Add both plates at full "
    "price.\ntreadmill + 2 * 50\n```",
    "The weights don't matter: he pays about a thousand dollars.",
)
HINT = "Step 1: Discount the treadmill.\n```python\ntreadmill = 1350 - 1350 * 30 / 100\n# Step 2: Add the plates.\ntreadmill + 50 * 2\n```"  # noqa: E501
CRITIQUES = (
    "You computed the discount itself, not the price after it. Take it off the treadmill's price before you add the "
    "plates.",
    "The treadmill is right now. Read again how many plates he buys, and what each costs.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=OUT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        forest = Path(folder) / "runs" / "forest"
        asyncio.run(grown(forest))
        library = Library([Shelf(forest, Path(folder) / "cache")])
        try:
            with served(library) as address:
                taken(address, arguments.out)
        finally:
            library.close()
    print(f"{arguments.out}: {arguments.out.stat().st_size >> 10} KB")


async def grown(forest: Path) -> None:
    """A forest of the one tree."""
    problems = [p for p in load_gsm8k(SourceSettings("gsm8k")).problems if QUESTION in p.instruction]
    small = ScriptedActor(
        lambda messages, index: played(SMALL, messages)[index % len(played(SMALL, messages))],
        name="small-7b", identity="small", prices=Prices(0.2, 0.2, 0.6),
    )  # fmt: skip
    large = ScriptedActor(
        lambda messages, index: played(LARGE, messages) or "I am not sure.",
        name="large-70b", identity="large", prices=Prices(0.9, 0.9, 2.7),
    )  # fmt: skip
    critic = ScriptedActor(
        lambda messages, index: CRITIQUES["treadmill + 50" in messages[-1].content], name="large-70b", identity="critic"
    )
    hinter = ScriptedActor(lambda messages, index: HINT, name="large-70b", identity="hinter")
    settings = GrowSettings(max_turns=3, incorrect=2, batches=(1, 2), critique_correct=False)
    actors = Actors((small, large), critic=critic, hinter=hinter)
    await grow(problems, actors, settings, forest, environment=EnvironmentSettings(workers=1, preload=()))


def played(script: tuple, messages: tuple[Message, ...]):  # type: ignore[no-untyped-def,type-arg]
    """What the script says in this turn."""
    return script[min(len(script) - 1, sum(message.role == "assistant" for message in messages))]


@contextmanager
def served(library: Library) -> Iterator[str]:
    """The viewer, while the block runs."""
    from aiohttp import web

    loop, ready, address = asyncio.new_event_loop(), threading.Event(), []

    async def start() -> web.AppRunner:
        runner = web.AppRunner(application(library, "picture"), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address.append(f"http://127.0.0.1:{runner.addresses[0][1]}/picture/")
        return runner

    runner = loop.run_until_complete(start())
    thread = threading.Thread(target=lambda: (loop.call_soon(ready.set), loop.run_forever()))
    thread.start()
    ready.wait()
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())


def taken(address: str, out: Path) -> None:
    from playwright.sync_api import sync_playwright

    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(address)
        page.click(".row a >> nth=0")
        page.wait_for_selector("article.tree")
        page.wait_for_timeout(300)
        page.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    main()
