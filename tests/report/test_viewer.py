"""The viewer without a browser: who gets an answer, what a query finds, what an index takes in."""

import asyncio
import json
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from preftree.cli import main
from preftree.errors import InputError
from preftree.forest import Forest
from preftree.forest.looking import Looker
from preftree.grow import grow
from preftree.recipe.viewing import open_library
from preftree.records import Action, Message, Observation, Problem, Reference, Tree, Turn, Verdict, to_json
from preftree.report.viewer import Judge, Library, Query, Shelf, write_static
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
    from yarl import URL

    async def work():
        runner = web.AppRunner(application(library, "token"))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        found = []
        async with ClientSession() as session:
            for method, path, headers in requests:
                async with session.request(method, URL(base + path, encoded=True), headers=headers) as answer:
                    found.append((answer.status, await answer.text(), answer.headers))
        await runner.cleanup()
        return found

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        pytest.param("GET", "/token/", {}, 200, id="the page"),
        pytest.param("GET", "/token/api/about", {}, 200, id="what there is"),
        pytest.param("GET", "/token", {}, 200, id="the page, without the last stroke"),
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
        pytest.param("GET", "/token/", {"Host": "LOCALHOST"}, 200, id="in capitals, at the usual port"),
        pytest.param("GET", "/token/", {"Host": "127.0.0.1.evil.example:80"}, 404, id="a name that begins like ours"),
        pytest.param("GET", "/token/", {"Host": ""}, 404, id="no name"),
        pytest.param("GET", "/token/", {"Host": "evil.example:127.0.0.1"}, 404, id="ours where a port stands"),
        pytest.param("GET", "/token/%2e%2e/%2e%2e/etc/passwd", {}, 404, id="above, escaped"),
        pytest.param("GET", "/token/..%2fserver.py", {}, 404, id="above, its slash escaped"),
        pytest.param("GET", "/token/page.css%00.py", {}, 404, id="a zero byte"),
        pytest.param("GET", "/toke%6e/", {}, 200, id="the token, escaped"),
        pytest.param("DELETE", "/token/", {}, 405, id="removing"),
        pytest.param("TRACE", "/token/", {}, 405, id="tracing"),
        pytest.param("OPTIONS", "/token/api/about", {"Origin": "http://evil.example"}, 405, id="asking first"),
        pytest.param("HEAD", "/token/", {}, 200, id="headers alone"),
        pytest.param("GET", "/token/api/trees?start=9999999999999999999999", {}, 400, id="a number too large"),
        pytest.param("GET", "/token/api/trees?depth=-9223372036854775809", {}, 400, id="a number too small"),
        pytest.param("GET", "/token/api/trees?min_usd=nan", {}, 400, id="not a number"),
        pytest.param("GET", "/token/api/trees?min_usd=1e999", {}, 400, id="infinitely many dollars"),
        pytest.param("GET", "/token/api/trees?start=-5", {}, 200, id="before the first"),
        pytest.param("GET", "/token/api/trees?words=%00%22a%00", {}, 200, id="a zero byte in a search"),
        pytest.param("GET", "/token/api/trees?words=%ed%a0%80", {}, 200, id="half a character in a search"),
        pytest.param("GET", f"/token/api/trees?words={'a+' * 3900}", {}, 200, id="thousands of words"),
        pytest.param("GET", f"/token/api/trees?words={'a' * 9000}", {}, 400, id="an address too long"),
        pytest.param("GET", "/token/api/trees?order=1;DROP+TABLE+trees", {}, 200, id="an order that is none"),
        pytest.param("GET", "/token/api/trees?wrong=nobody&right=none", {}, 200, id="models that are none"),
        pytest.param("GET", "/token/api/pair?id=none&turn=99999&pair=-1", {}, 404, id="no such pair"),
    ],
)
def test_who_gets_an_answer(shelf, method, path, headers, status):
    ((found, text, sent),) = asked(Library([shelf]), [(method, path, headers)])
    assert found == status
    assert "Access-Control-Allow-Origin" not in sent
    if len(path) < 8000:  # aiohttp itself answers what it doesn't read
        assert "default-src 'none'" in sent["Content-Security-Policy"]
        assert sent["Referrer-Policy"] == "no-referrer"
        assert sent["X-Content-Type-Options"] == "nosniff"
    if status == 404:
        assert "token" not in text
    if status == 200 and method != "HEAD":
        assert text


