"""The viewer in a browser: over a forest that was grown, as a user goes through it, and as a hostile model would."""

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import expect

from preftree.actors.scripted import ScriptedActor
from preftree.grow import Actors, GrowSettings, grow
from preftree.recipe.viewing import open_library
from preftree.report.viewer import write_static
from preftree.report.viewer.server import application

sys.path.insert(0, str(Path(__file__).parents[1] / "grow"))
import world

HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    "</script></pre><a href=\"javascript:document.title='owned'\">press</a>\n```python\n'<b>bold</b>' + 1\n```"
)


@pytest.fixture(scope="module")
def forests(tmp_path_factory):
    """Two forests of the same problems, and one of a model that writes markup."""
    folder = tmp_path_factory.mktemp("forests")

    def plant(name, actors, count=8, settings=world.SETTINGS):
        out = folder / name
        growing = grow(world.problems(count), actors, settings, out, environment=world.JAIL)
        with ThreadPoolExecutor() as pool:  # the browser's driver has this thread's loop
            pool.submit(asyncio.run, growing).result()
        return str(out)

    bare = ScriptedActor(world.answer(0.05), name="bare", identity="bare-1")
    other = ScriptedActor(world.answer(0.7), name="better", identity="better-1")
    markup = ScriptedActor(lambda messages, index: HOSTILE, name="<b>markup</b>", identity="markup")
    return {
        "first": plant("first", world.actors()),
        "second": plant("second", Actors((other,), (bare,))),
        "hostile": plant("hostile", Actors((markup,), (markup,)), 2, GrowSettings(batches=(2,), max_turns=2)),
    }


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFTREE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def served(forests):
    """Serve forests by name; gives the address."""
    stops = []

    def start(*names, **section):
        from aiohttp import web

        library = open_library([forests[name] for name in names], section)
        address, ready = [], threading.Event()
        loop = asyncio.new_event_loop()
        ended = asyncio.Event()

        async def work():
            runner = web.AppRunner(application(library, "token"))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            address.append(f"http://127.0.0.1:{runner.addresses[0][1]}/token/")
            ready.set()
            await ended.wait()
            await runner.cleanup()

        thread = threading.Thread(target=loop.run_until_complete, args=(work(),))
        thread.start()
        ready.wait()

        def stop():
            loop.call_soon_threadsafe(ended.set)
            thread.join()
            library.close()

        stops.append(stop)
        return address[0]

    yield start
    for stop in stops:
        stop()


def test_filter_search_open_and_follow_a_link(served, visit, shots):
    page = visit(served("first"))
    page.wait_for_selector(".row")
    assert page.inner_text("#count") == "8 of 8 trees"
    page.screenshot(path=shots / "viewer-list.png", full_page=True)

    page.select_option("#by-flag", "reference")
    expect(page.locator("#count")).not_to_have_text("8 of 8 trees")
    helped = page.locator(".row").count()
    assert 0 < helped < 8
    assert page.locator(".row .flag").all_inner_texts() == ["reference"] * helped
    assert "flag=reference" in page.url

    page.click("text=Clear")
    expect(page.locator("#count")).to_have_text("8 of 8 trees")
    page.wait_for_timeout(500)  # the list is drawn anew, its search field too
    page.fill("#words", "What is 12")
    expect(page.locator("#count")).to_have_text("1 of 8 trees")
    page.click(".row a")
    page.wait_for_selector("article.tree")
    assert "What is 12 + 7?" in page.inner_text(".question")
    assert page.locator(".code .mi").first.inner_text() in ("12", "7")  # highlighted
    page.screenshot(path=shots / "viewer-tree.png", full_page=True)

    link = f"{page.url}?node=0.incorrect.0"
    page = visit(link)
    page.wait_for_selector(".node.incorrect.here")
    assert page.evaluate("document.activeElement.dataset.place") == "0.incorrect.0"


def test_each_node_shows_what_happened(served, visit):
    page = visit(served("first"))
    page.wait_for_selector(".row")
    page.select_option("#by-order", "depth")
    page.wait_for_url("**order=depth")
    page.wait_for_timeout(300)
    page.click(".row a >> nth=0")
    page.wait_for_selector("article.tree")
    assert page.locator(".turn").count() == 3
    wrong = page.locator(".node.incorrect.expanded").first
    for words in ("sft", "sample", "wrong", "gone on with"):
        assert words in wrong.inner_text(), words
    assert "Your answer is wrong." in page.locator(".reply").first.inner_text()
    assert page.locator(".map a").count() > 3


