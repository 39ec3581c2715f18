"""The viewer without a browser: who gets an answer, what a query finds, what an index takes in."""

import asyncio
import json
import sqlite3
import sys
from pathlib import Path

import pytest

from preftree.cli import main
from preftree.errors import InputError
from preftree.forest import Forest
from preftree.forest.looking import Looker
from preftree.grow import grow
from preftree.report.viewer import Library, Query, Shelf, write_static
from preftree.report.viewer.pairs import pair_json
from preftree.report.viewer.server import application

sys.path.insert(0, str(Path(__file__).parents[1] / "grow"))
import world


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    out = tmp_path_factory.mktemp("forest")
    asyncio.run(grow(world.problems(6), world.actors(), world.SETTINGS, out, environment=world.JAIL))
    return out


@pytest.fixture(scope="module")
def trees(forest):
    with Forest(forest, readonly=True) as opened:
        return list(opened.trees())


@pytest.fixture
def shelf(forest, tmp_path):
    opened = Shelf(forest, tmp_path / "cache")
    yield opened
    opened.close()


def asked(library, requests):
    """(status, text) of each request, given as (method, path, headers)."""
    from aiohttp import ClientSession, web

    async def work():
        runner = web.AppRunner(application(library, "token"))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        found = []
        async with ClientSession() as session:
            for method, path, headers in requests:
                async with session.request(method, base + path, headers=headers) as answer:
                    found.append((answer.status, await answer.text(), answer.headers))
        await runner.cleanup()
        return found

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        pytest.param("GET", "/token/", {}, 200, id="the page"),
        pytest.param("GET", "/token/api/about", {}, 200, id="what there is"),
        pytest.param("GET", "/", {}, 404, id="no token"),
        pytest.param("GET", "/tokem/", {}, 404, id="another token"),
        pytest.param("GET", "/api/about", {}, 404, id="no token before the api"),
        pytest.param("GET", "/token/", {"Host": "evil.example:80"}, 404, id="another host's name"),
        pytest.param("GET", "/token/", {"Host": "localhost:80"}, 200, id="this host by name"),
        pytest.param("POST", "/token/api/about", {}, 405, id="writing"),
        pytest.param("GET", "/token/../../etc/passwd", {}, 404, id="above"),
        pytest.param("GET", "/token/server.py", {}, 404, id="another file"),
        pytest.param("GET", "/token/api/trees?depth=two", {}, 400, id="no number"),
        pytest.param("GET", "/token/api/trees?forest=1", {}, 404, id="no such forest"),
        pytest.param("GET", "/token/api/tree?id=none", {}, 404, id="no such tree"),
    ],
)
def test_who_gets_an_answer(shelf, method, path, headers, status):
    ((found, text, sent),) = asked(Library([shelf]), [(method, path, headers)])
    assert found == status
    if status == 200:
        assert "default-src 'none'" in sent["Content-Security-Policy"]
        assert text


def test_a_query_finds_what_the_trees_say(shelf, trees):
    rows = shelf.trees(Query(), 0, 100)["rows"]
    assert [row["id"] for row in rows] == [tree.id for tree in trees]
    for row, tree in zip(rows, trees, strict=True):
        assert row["pairs"] == sum(len(tree.pairs(turn)) for turn in tree.turns)
        assert row["depth"] == tree.depth
    deep = [tree.id for tree in trees if tree.depth == 3]
    assert [row["id"] for row in shelf.trees(Query(depth=3), 0, 100)["rows"]] == deep
    by_reference = [
        tree.id for tree in trees if tree.turns[-1].correct and tree.turns[-1].correct[0].stage == "reference"
    ]
    assert [row["id"] for row in shelf.trees(Query(stage="reference"), 0, 100)["rows"]] == by_reference
    assert shelf.trees(Query(), 2, 3)["rows"] == rows[2:5]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param("What is 12", 1, id="all words"),
        pytest.param('"is 12 + 7"', 1, id="a phrase"),
        pytest.param("nowhere", 0, id="none"),
        pytest.param("subtr", 6, id="the beginning of a word"),
        pytest.param('" OR ) NEAR(', 0, id="an operator is no operator"),
        pytest.param("   ", 6, id="nothing"),
    ],
)
def test_search(shelf, words, found):
    assert shelf.trees(Query(words=words), 0, 100)["total"] == found