def test_a_browser_is_started_with_an_address_that_works_once(shelf):
    from aiohttp.test_utils import TestClient, TestServer

    async def work():
        headers = {"Host": "127.0.0.1"}
        async with TestClient(TestServer(application(Library([shelf]), "token", "once"))) as client:
            evil = await client.get("/once/", headers={"Host": "evil.example"}, allow_redirects=False)
            found = [await client.get("/once/", headers=headers, allow_redirects=False) for _ in range(2)]
            return evil.status, [(answer.status, answer.headers.get("Location")) for answer in found]

    assert asyncio.run(work()) == (404, [(302, "/token/"), (404, None)])


def test_the_command_serves_until_it_is_interrupted_and_logs_no_request(forest, tmp_path):
    """As a user starts it: the address is printed, a request that is none leaves no trace, Ctrl-C ends it."""
    import os
    import signal
    import socket
    import subprocess
    import urllib.request

    environment = os.environ | {"PREFTREE_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "preftree", "view", str(forest), "--no-open"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        address = running.stdout.readline().strip()
        assert urllib.request.urlopen(f"{address}api/about").status == 200
        host, port = address.split("/")[2].split(":")
        with socket.create_connection((host, int(port))) as line:
            line.sendall(b"GET /secret-of-somebody HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            assert b"400" in line.recv(100)
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=30)
    assert running.returncode == 0
    assert "Traceback" not in said[1]
    assert address.split("/")[3] not in said[1]


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
        pytest.param("%", 0, id="a sign alone"),
        pytest.param("What % is 12", 1, id="a sign among words"),
        pytest.param("Wh_t", 0, id="a wildcard of another search"),
        pytest.param("12*", 1, id="a star"),
        pytest.param('"', 0, id="an open quote"),
        pytest.param("text:What", 0, id="a column's name"),
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


def scored(name, key, length_counts, log=None):
    """A judge that likes long answers (or short ones: -1); its log tells how many trees it was asked about."""

    def load():
        def scores(groups):
            if log is not None:
                log.append(len(groups))
            return [[float(length_counts * len(talk[-1].content)) for talk in group] for group in groups]

        return scores

    return Judge(name, key, "reward", load)


def ranked_wrongly(trees, sign):
    """Of each tree, whether each pair has a rejected action that is at least as long (or as short)."""
    return {
        tree.id: [
            sign * len(chosen.text) <= sign * len(rejected.text)
            for turn in tree.turns
            for chosen, rejected in tree.pairs(turn)
        ]
        for tree in trees
    }


def test_rewards_are_computed_once_and_wrong_pairs_counted(shelf, trees):
    asked_for = []
    shelf.score(scored("short", "key-1", -1, asked_for))
    assert sum(asked_for) == len(trees)
    shelf.score(scored("short", "key-1", -1, asked_for))
    assert sum(asked_for) == len(trees)
    expected = {tree: sum(wrong) for tree, wrong in ranked_wrongly(trees, -1).items()}
    assert {tree.id: shelf.tree(tree.id)["rewards"]["short"]["wrong"] for tree in trees} == expected
    wrong = shelf.trees(Query(wrong="short"), 0, 100)["total"]
    assert wrong == sum(count > 0 for count in expected.values())


def test_where_two_models_disagree(shelf, trees):
    shelf.score(scored("short", "key-1", -1))
    shelf.score(scored("long", "key-2", 1))
    short, long_ = ranked_wrongly(trees, -1), ranked_wrongly(trees, 1)

    def split(right, wrong):
        return [
            tree.id for tree in trees if any(w and not r for r, w in zip(right[tree.id], wrong[tree.id], strict=True))
        ]

    assert split(short, long_)
    for right, wrong, expected in (("short", "long", split(short, long_)), ("long", "short", split(long_, short))):
        rows = shelf.trees(Query(right=right, wrong=wrong), 0, 100)["rows"]
        assert [row["id"] for row in rows] == expected
        assert [right, wrong, len(expected)] in shelf.about()["choices"]["split"]


def test_another_model_under_the_same_name_is_asked_anew(forest, tmp_path):
    for key, sign in (("key-1", -1), ("key-2", 1)):
        shelf = Shelf(forest, tmp_path / "cache")
        shelf.score(scored("reward", key, sign))
        (tree,) = shelf.trees(Query(), 0, 1)["rows"]
        rewards = shelf.tree(tree["id"])["rewards"]
        assert list(rewards) == ["reward"]  # what other models said before is kept, not shown
        assert (rewards["reward"]["turns"][0]["correct"] or rewards["reward"]["turns"][0]["incorrect"])[0] * sign > 0
        shelf.close()


def test_a_pair_that_a_model_cannot_read_is_neither_right_nor_wrong(shelf, trees):
    shelf.score(Judge("deaf", "key", load=lambda: lambda groups: [[float("-inf")] * len(group) for group in groups]))
    assert shelf.trees(Query(wrong="deaf"), 0, 100)["total"] == 0
    assert set("".join(shelf.tree(trees[0].id)["rewards"]["deaf"]["signs"])) == {"-"}


def test_a_policy_beside_its_reference(forest, trees, tiny_model, tmp_path, monkeypatch):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.setenv("PREFTREE_CACHE", str(tmp_path / "cache"))
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.1)
    model.save_pretrained(tmp_path / "policy")
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.save_pretrained(tmp_path / "policy")
    library = open_library([str(forest)], {"policy": str(tmp_path / "policy"), "reference_model": str(tiny_model)})
    found = library.shelves[0].tree(trees[0].id)["rewards"]
    library.close()
    name = Path(tiny_model).name
    assert {model: said["kind"] for model, said in found.items()} == {
        "policy": "log-probability", name: "log-probability", f"policy against {name}": "log-ratio",
    }  # fmt: skip
    turn, action = trees[0].turns[0], trees[0].turns[0].incorrect[0]
    prompt = [{"role": m.role, "content": m.content} for m in trees[0].history(0)]
    start = len(tokenizer.apply_chat_template(prompt, add_generation_prompt=True)["input_ids"])
    whole = [*prompt, {"role": "assistant", "content": action.text}]
    text = tokenizer.apply_chat_template(whole, tokenize=False)
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
    logps = {}
    for key, loaded in (("policy", model), (name, AutoModelForCausalLM.from_pretrained(tiny_model))):
        with torch.no_grad():
            steps = loaded(ids).logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])
        logps[key] = float(steps[start - 1 :].sum())
        assert found[key]["turns"][turn.index]["incorrect"][0] == pytest.approx(logps[key], rel=2e-2)
    ratio = found["policy"]["turns"][0]["incorrect"][0] - found[name]["turns"][0]["incorrect"][0]
    assert found[f"policy against {name}"]["turns"][0]["incorrect"][0] == pytest.approx(ratio)


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
        pytest.param(["--port", "99999"], "port 99999", id="no port"),
        pytest.param(["--trees", "a"], "name it with --static", id="trees of no file"),
        pytest.param(["--static", "x.html", "--limit", "0"], "expected at least 1, got 0", id="no tree"),
        pytest.param(["policy=[a,b]"], "one model each", id="two policies"),
        pytest.param(["reference_model=a"], "name policy=DIR too", id="a reference without a policy"),
        pytest.param(["reward_model=nowhere"], "no such folder", id="no reward model"),
        pytest.param(["tokenizer=x", "max_tokens=many"], "max_tokens", id="no number of tokens"),
    ],
)
def test_wrong_settings_are_one_sentence(forest, words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PREFTREE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert main(["view", str(forest), "--no-open", *words]) in (1, 2)
    found = capsys.readouterr().err.strip().splitlines()[-1]
    assert found.startswith("preftree: ")
    assert said in found


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


HOSTILE = (
    "</script><!--<script>--><img src=x onerror=alert(1)>\u2028\u2029\x1b[31m\x1b]0;owned\x07\u202egnp.exe\u2066\x00"
)
HOSTILE += "\ud800\ufeff"


def hostile_tree(name="tree", text=HOSTILE):
    """Every field that somebody else writes holds the text."""
    seen = Observation("ok", text, text, tool_calls=())
    wrong = Action(text, text, "sample", 0, f"x = 1 # {text}", seen, Verdict("wrong", text, text), thought=text)
    right = Action(f"```python\n{text}\n```", text, text, 0, None, seen, Verdict("correct", text, text), schema=text)
    problem = Problem(f"problem {text}", text, "Coding", text, (Reference(text, text, text),), verifier=text)
    turn = Turn(0, (right,), (wrong,), 0, text, f"reply {text}", True, 2, (text,))
    return Tree(name, problem, (Message("system", text), Message("user", text)), (turn, Turn(1, (), (wrong,))))


def written(folder, *trees):
    """A forest of these trees, written as a program with other habits might: with every escape that JSON has."""
    asyncio.run(empty_forest(folder))
    with sqlite3.connect(folder / "forest.sqlite") as connection:
        for seq, tree in enumerate(trees):
            connection.execute("INSERT INTO trees VALUES (?, ?, ?)", (tree.id, seq, json.dumps(to_json(tree))))
    return folder


async def empty_forest(folder):
    Forest(folder).close()


def test_hostile_text_is_shown_and_never_acts(tmp_path):
    library = Library([Shelf(written(tmp_path / "forest", hostile_tree()), tmp_path / "cache")])
    answers = asked(
        library,
        [
            ("GET", f"/token/api/{path}", {})
            for path in ("about", "trees?words=script", "tree?id=tree", "pair?id=tree&turn=0&pair=0")
        ],
    )
    write_static(library, tmp_path / "page.html", [], 10)
    library.close()
    page = (tmp_path / "page.html").read_text("utf-8")
    for status, text, sent in answers:
        assert status == 200
        assert sent["Content-Type"].startswith("application/json")
        assert text.isascii()
        found = json.dumps(json.loads(text), ensure_ascii=False)
        assert not set("\x1b\x00\u202e\u2066\ud800") & set(found)
    assert json.loads(answers[1][1])["total"] == 1
    assert page.count("<script") == 2
    assert page.count("</script") == 2
    assert "<!--" not in page.split("<head>")[1]
    assert not set("\x1b\x00\u2028\u202e") & set(page)


def test_a_text_of_ten_megabytes(tmp_path):
    long = "print('x')\n" * 1_000_000
    tree = hostile_tree()
    right = replace(tree.turns[0].correct[0], text=f"```python\n{long}```", observation=Observation("ok", long))
    tree = replace(tree, turns=(replace(tree.turns[0], correct=(right,)), tree.turns[1]))
    shelf = Shelf(written(tmp_path / "forest", tree), tmp_path / "cache")
    (row,) = shelf.trees(Query(), 0, 10)["rows"]
    assert len(row["title"]) <= 160
    assert len(shelf.tree("tree")["turns"][0]["correct"][0]["parts"][0]["code"]) == 1  # uncoloured
    shelf.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param("UPDATE meta SET value = '0' WHERE name = 'version'", "another version", id="another format"),
        pytest.param(
            "UPDATE trees SET record = '{' WHERE seq = 1", "tree second can't be read", id="a record cut short"
        ),
        pytest.param(
            "UPDATE trees SET record = '{\"a\": 1}' WHERE seq = 1", "unknown field", id="a record of another kind"
        ),
        pytest.param("DROP TABLE trees", "no such table", id="no trees"),
    ],
)
def test_a_broken_forest_is_one_sentence(tmp_path, capsys, monkeypatch, spoil, said):
    monkeypatch.setenv("PREFTREE_CACHE", str(tmp_path / "cache"))
    folder = written(tmp_path / "forest", hostile_tree("first"), hostile_tree("second"))
    with sqlite3.connect(folder / "forest.sqlite") as connection:
        connection.execute(spoil)
    assert main(["view", str(folder), "--static", str(tmp_path / "page.html")]) == 1
    (found,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("preftree: ")]
    assert said in found


