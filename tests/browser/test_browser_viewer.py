"""The viewer in a browser: over a forest that was grown, as a user goes through it, and as a hostile model would."""

import asyncio
import json
import sqlite3
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

    def stop_all():
        while stops:
            stops.pop()()

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

    start.stop = stop_all
    yield start
    stop_all()


def test_filter_search_open_and_follow_a_link(served, visit, shots):
    page = visit(served("first"))
    page.wait_for_selector(".row")
    assert page.inner_text("#count") == "8 of 8 trees"
    assert "null" not in page.inner_text("body")
    page.screenshot(path=shots / "viewer-list.png", full_page=True)

    page.select_option("#by-flag", "reference")
    expect(page.locator("#count")).not_to_have_text("8 of 8 trees")
    helped = page.locator(".row").count()
    assert 0 < helped < 8
    assert all("reference" in row for row in page.locator(".row").all_inner_texts())
    assert "flag=reference" in page.url

    page.click("text=Clear")
    expect(page.locator("#count")).to_have_text("8 of 8 trees")
    page.fill("#words", "What is 12")
    expect(page.locator("#count")).to_have_text("1 of 8 trees")
    page.click(".row a")
    page.wait_for_selector("article.tree")
    assert "What is 12 + 7?" in page.inner_text(".question")
    assert page.locator(".sides .code .mi").first.inner_text() in ("12", "7")  # highlighted
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
    expect(page.locator(".row td.num >> nth=0")).to_have_text("3")
    page.click(".row a >> nth=0")
    page.wait_for_selector("article.tree")
    assert page.locator(".turn").count() == 3
    story = page.locator(".story tbody tr").all_inner_texts()
    assert len(story) == 3
    assert "the tree ends here" in story[2]
    page.click(".story tbody tr >> nth=1 >> th a")
    expect(page.locator(".turn >> nth=1")).to_be_focused()
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
    chosen = page.locator(".pair .side.good .tokens").first
    scored = "".join(chosen.locator(".scored").all_inner_texts())
    assert scored.startswith("```python") or "I do not know" in scored
    assert scored == chosen.inner_text()
    page.click(".pair .common summary >> nth=0")
    common = page.locator(".pair .common .tokens").first
    assert "<|im_start|>user" in common.inner_text()
    assert "What is" in common.inner_text()
    assert common.locator(".scored").count() == 0
    page.screenshot(path=shots / "viewer-pair.png", full_page=True)


def test_rewards_and_the_pairs_that_a_model_ranks_wrongly(served, visit, tiny_reward_model):
    page = visit(served("first", reward_model=str(tiny_reward_model)))
    page.wait_for_selector(".row")
    name = Path(tiny_reward_model).name
    page.select_option("#by-wrong", name)
    page.wait_for_url("**wrong=**")
    page.wait_for_selector(".row")
    page.click('.row a[href*="wrong="] >> nth=0')
    # One click away: the first pair that it ranks wrongly, open, with its tokens.
    page.wait_for_selector(".pair.here .tokens .scored")
    pair = page.locator(".pair.here").get_attribute("data-place").split(".")
    row = page.locator(f".turn >> nth={pair[1]}").locator(".ranking tbody tr").nth(int(pair[2]))
    assert row.locator(".sign-w").count() == 1
    rewards = page.locator(".turn >> nth=0").locator(".rewards dt").all_inner_texts()
    assert set(rewards) == {name}


def test_two_models_side_by_side(served, visit, tiny_model, tiny_reward_model, tmp_path, shots):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    other = AutoModelForSequenceClassification.from_pretrained(tiny_reward_model)
    other.score.weight.data.neg_()  # it ranks all pairs the other way round
    other.save_pretrained(tmp_path / "other")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "other")
    first, second = Path(tiny_reward_model).name, "other"
    page = visit(served("first", reward_model=[str(tiny_reward_model), str(tmp_path / "other")]))
    page.wait_for_selector(".row")
    options = page.locator("#by-split option").all_inner_texts()
    assert any(option.startswith(f"{second} right, {first} wrong") for option in options)
    page.select_option("#by-split", index=next(i for i, text in enumerate(options) if text.startswith(second)))
    page.wait_for_url("**right=other**")
    page.wait_for_selector(".row")
    page.click('.row a[href*="right="] >> nth=0')
    page.wait_for_selector(".pair.here")
    _, turn, pair = page.locator(".pair.here").get_attribute("data-place").split(".")
    ranking = page.locator(f'[data-turn="turn.{turn}"] .ranking')
    assert ranking.locator("thead th").all_inner_texts() == ["Pair", first, second]
    cells = ranking.locator("tbody tr").nth(int(pair)).locator("td")
    assert "✗" in cells.nth(0).inner_text()
    assert "✓" in cells.nth(1).inner_text()
    assert page.locator(".node.correct .rewards >> nth=0").locator("dt").all_inner_texts() == [first, second]
    page.screenshot(path=shots / "viewer-models.png", full_page=True)


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
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert "node=" in page.url  # its address can be sent
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


