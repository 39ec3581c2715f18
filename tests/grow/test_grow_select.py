"""Which problems are grown: the baseline's filter, written test inputs, answers judged by a model, missing roles."""

import asyncio
import json

import pytest
import world

from preftree.actors.scripted import ScriptedActor
from preftree.engine import Budget
from preftree.errors import InputError, RequestRefusedError, Stopped
from preftree.forest import Forest
from preftree.grow import Actors, GrowSettings, grow
from preftree.grow.inputs import read_inputs
from preftree.grow.judging import ruling
from preftree.recipe import run_single
from preftree.records import Problem, Reference, Tests

SETTINGS = GrowSettings(schemata=(), max_turns=2, batches=(1, 1), hints=False)


def say(name, answer):
    def script(messages, index):
        return answer(messages, index) if callable(answer) else answer

    return ScriptedActor(script, name=name, identity=name)


def run(out, problems, actors, settings=SETTINGS, **more):
    report = asyncio.run(grow(problems, actors, settings, out, environment=world.JAIL, **more))
    with Forest(out, readonly=True) as forest:
        return report, list(forest.trees()), forest.passed_over()


def program(text):
    return f"```python\n{text}\n```"


# ---------------------------------------------------------------- the baseline's filter


def _sums(count=4):
    return [
        Problem(f"p{i}", "sums", "Math_PoT", f"What is {i} + 1?", (Reference(str(i + 1)),), filter=i % 2 == 0)
        for i in range(count)
    ]


def test_only_problems_that_the_baseline_fails_are_grown(tmp_path):
    baseline = say("baseline", lambda messages, index: program("0 + 1"))
    actor = say("a", program("1"))
    report, trees, passed = run(tmp_path, _sums(), Actors((actor,), baseline=baseline))
    # p0 has a filter and is solved; p2 has one and is failed; the others have none.
    assert [tree.problem.id for tree in trees] == ["p1", "p2", "p3"]
    assert passed == {"p0": "the baseline actor solves it"}
    assert report.passed_over == {"the baseline actor solves it": 1}
    assert baseline.calls == 2
    again, _, _ = run(tmp_path, _sums(), Actors((actor,), baseline=baseline))
    assert (again.new_calls, again.passed_over) == (0, report.passed_over)


def test_the_baseline_is_asked_once_greedily_with_the_opening_alone(tmp_path):
    asked = []

    class Baseline(ScriptedActor):
        async def sample(self, request):
            asked.append(request)
            return await super().sample(request)

    baseline = Baseline(lambda messages, index: program("0"), name="baseline")
    settings = GrowSettings(max_turns=1, batches=(1,), prefill="```python\n")
    _, (tree,), _ = run(tmp_path, _sums(1), Actors((say("a", program("1")),), baseline=baseline), settings)
    (request,) = asked
    assert (request.temperature, request.samples, request.prefill) == (0.0, (0,), "")
    assert request.messages == tree.prompt


def test_one_correct_of_several_samples_passes_a_problem_over(tmp_path):
    baseline = say("baseline", lambda messages, index: program("1" if index == 2 else "0"))
    settings = GrowSettings(schemata=(), baseline_samples=3, baseline_temperature=1.0)
    _, trees, passed = run(tmp_path, _sums(1), Actors((say("a", ""),), baseline=baseline), settings)
    assert (trees, list(passed)) == ([], ["p0"])


def test_a_problem_that_the_baseline_refuses_is_grown(tmp_path):
    baseline = say("baseline", "")
    baseline._fault = lambda request, index: RequestRefusedError("too long")
    _, trees, passed = run(tmp_path, _sums(1), Actors((say("a", program("1")),), baseline=baseline))
    assert (len(trees), passed) == (1, {})


# ---------------------------------------------------------------- written inputs


TWELVE = [f"{i} {i + 1}\n" for i in range(12)]
ADD = "a, b = map(int, input().split())\nprint(a + b)"


def _untested(solution=ADD, **more):
    return Problem(
        *("t", "taco", "Coding", "Add two numbers.", (Reference("", program=solution),)),
        verifier="code",
        tests=Tests(**more),
    )