def test_what_is_no_database_is_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PREFTREE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "forest.sqlite").write_bytes(b"not a database" * 1000)
    assert main(["view", str(tmp_path), "--static", str(tmp_path / "page.html")]) == 1
    assert "not a database" in capsys.readouterr().err


def test_a_tree_that_breaks_while_it_is_looked_at_is_told_in_the_page(tmp_path):
    folder = written(tmp_path / "forest", hostile_tree())
    library = Library([Shelf(folder, tmp_path / "cache")])
    with sqlite3.connect(folder / "forest.sqlite") as connection:
        connection.execute("UPDATE trees SET record = '{'")
    ((status, text, _),) = asked(library, [("GET", "/token/api/tree?id=tree", {})])
    assert (status, "tree tree can't be read" in text) == (500, True)
    (folder / "forest.sqlite").unlink()
    ((status, text, _),) = asked(library, [("GET", "/token/api/about", {})])
    assert (status, "no longer there" in text) == (500, True)
    library.close()


def test_a_forest_grown_anew_in_its_place_is_read_anew(tmp_path):
    folder = written(tmp_path / "forest", hostile_tree("old"))
    shelf = Shelf(folder, tmp_path / "cache")
    for file in folder.iterdir():
        file.unlink()  # its number may be given to the next file
    written(folder, hostile_tree("new"))
    shelf.about()
    assert [row["id"] for row in shelf.trees(Query(), 0, 10)["rows"]] == ["new"]
    shelf.close()


