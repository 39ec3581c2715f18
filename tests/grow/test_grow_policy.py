"""The policy: the order of one turn, choice, expansion, hints, critiques; and the same forest at any concurrency."""

import asyncio
import random

import pytest
import world

from preftree.actors.scripted import ScriptedActor
from preftree.engine import Budget
from preftree.errors import ForestError, RequestRefusedError, Stopped
from preftree.export import export
from preftree.forest import Forest
from preftree.grow import Actors, GrowSettings, grow
from preftree.grow.hints import mask_numbers
from preftree.records import Problem, Reference


def _grow(out, actors, settings=None, problems=None, **more):
    return asyncio.run(
        grow(problems or world.problems(), actors, settings or world.SETTINGS, out, environment=world.JAIL, **more)
    )


def _trees(out):
    with Forest(out, readonly=True) as forest:
        return list(forest.trees())


def _program(text):
    return f"```python\n{text}\n```"


ONE = Problem("one", "sums", "Math_PoT", "What is 1 + 1?", (Reference("2", "One and one is 2.", "1 + 1"),))


def _script(first, *later):
    """An actor whose answers depend on the turn (the number of its own earlier messages)."""

    def script(messages, index):
        turn = sum(message.role == "assistant" for message in messages)
        answers = (first, *later)[min(turn, len(later))]
        return answers[index % len(answers)]

    return script


def _one(out, script, settings, problem=ONE, pool=(), critic=None):
    actors = Actors((ScriptedActor(script, name="a"),), pool, critic)
    _grow(out, actors, settings, [problem])
    (tree,) = _trees(out)
    return tree


def test_correct_ends_and_wrong_is_expanded(tmp_path):
    script = _script([_program("1 - 1"), _program("1 + 1")], [_program("2")])
    tree = _one(tmp_path, script, GrowSettings(batches=(1, 1), max_turns=3))
    assert tree.depth == 2
    first, second = tree.turns
    assert [a.text for a in first.correct] == [_program("1 + 1")]
    assert [a.text for a in first.incorrect] == [_program("1 - 1")]
    assert first.expanded == 0
    assert first.reply.startswith("Out: 0\nYour answer is wrong.\n")
    assert tree.history(1)[1].content == _program("1 - 1")
    assert second.correct
    assert second.expanded is None


def test_state_of_the_expanded_action_is_there_in_the_next_turn(tmp_path):
    script = _script([_program("x = 1\nx")], [_program("x + 1")])
    tree = _one(tmp_path, script, GrowSettings(batches=(1,), max_turns=2, hints=False))
    assert tree.turns[1].correct[0].observation.value == "2"


def test_samples_are_drawn_in_batches_until_the_targets_are_met(tmp_path):
    script = _script([_program("0"), _program("5"), _program("2"), _program("2"), _program("2")])
    tree = _one(tmp_path, script, GrowSettings(batches=(1, 1, 2, 4), max_turns=1))
    assert tree.turns[0].num_samples == 4


def test_the_cap_is_kept(tmp_path):
    tree = _one(tmp_path, _script([_program("0")]), GrowSettings(batches=(1, 1, 2), max_turns=1, hints=False))
    assert tree.turns[0].num_samples == 4
    assert not tree.turns[0].correct


def test_a_reference_gives_the_correct_action_when_sampling_does_not(tmp_path):
    tree = _one(tmp_path, _script([_program("0")]), GrowSettings(batches=(1,), max_turns=1))
    (action,) = tree.turns[0].correct
    assert (action.stage, action.actor, action.text) == ("reference", "reference", _program("1 + 1"))
    assert action.observation.value == "2"


def test_a_wrong_reference_program_is_not_taken(tmp_path):
    problem = Problem("one", "sums", "Math_PoT", "What is 1 + 1?", (Reference("2", program="1 + 2"),))
    tree = _one(tmp_path, _script([_program("0")]), GrowSettings(batches=(1,), max_turns=1), problem)
    assert tree.turns[0].correct == ()


def test_a_rationale_is_a_hint_to_the_actor(tmp_path):
    problem = Problem("one", "sums", "Math_PoT", "What is 1 + 1?", (Reference("2", "One and one is 2."),))

    def script(messages, index):
        return _program("1 + 1") if "One and one is 2." in messages[-1].content else _program("0")

    tree = _one(tmp_path, script, GrowSettings(batches=(1,), max_turns=1, schemata=()), problem)
    assert tree.turns[0].correct[0].stage == "reference-0"