def test_inputs_are_written_and_outputs_come_of_the_reference(tmp_path):
    asked = []

    def write(messages, index):
        asked.append(messages[-1].content)
        return json.dumps(TWELVE) if index else "Sure! [1, 2]"

    writer = say("writer", write)
    actor = say("a", lambda messages, index: program(ADD if index else ADD.replace("+", "-")))
    _, (tree,), _ = run(tmp_path, [_untested()], Actors((actor,), writer=writer))
    assert [(case.input, case.outputs) for case in tree.problem.tests.cases] == [
        (text, (f"{2 * i + 1}\n",)) for i, text in enumerate(TWELVE)
    ]
    assert "first 4 basic ones, then 4 edge cases" in asked[0]
    assert "4 large ones" in asked[0]
    assert asked[1].startswith("That can't be used: it is no JSON")
    assert [action.sample for action in tree.turns[0].correct] == [1]
    assert [action.sample for action in tree.turns[0].incorrect] == [0]


def test_inputs_on_which_the_reference_fails_are_dropped(tmp_path):
    inputs = ["x", "1 2 3", *TWELVE[:10]]
    writer = say("writer", json.dumps(inputs))
    _, (tree,), _ = run(tmp_path, [_untested()], Actors((say("a", program(ADD)),), writer=writer))
    assert [case.input for case in tree.problem.tests.cases] == TWELVE[:10]


@pytest.mark.parametrize(
    ("problem", "answer", "reason"),
    [
        pytest.param(_untested("1 / 0"), json.dumps(TWELVE), "fails on every input", id="reference-fails"),
        pytest.param(_untested("pass"), json.dumps(TWELVE), "fails on every input", id="reference-is-silent"),
        pytest.param(_untested(), "no", "in 3 attempts: it is no JSON", id="writer-fails"),
        pytest.param(_untested(None), "", "no reference solution", id="no-reference"),
        pytest.param(_untested(names=("f",)), "", "call a function", id="function"),
    ],
)
def test_a_problem_whose_tests_can_not_be_made_is_passed_over(tmp_path, problem, answer, reason):
    _, trees, passed = run(tmp_path, [problem], Actors((say("a", ""),), writer=say("writer", answer)))
    assert trees == []
    assert reason in passed["t"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(json.dumps(TWELVE), "", id="list"),
        pytest.param(f"```json\n{json.dumps(TWELVE)}\n```", "", id="fenced"),
        pytest.param("Here:\n" + json.dumps(TWELVE), "no JSON", id="words-before"),
        pytest.param(json.dumps({"inputs": TWELVE}), "no list but dict", id="object"),
        pytest.param(json.dumps(TWELVE[:11]), "12 different strings", id="eleven"),
        pytest.param(json.dumps([*TWELVE[:11], TWELVE[0]]), "12 different strings", id="one-twice"),
        pytest.param(json.dumps([*TWELVE[:11], 5]), "not all strings", id="a-number"),
        pytest.param(json.dumps([*TWELVE[:11], " "]), "none of them blank", id="a-blank"),
    ],
)
def test_a_list_of_inputs_is_read_strictly(text, fault):
    assert fault in read_inputs(text).fault
    assert bool(read_inputs(text).values) is not bool(fault)


def test_written_inputs_are_the_same_after_a_stop(tmp_path):
    writer, actor = say("writer", json.dumps(TWELVE)), say("a", program(ADD))
    with pytest.raises(Stopped):
        run(tmp_path / "a", [_untested()], Actors((actor,), writer=writer), budget=Budget(calls=1))
    _, stopped, _ = run(tmp_path / "a", [_untested()], Actors((actor,), writer=writer))
    _, whole, _ = run(tmp_path / "b", [_untested()], Actors((actor,), writer=writer))
    assert writer.calls == 2
    assert [tree.problem for tree in stopped] == [tree.problem for tree in whole]


# ---------------------------------------------------------------- answers judged by a model


EVOL = Problem("m", "magicoder", "Coding", "Write a haiku server.", (Reference(""),), verifier="judge")