def test_a_forest_that_grows_and_a_server_that_goes(browser, served, forests, tmp_path_factory):
    """Its errors are what it is about, so it takes no page that refuses them."""
    import shutil

    grown = tmp_path_factory.mktemp("growing") / "forest"
    shutil.copytree(forests["first"], grown)
    forests["growing"] = str(grown)
    with sqlite3.connect(grown / "forest.sqlite") as connection:
        connection.execute("CREATE TABLE later AS SELECT * FROM trees WHERE seq > 4")
        connection.execute("DELETE FROM trees WHERE seq > 4")
    page = browser.new_page()
    page.goto(served("growing"))
    expect(page.locator("#count")).to_have_text("5 of 5 trees")
    with sqlite3.connect(grown / "forest.sqlite") as connection:
        connection.execute("INSERT INTO trees SELECT * FROM later")
    expect(page.locator("#news")).to_contain_text("3 new trees", timeout=15_000)
    page.click("#news button")
    expect(page.locator("#count")).to_have_text("8 of 8 trees")
    served.stop()
    page.click(".row a >> nth=0")
    expect(page.locator("main [role=alert]")).to_contain_text("The server doesn't answer")
    page.close()


@pytest.mark.parametrize(
    "hash_", ["#/f/0/tree/%E0%A4", "#/f/7", "#/f/x/tree/y", "#/f/0/tree/none", "#/compare/none", "#/%"]
)
def test_an_address_that_leads_nowhere_says_so(served, browser, hash_):
    page = browser.new_page()
    faults = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(f"{served('first')}{hash_}")
    page.wait_for_selector("main .empty, main .none, .row")
    assert faults == []
    page.close()


def test_a_long_text_is_cut_until_it_is_asked_for(visit, forests, tmp_path):
    folder = tmp_path / "long"
    folder.mkdir()
    with (
        sqlite3.connect(Path(forests["first"]) / "forest.sqlite") as source,
        sqlite3.connect(folder / "forest.sqlite") as made,
    ):
        source.backup(made)
        name, record = made.execute("SELECT id, record FROM trees ORDER BY seq LIMIT 1").fetchone()
        tree = json.loads(record)
        tree["turns"][0]["incorrect"][0]["observation"]["output"] = "line\n" * 200_000
        made.execute("UPDATE trees SET record = ? WHERE id = ?", (json.dumps(tree), name))
    library = open_library([str(folder)], {})
    write_static(library, tmp_path / "page.html", [name], 1)
    library.close()
    page = visit((tmp_path / "page.html").as_uri())
    page.click(".row a >> nth=0")
    page.wait_for_selector("article.tree")
    assert len(page.inner_text("article.tree")) < 50_000
    page.click("text=Show all 999,999 characters")
    page.wait_for_function("document.querySelector('article.tree').textContent.length > 900000")


def test_a_static_file_filters_and_searches_as_the_server_does(served, visit, forests, tmp_path, tiny_reward_model):
    section = {"reward_model": str(tiny_reward_model)}
    library = open_library([forests["first"]], section)
    write_static(library, tmp_path / "page.html", [], 50)
    library.close()
    server, file = visit(served("first", **section)), visit((tmp_path / "page.html").as_uri())
    wrong = f"wrong={Path(tiny_reward_model).name}"
    for query in (
        "",
        'words="is 12 + 7"',
        "words=correct",
        "words=subtr",
        "flag=reference",
        "depth=3&order=tokens",
        wrong,
    ):
        found = []
        for page in (server, file):
            page.goto(f"{page.url.split('#')[0]}#/f/0?{query}")
            page.reload()
            page.wait_for_selector("#count")
            found.append((page.inner_text("#count"), page.locator(".row").all_inner_texts()))
        assert found[0] == found[1], query


def test_printed_it_is_dark_on_light_and_whole(served, visit):
    page = visit(served("first"), scheme="dark")
    page.click(".row a >> nth=0")
    page.wait_for_selector("article.tree")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.is_visible("body > header")
    assert page.locator("pre").first.evaluate("element => getComputedStyle(element).maxHeight") == "none"


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