def test_a_syntax_error_enters_no_pair_but_the_history(tmp_path):
    script = _script([_program("1 +"), _program("1 + 1")], [_program("2")])
    tree = _one(tmp_path / "f", script, GrowSettings(batches=(2,), max_turns=2))
    assert tree.turns[0].incorrect[0].observation.status == "syntax"
    assert "SyntaxError" in tree.turns[0].reply
    report = export(tmp_path / "f", tmp_path / "rows")
    assert (report.num_pairs, report.num_sft) == (0, 2)


def test_pairs_come_from_different_actors_where_both_have_one(tmp_path):
    pool = (ScriptedActor(_script([_program("7")]), name="rival"),)
    script = _script([_program("1 + 1"), _program("3")])
    tree = _one(tmp_path, script, GrowSettings(batches=(2,), pool_batches=(1,), max_turns=1), pool=pool)
    assert [a.actor for a in tree.turns[0].incorrect] == ["rival"]


def test_escalation_goes_to_the_stronger_actor_only_when_needed(tmp_path):
    weak = ScriptedActor(_script([_program("0")]), name="weak")
    strong = ScriptedActor(_script([_program("2")]), name="strong", identity="strong")
    settings = GrowSettings(batches=(1,), max_turns=1)
    _grow(tmp_path, Actors((weak, strong)), settings, [ONE])
    (tree,) = _trees(tmp_path)
    assert [(a.actor, a.stage) for a in tree.turns[0].correct] == [("strong", "escalation-1")]


def test_masked_numbers():
    assert mask_numbers("48/2 = 24, so 1,234.5 clips.") == "[?]/[?] = [?], so [?] clips."


@pytest.mark.parametrize("concurrency", [1, 64])
def test_the_forest_does_not_depend_on_concurrency(tmp_path, concurrency):
    kept = {name: getattr(world.SETTINGS, name) for name in world.SETTINGS.__slots__}
    settings = GrowSettings(**kept | {"concurrency": concurrency})
    noisy = world.actors(delay_s=lambda request, index: random.uniform(0, 0.01))
    _grow(tmp_path / "a", noisy, settings)
    _grow(tmp_path / "b", world.actors())
    assert _rows(tmp_path / "a") == _rows(tmp_path / "b")


def test_a_second_run_makes_no_call(tmp_path):
    first = _grow(tmp_path, world.actors())
    assert first.new_calls > 0
    again = world.actors()
    second = _grow(tmp_path, again)
    assert (second.new_calls, again.ladder[0].calls) == (0, 0)
    assert second.account == first.account


def test_a_changed_model_is_refused(tmp_path):
    with pytest.raises(Stopped):
        _grow(tmp_path, world.actors(), budget=Budget(calls=20))
    other = Actors((ScriptedActor(world.answer(0.4), name="sft", identity="sft-2"),), world.actors().pool)
    with pytest.raises(ForestError, match="another prompt, model or setting"):
        _grow(tmp_path, other)


def test_a_budget_stops_cleanly_and_is_gone_on_with(tmp_path):
    with pytest.raises(Stopped, match="budget of 10 calls is spent"):
        _grow(tmp_path / "a", world.actors(), budget=Budget(calls=10))
    with Forest(tmp_path / "a", readonly=True) as forest:
        account = forest.account()
    assert (account.calls, account.unanswered_calls) == (10, 0)
    _grow(tmp_path / "a", world.actors())
    _grow(tmp_path / "b", world.actors())
    assert _rows(tmp_path / "a") == _rows(tmp_path / "b")


def _rows(forest):
    out = forest.with_name(forest.name + "-rows")
    export(forest, out)
    return (out / "sft.jsonl").read_bytes(), (out / "pairs.jsonl").read_bytes()


def test_a_problem_too_long_for_the_actor_is_set_aside(tmp_path):
    def fault(request, index):
        long = "twelve" in request.messages[0].content or len(request.messages) > 3
        return RequestRefusedError("the prompt has 9 tokens, the model reads 8") if long else None

    actor = ScriptedActor(_script([_program("0")]), name="a", fault=fault)
    twelve = Problem("twelve", "sums", "Math_PoT", "What is twelve?", (Reference("12", program="12"),))
    report = _grow(tmp_path, Actors((actor,)), GrowSettings(batches=(1,), max_turns=3), [twelve, ONE])
    assert report.trees == 1
    assert report.refused == ("twelve: the prompt has 9 tokens, the model reads 8",)
    (tree,) = _trees(tmp_path)
    assert tree.depth == 2
    assert tree.turns[-1].expanded is None


def test_half_a_character_is_kept_as_a_question_mark(tmp_path):
    tree = _one(tmp_path, _script(["bad \ud83d text"]), GrowSettings(batches=(1,), max_turns=1))
    assert tree.turns[0].incorrect[0].text == "bad ? text"