def test_the_pair_that_training_sees(served, visit, tiny_model, shots):
    page = visit(served("first", tokenizer=str(tiny_model)))
    page.wait_for_selector(".row")
    page.click(".row a >> nth=0")
    page.wait_for_selector(".pairs")
    page.click(".pairs summary >> nth=0")
    page.wait_for_selector(".pair .tokens .scored")
    chosen = page.locator(".pair .tokens").first
    scored = "".join(chosen.locator(".scored").all_inner_texts())
    assert scored.startswith("```python") or "I do not know" in scored
    assert "<|im_start|>user" in chosen.inner_text()
    assert "What is" not in scored
    page.screenshot(path=shots / "viewer-pair.png", full_page=True)


def test_rewards_and_the_pairs_that_a_model_ranks_wrongly(served, visit, tiny_reward_model):
    page = visit(served("first", reward_model=str(tiny_reward_model)))
    page.wait_for_selector(".row")
    name = Path(tiny_reward_model).name
    page.select_option("#by-wrong", name)
    page.wait_for_url("**wrong=**")
    page.wait_for_selector(".row")
    page.click(".row a >> nth=0")
    page.wait_for_selector(".reward")
    assert "wrongly" in page.inner_text("article.tree > header")
    rewards = page.locator(".turn >> nth=0").locator(".reward").all_inner_texts()
    assert all(text.startswith(name) for text in rewards)


def test_two_forests_side_by_side(served, visit, shots):
    page = visit(served("first", "second"))
    page.wait_for_selector(".row")
    page.click(".row a >> nth=0")
    page.wait_for_selector("article.tree")
    page.keyboard.press("c")
    page.wait_for_selector(".compare")
    assert page.locator(".compare .column").count() == 2
    questions = page.locator(".compare .question").all_inner_texts()
    assert len(questions) == 2
    assert questions[0] == questions[1]
    page.screenshot(path=shots / "viewer-compare.png", full_page=True)


def test_keys(served, visit):
    page = visit(served("first"))
    page.wait_for_selector(".row")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("Enter")
    page.wait_for_selector("article.tree")
    here, label = page.url, page.locator("article.tree").get_attribute("aria-label")
    page.keyboard.press("n")
    page.wait_for_url(lambda url: url != here)
    expect(page.locator("article.tree")).not_to_have_attribute("aria-label", label)
    page.keyboard.press("o")
    assert page.locator("main details[open]").count() > 0
    page.keyboard.press("?")
    assert page.locator("#help").evaluate("dialog => dialog.open")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_selector(".row")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "words"


def test_hostile_text_stays_text(served, visit, forests, tmp_path):
    library = open_library([forests["hostile"]], {})
    write_static(library, tmp_path / "page.html", [], 10)
    library.close()
    for address in (served("hostile"), (tmp_path / "page.html").as_uri()):
        page = visit(address)
        page.wait_for_selector(".row")
        page.click(".row a >> nth=0")
        page.wait_for_selector("article.tree")
        page.keyboard.press("o")
        assert "<script>document.title='owned'</script>" in page.inner_text("article.tree")
        assert page.locator("main img").count() == 0
        assert page.locator("main script").count() == 0
        assert page.locator("main a[href^=javascript]").count() == 0
        assert "owned" not in page.title()


def test_a_static_file_needs_no_server(visit, forests, tmp_path, shots):
    library = open_library([forests["first"]], {})
    assert write_static(library, tmp_path / "page.html", [], 5) == 5
    library.close()
    page = visit((tmp_path / "page.html").as_uri(), width=400, height=800, scheme="dark")
    page.wait_for_selector(".row")
    assert page.inner_text("#count") == "5 of 8 trees"
    page.click(".row a >> nth=0")
    page.wait_for_selector("article.tree")
    page.screenshot(path=shots / "viewer-phone-dark.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(served, visit, serious, scheme):
    page = visit(served("first", "second"), scheme=scheme)
    page.wait_for_selector(".row")
    assert serious(page) == []
    page.click(".row a >> nth=0")
    page.wait_for_selector("article.tree")
    page.keyboard.press("o")
    page.wait_for_timeout(300)
    assert serious(page) == []
