"""Where parts meet: what a run that goes on finds again, rows that stand twice, what hostile words may not do."""

import asyncio
import json

import pytest
import world

from preftree.actors.scripted import ScriptedActor
from preftree.engine import Budget, Engine
from preftree.engine.code import _limit_s
from preftree.environment import Interpreter
from preftree.errors import ActorError, ForestError, InputError, Stopped
from preftree.export import export, import_rows
from preftree.forest import CallKey, Forest
from preftree.grow import Actors, GrowSettings, grow
from preftree.grow.inputs import read_inputs
from preftree.grow.judging import ruling
from preftree.recipe import run_single
from preftree.recipe.stages.problems import read_problems
from preftree.records import Case, Problem, ProgramRun, Reference, Request, Sample, Tests, canonical

ONE = Problem("one", "sums", "Math_PoT", "What is 1 + 1?", (Reference("2", program="1 + 1"),))


def run(out, actors, settings, problems=(ONE,), **more):
    return asyncio.run(grow(list(problems), actors, settings, out, environment=world.JAIL, **more))


def test_a_refusal_is_found_again_by_a_run_that_goes_on(tmp_path):
    """What followed from it would be another request, and the run would be refused for good."""
    broken = [True]

    def fault(request, index):
        first_turn = not any(message.role == "assistant" for message in request.messages)
        harmless = request.messages[-1].content == "Say yes."
        return ActorError("reset") if broken[0] and first_turn and index == 0 and not harmless else None

    weak = ScriptedActor(lambda messages, index: f"```python\n{index}\n```", name="weak", fault=fault)
    other = ScriptedActor(lambda messages, index: f"```python\n{index + 5}\n```", name="other")
    settings = GrowSettings(batches=(1, 1), pool_batches=(1,), max_turns=4, hints=False)
    with pytest.raises(Stopped):
        run(tmp_path / "a", Actors((weak,), (other,)), settings, budget=Budget(calls=5))
    broken[0] = False
    report = run(tmp_path / "a", Actors((weak,), (other,)), settings)
    assert report.trees == 1


def test_a_row_that_stands_twice_is_grown_once(tmp_path):
    actors = world.actors(tmp_path / "log")
    report = run(tmp_path / "a", actors, world.SETTINGS, [*world.problems(3), *world.problems(3)])
    asked = (tmp_path / "log").read_text().split()
    assert report.trees == 3
    assert len(asked) == len(set(asked))
    assert report.account.unanswered_calls == 0


def test_what_a_filter_left_without_words_enters_no_pair(tmp_path):
    silent = ScriptedActor(lambda messages, index: "", name="silent")
    right = ScriptedActor(lambda messages, index: "```python\n1 + 1\n```", name="right")
    report = run(tmp_path / "a", Actors((right,), (silent,)), GrowSettings(batches=(1,), max_turns=2))
    assert (report.trees, report.pairs, report.turns) == (1, 0, 1)
    assert export(tmp_path / "a", tmp_path / "rows").num_pairs == 0


def test_a_writer_that_fails_tells_everybody(tmp_path):
    """A number that SQLite can't hold ends in a sentence, not in a run that waits for ever."""

    async def work():
        with Forest(tmp_path) as forest:
            key = CallKey("t", 0, "a", "s", 0)
            await forest.intend(key, "a", Request(text="x"), "digest")
            with pytest.raises(ForestError, match="can't be written"):
                await asyncio.wait_for(forest.commit_answer(key, [Sample(0, "x", 10**20, 1)], 0.0), 10)
            with pytest.raises(ForestError):
                await asyncio.wait_for(forest.intend(key, "a", Request(text="x"), "digest"), 10)

    asyncio.run(work())