def test_a_forest_that_grows_is_taken_in_and_never_written(tmp_path):
    out = tmp_path / "forest"

    def more(count):
        asyncio.run(grow(world.problems(count), world.actors(), world.SETTINGS, out, environment=world.JAIL))

    more(2)
    shelf = Shelf(out, tmp_path / "cache")
    assert shelf.about()["trees"] == 2
    before = (out / "forest.sqlite").read_bytes()
    shelf.about()
    shelf.trees(Query(words="what"), 0, 10)
    assert (out / "forest.sqlite").read_bytes() == before
    more(4)
    assert shelf.about()["trees"] == 4
    shelf.close()


def test_an_index_of_another_forest_is_made_anew(tmp_path, forest):
    copy = tmp_path / "forest"
    copy.mkdir()
    with sqlite3.connect(forest / "forest.sqlite") as source, sqlite3.connect(copy / "forest.sqlite") as target:
        source.backup(target)
    Shelf(copy, tmp_path / "cache").close()
    (copy / "forest.sqlite").unlink()
    asyncio.run(grow(world.problems(1), world.actors(), world.SETTINGS, tmp_path / "new", environment=world.JAIL))
    (tmp_path / "new" / "forest.sqlite").rename(copy / "forest.sqlite")
    shelf = Shelf(copy, tmp_path / "cache")
    assert shelf.about()["trees"] == 1
    shelf.close()


def test_a_pair_is_what_training_renders(tiny_model, trees):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tree = next(tree for tree in trees if any(tree.pairs(turn) for turn in tree.turns))
    turn = next(turn.index for turn in tree.turns if tree.pairs(turn))
    found = pair_json(tokenizer, tree, turn, 0)
    chosen, _ = tree.pairs(tree.turns[turn])[0]
    messages = [*tree.history(turn), *()]
    whole = tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in messages] + [{"role": "assistant", "content": chosen.text}],
        tokenize=False,
    )
    assert "".join(piece["text"] for piece in found["chosen"]) == whole
    scored = "".join(piece["text"] for piece in found["chosen"] if piece["scored"])
    assert scored.startswith(chosen.text)
    assert pair_json(tokenizer, tree, turn, 99) is None


def test_rewards_are_computed_once_and_wrong_pairs_counted(shelf, trees):
    asked_for = []

    def reward(groups):
        asked_for.append(len(groups))
        return [[-float(len(conversation[-1].content)) for conversation in group] for group in groups]

    shelf.score("short", reward)
    before = len(asked_for)
    shelf.score("short", reward)
    assert len(asked_for) == before
    expected = {
        tree.id: sum(
            len(chosen.text) >= len(rejected.text) for turn in tree.turns for chosen, rejected in tree.pairs(turn)
        )
        for tree in trees
    }
    assert {tree.id: shelf.tree(tree.id)["rewards"]["short"]["wrong"] for tree in trees} == expected
    wrong = shelf.trees(Query(wrong="short"), 0, 100)["total"]
    assert wrong == sum(count > 0 for count in expected.values())


def test_a_static_file_holds_the_trees_that_are_named(shelf, trees, tmp_path):
    library = Library([shelf])
    assert write_static(library, tmp_path / "page.html", [trees[1].id], 50) == 1
    page = (tmp_path / "page.html").read_text()
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert list(data["forests"][0]["trees"]) == [trees[1].id]
    with pytest.raises(InputError, match="no tree nowhere"):
        write_static(library, tmp_path / "page.html", ["nowhere"], 50)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["nowhere"], "no forest here", id="no forest"),
        pytest.param(["a", "b", "c"], "expected one forest or two", id="three"),
        pytest.param(["a", "speed=3"], 'unknown setting "speed"', id="unknown setting"),
    ],
)
def test_wrong_input_is_one_sentence(words, said, capsys):
    assert main(["view", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_command_writes_a_file(forest, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PREFTREE_CACHE", str(tmp_path / "cache"))
    assert main(["view", str(forest), "--static", str(tmp_path / "page.html"), "--limit", "2"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}: 2 trees\n"


def test_a_tree_by_its_id(forest, trees):
    looker = Looker(forest)
    seen = looker.see(trees[0].id)
    assert seen.tree == trees[0]
    with Forest(forest, readonly=True) as opened:
        assert list(seen.drawn[0]) == opened.actions(trees[0].id, 0)
        calls = opened.account()
    assert sum(1 for tree in trees for _ in looker.calls(tree.id)) == calls.calls
    assert looker.see("none") is None
    looker.close()