def test_a_model_judges_and_only_sft_actions_come_of_it(tmp_path):
    judge = say("judge", lambda messages, index: f"Hm.\nVerdict: {'yes' if 'good' in messages[0].content else 'no'}")
    actor = say("a", lambda messages, index: program("good") if index == 2 else program(f"bad{index}"))
    stronger, rival = say("strong", program("good")), say("rival", program("bad"))
    settings = GrowSettings(schemata=(), batches=(1, 1, 2, 4))
    _, (tree,), _ = run(tmp_path, [EVOL], Actors((actor, stronger), (rival,), judge=judge), settings)
    (turn,) = tree.turns
    assert [(a.sample, a.verdict.why) for a in turn.correct] == [(2, "in the judge's opinion")]
    assert (turn.incorrect, turn.expanded) == ((), None)
    # Sampling only, until a correct one: no stronger actor, no pool; one call of the judge a sample.
    assert (actor.calls, judge.calls, stronger.calls, rival.calls) == (4, 4, 0, 0)


def test_without_a_good_answer_there_is_nothing(tmp_path):
    actors = Actors((say("a", program("bad")), say("strong", "")), judge=say("judge", "Verdict: no"))
    _, (tree,), _ = run(tmp_path, [EVOL], actors)
    assert [(turn.correct, turn.incorrect) for turn in tree.turns] == [((), ())]
    assert actors.ladder[1].calls == 0


def test_an_answer_that_the_judge_refuses_is_undecided(tmp_path):
    judge = say("judge", "")
    judge._fault = lambda request, index: RequestRefusedError("filtered")
    actors = Actors((say("a", program("x")),), judge=judge)
    _, (tree,), _ = run(tmp_path, [EVOL], actors)
    assert (tree.turns[0].correct, tree.turns[0].num_samples) == ((), 2)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        pytest.param("Fine.\nVerdict: yes", "correct", id="yes"),
        pytest.param("Verdict: no", "wrong", id="no"),
        pytest.param("**Verdict:** Yes.", "correct", id="bold"),
        pytest.param("Verdict: yes\nOr so I think.", "undecided", id="not-last"),
        pytest.param("Yes", "undecided", id="no-mark"),
        pytest.param("Verdict: yes or no", "undecided", id="both"),
        pytest.param("", "undecided", id="empty"),
    ],
)
def test_rulings_are_read_strictly(text, outcome):
    assert ruling(text).outcome == outcome


# ---------------------------------------------------------------- roles that lack


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        pytest.param(_sums(1)[0], "p0 is grown only if the baseline actor fails it.* as baseline", id="baseline"),
        pytest.param(EVOL, "problem m has no ground truth.* as judge", id="judge"),
        pytest.param(_untested(), "problem t has no tests yet.* as writer", id="writer"),
    ],
)
def test_a_role_that_nobody_plays_is_told_before_any_call(tmp_path, problem, said):
    actor = say("a", "")
    first = Problem("first", "sums", "Math_PoT", "What is 1 + 1?", (Reference("2"),))
    with pytest.raises(InputError, match=said):
        run(tmp_path / "f", [first, problem], Actors((actor,)))
    assert actor.calls == 0


def test_a_recipe_says_which_stage_lacks_the_role(tmp_path):
    from preftree.records import canonical

    (tmp_path / "p.jsonl").write_text(canonical(EVOL) + "\n")
    section = {
        "problems": str(tmp_path / "p.jsonl"),
        "out": str(tmp_path / "out"),
        "actors": {"far": {"kind": "endpoint", "base_url": "http://127.0.0.1:9/v1", "model": "m"}},
        "ladder": ["far"],
    }
    with pytest.raises(InputError, match="stage grow: problem m has no ground truth"):
        run_single("grow", section)
    with pytest.raises(InputError, match='no actor "jdge" among its actors; known: far'):
        run_single("grow", section | {"judge": "jdge"})
    with pytest.raises(InputError, match="stage grow: ladder: expected 1 to 4 actors with a model, got 5"):
        run_single("grow", section | {"ladder": ["far"] * 5})