@pytest.mark.parametrize(
    "text", [pytest.param("[" * 5000, id="deep"), pytest.param(json.dumps(["\ud800", *"abcdefghijk"]), id="surrogate")]
)
def test_a_writers_hostile_list_is_a_fault(text):
    assert read_inputs(text).fault


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        pytest.param("Fine.\nVerdict: yes", "correct", id="one"),
        pytest.param("It prints:\nVerdict: yes\nwhich is wrong.\nVerdict: no", "undecided", id="two"),
    ],
)
def test_a_judge_rules_once(text, outcome):
    assert ruling(text).outcome == outcome


def test_a_broken_jail_is_no_time_of_the_reference(tmp_path):
    runs = iter([ProgramRun("broken"), ProgramRun("ok", cpu_s=3.1)])

    class Jail(Interpreter):
        async def run_program(self, code, stdin, cpu_s=None):
            return next(runs)

    tests = Tests(cases=(Case("", ("1",)),))
    problem = Problem("p", "d", "Coding", "q", (Reference("", program="x"),), "code", tests=tests)

    async def work():
        with Forest(tmp_path) as forest:
            engine = Engine(forest, Jail(world.JAIL), None)
            return [await _limit_s(engine, problem, tests) for _ in range(3)]

    floor_s = world.JAIL.limits.cpu_s
    limits = asyncio.run(work())
    assert limits[0] == floor_s
    assert limits[1] == limits[2] >= 31
    assert limits[1] % floor_s == 0


def test_a_pilot_binds_the_run_to_its_settings(tmp_path):
    from preftree.recipe.planning import make_plan
    from preftree.recipe.runner import Observer

    (tmp_path / "p.jsonl").write_text("".join(canonical(problem) + "\n" for problem in world.problems(2)))
    actors = {"far": {"kind": "endpoint", "base_url": "http://127.0.0.1:9/v1", "model": "m", "attempts": 1}}
    section = {"problems": str(tmp_path / "p.jsonl"), "actors": actors, "ladder": ["far"], "out": str(tmp_path / "f")}
    with pytest.raises(ActorError):
        make_plan(section, 1, Observer())
    with pytest.raises(InputError, match="begun with other settings"):
        run_single("grow", section | {"policy": {"max_turns": 2}})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"budget": {"usd": -1}}, r"budget\.usd: expected 0 or more", id="negative"),
        pytest.param({"budget": {"usd": 1}}, "actor far has no price", id="no-price"),
    ],
)
def test_a_budget_that_holds_nothing_is_refused(tmp_path, change, said):
    (tmp_path / "p.jsonl").write_text(canonical(ONE) + "\n")
    section = {
        "problems": str(tmp_path / "p.jsonl"),
        "actors": {"far": {"kind": "endpoint", "base_url": "http://127.0.0.1:9/v1", "model": "m"}},
        "ladder": ["far"],
        "out": str(tmp_path / "f"),
    }
    with pytest.raises(InputError, match=said):
        run_single("grow", section | change)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param(canonical(ONE).replace("What is", "\\ud800"), "row 2", id="surrogate"),
        pytest.param('{"references": ' + "[" * 5000, "row 2", id="deep"),
        pytest.param(canonical(Problem("p", "d", "Math_PoT", "q", ())), '"references"', id="no-reference"),
    ],
)
def test_bad_rows_of_problems_are_named(tmp_path, row, said):
    (tmp_path / "p.jsonl").write_text(canonical(ONE) + "\n" + row + "\n")
    with pytest.raises(InputError, match=said):
        read_problems(str(tmp_path / "p.jsonl"))


def test_tools_work_on_the_published_rows(data_dir, tmp_path, capsys):
    from preftree.cli import main

    folder = data_dir / "ultrainteract"
    files = [str(folder / f"readme_examples_{kind}.jsonl") for kind in ("sft", "pair")]
    import_rows(files, tmp_path / "forest")
    assert main(["stats", str(tmp_path / "forest"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["table1"]
    assert main(["regrade", str(tmp_path / "forest"), "verifier=math", f"out={tmp_path / 'again'}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == {}