def test_a_tree_written_again_is_judged_again(tmp_path):
    folder = written(tmp_path / "forest", hostile_tree("one"))
    asked_for = []
    for _ in range(2):
        shelf = Shelf(folder, tmp_path / "cache")
        shelf.score(scored("long", "key", 1, asked_for))
        shelf.close()
        with sqlite3.connect(folder / "forest.sqlite") as connection:
            connection.execute("INSERT OR REPLACE INTO trees SELECT id, seq, record FROM trees")
    assert asked_for == [1, 1]


def test_two_viewers_of_one_growing_forest(tmp_path):
    folder = written(tmp_path / "forest", hostile_tree("one"))
    shelves = [Shelf(folder, tmp_path / "cache") for _ in range(2)]
    with sqlite3.connect(folder / "forest.sqlite") as connection:
        connection.execute("INSERT INTO trees VALUES ('two', 1, ?)", (json.dumps(to_json(hostile_tree("two"))),))
        assert [shelf.about()["trees"] for shelf in shelves] == [1, 1]  # not committed
    assert shelves[0].tree("two")["row"]["id"] == "two"
    assert [shelf.about()["trees"] for shelf in shelves] == [2, 2]
    for shelf in shelves:
        shelf.close()


def test_a_spoilt_index_is_made_anew(tmp_path):
    folder = written(tmp_path / "forest", hostile_tree("one"))
    Shelf(folder, tmp_path / "cache").close()
    (file,) = (tmp_path / "cache").glob("*.sqlite")
    file.write_bytes(b"spoilt" * 1000)
    shelf = Shelf(folder, tmp_path / "cache")
    assert shelf.about()["trees"] == 1
    shelf.close()


def test_forests_with_the_same_ids_and_names_stay_apart(tmp_path):
    folders = [
        written(tmp_path / side / "lr=50%?#", hostile_tree("same", text)) for side, text in (("a", "one"), ("b", "two"))
    ]
    library = Library([Shelf(folder, tmp_path / "cache") for folder in folders])
    found = [shelf.tree("same")["problem"]["instruction"] for shelf in library.shelves]
    assert found == ["one", "two"]
    names = [shelf["name"] for shelf in library.about()["forests"]]
    assert names == [str(folder) for folder in folders]
    assert write_static(library, tmp_path / "page.html", ["same"], 50) == 2
    library.close()


def test_a_static_file_offers_the_choices_of_its_own_trees(shelf, trees, tmp_path):
    shelf.score(scored("short", "key-1", -1))
    shelf.score(scored("long", "key-2", 1))
    write_static(Library([shelf]), tmp_path / "page.html", [trees[1].id, trees[3].id], 50)
    text = (tmp_path / "page.html").read_text()
    choices = json.loads(text.split('id="data">')[1].split("</script>")[0])["about"]["forests"][0]["choices"]
    assert sum(count for _, count in choices["depth"]) == 2
    wrong = ranked_wrongly([trees[1], trees[3]], -1)
    assert choices["wrong"][0] == ["short", sum(any(pairs) for pairs in wrong.values())]
