"""Who is asked what: schemata, thoughts, the pool, rungs, hints by task, critiques of both kinds, tools."""

import asyncio
import json

import pytest
import world

from preftree.actors.scripted import ScriptedActor
from preftree.environment import EnvironmentSettings
from preftree.environment.tools import ToolSettings
from preftree.errors import InputError, RequestRefusedError
from preftree.forest import Forest
from preftree.grow import Actors, GrowSettings, grow
from preftree.grow.hints import mask_answer
from preftree.grow.schemata import instruction, manner_of
from preftree.records import Problem, Reference, Tests

ONE = Problem("one", "sums", "Math_PoT", "What is 1 + 1?", (Reference("2", "One and one is 2.", "1 + 1"),))
PLAIN = {"schemata": (), "max_turns": 1, "batches": (1,)}


def program(text):
    return f"```python\n{text}\n```"


def say(name, answer, seen=None, **more):
    """An actor whose answer is a text or a function of the last message; `seen` collects what it is asked."""

    def script(messages, index):
        if seen is not None:
            seen.append(messages[-1].content)
        return answer(messages[-1].content, index) if callable(answer) else answer

    return ScriptedActor(script, name=name, identity=name, **more)


def tree_of(out, actors, settings, problem=ONE, environment=world.JAIL):
    asyncio.run(grow([problem], actors, settings, out, environment=environment))
    with Forest(out, readonly=True) as forest:
        (tree,) = forest.trees()
        actions = forest.actions(tree.id, 0)
    return tree, actions


# ---------------------------------------------------------------- schemata and kinds


TASKS = {
    "Coding": Problem("p", "d", "Coding", "q", (Reference(""),), verifier="code", tests=Tests(code="x", names=("f",))),
    "Coding-answer": Problem("p", "d", "Coding", "q", (Reference("1"),), verifier="table"),
    "Math_CoT": Problem("p", "d", "Math_CoT", "q", (Reference("1"),), tools=()),
    "Math_PoT": Problem("p", "d", "Math_PoT", "q", (Reference("1"),)),
    "Logic": Problem("p", "d", "Logic", "q", (Reference("A"),), tools=()),
    "Logic-tool": Problem("p", "d", "Logic", "q", (Reference("A"),), tools=("python", "wikipedia_search")),
}


@pytest.mark.parametrize("task", TASKS)
def test_each_kind_has_its_instructions(task):
    """All mark their steps; modular ones define functions; only what may hold code is told of code."""
    problem = TASKS[task]
    drawn = {manner_of(GrowSettings(), problem, 0, "actor")(sample).schema for sample in range(20)}
    has_code = task not in ("Math_CoT", "Logic")
    assert drawn == ({"cot", "modular"} if has_code else {"cot"})
    for schema in drawn:
        text = instruction(problem, schema)
        assert '"Step 1:"' in text
        assert ('"# Step 3: ..."' in text) is has_code
        assert ("function" in text) is (schema == "modular")


def test_schemata_are_drawn_by_problem_turn_role_and_sample():
    def drawn(settings, problem=ONE, turn=0, role="actor"):
        return [manner_of(settings, problem, turn, role)(sample).schema for sample in range(64)]

    first = drawn(GrowSettings())
    assert first == drawn(GrowSettings())
    assert 16 < first.count("cot") < 48
    others = [
        drawn(GrowSettings(seed=1)),
        drawn(GrowSettings(), turn=1),
        drawn(GrowSettings(), role="pool-0"),
        drawn(GrowSettings(), TASKS["Math_PoT"]),
    ]
    assert all(first != other for other in others)
    assert set(drawn(GrowSettings(schemata=("modular",)))) == {"modular"}
    assert set(drawn(GrowSettings(schemata=()))) == {""}


def test_the_instruction_is_asked_and_never_exported(tmp_path):
    seen = []
    settings = GrowSettings(batches=(6,), max_turns=2, hints=False)
    tree, actions = tree_of(tmp_path, Actors((say("a", program("0"), seen),)), settings)
    assert {action.schema for action in actions} == {"cot", "modular"}
    for action, asked in zip(actions, seen, strict=False):
        assert asked == f"{tree.prompt[0].content}\n\n{instruction(ONE, action.schema)}"
    assert all("How to answer" not in message.content for message in tree.history(1))
    assert all("How to answer" in asked for asked in seen)


def test_thoughts_are_kept_beside_the_action(tmp_path):
    class Thinker(ScriptedActor):
        async def sample(self, request):
            from dataclasses import replace

            return tuple(replace(sample, thought="1 - 1, hm.") for sample in await super().sample(request))

    actor = Thinker(lambda messages, index: program("0"), name="a")
    tree, _ = tree_of(tmp_path, Actors((actor,)), GrowSettings(batches=(1,), max_turns=2, hints=False))
    (wrong,) = tree.turns[0].incorrect
    assert (wrong.thought, wrong.text) == ("1 - 1, hm.", program("0"))
    assert all("hm." not in message.content for message in tree.history(1))


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        pytest.param("<thought>Step 1: add.</thought><execute>x = 1 + 1</execute><solution>x</solution>", "correct"),
        pytest.param("<thought>Step 1: add.</thought><solution>2</solution>", "correct"),
        pytest.param("<execute>x = 1 + 2</execute><solution>x</solution>", "wrong"),
    ],
    ids=["expression", "value", "other-value"],
)
def test_tags_of_figure_3_are_read(tmp_path, text, outcome):
    _, (action,) = tree_of(tmp_path, Actors((say("a", text),)), GrowSettings(**PLAIN, hints=False))
    assert action.verdict.outcome == outcome


# ---------------------------------------------------------------- the ladder and the pool


def test_at_most_three_stronger_actors():
    with pytest.raises(InputError, match="ladder: expected 1 to 4 actors with a model, got 5"):
        Actors(tuple(say(str(number), "") for number in range(5)))


def test_three_escalations_in_order_and_an_actor_may_be_asked_again(tmp_path):
    weak, strong = say("weak", program("0")), say("strong", lambda text, index: program(2 if index >= 6 else 0))
    settings = GrowSettings(schemata=(), max_turns=1, batches=(2,))
    _, actions = tree_of(tmp_path, Actors((weak, strong, strong, strong)), settings)
    # The third escalation's samples are new draws: their indices go on.
    assert [(a.actor, a.stage, a.sample) for a in actions] == [
        *(("weak", "sample", index) for index in (0, 1)),
        *(("strong", "escalation-1", index) for index in (2, 3)),
        *(("strong", "escalation-2", index) for index in (4, 5)),
        *(("strong", "escalation-3", index) for index in (6, 7)),
    ]


def test_one_of_the_pool_is_drawn_for_each_problem_and_turn(tmp_path):
    pool = tuple(say(f"p{number}", program(5 + number)) for number in range(4))
    actors = Actors((say("a", program("2")),), pool)
    problems = [Problem(f"one-{i}", "sums", "Math_PoT", "What is 1 + 1?", (Reference("2"),)) for i in range(40)]
    asyncio.run(grow(problems, actors, GrowSettings(**PLAIN), tmp_path, environment=world.JAIL))
    with Forest(tmp_path, readonly=True) as forest:
        drawn = [[a.actor for a in tree.turns[0].incorrect] for tree in forest.trees()]
        assert forest.account().calls == 80
    assert all(len(writers) == 1 for writers in drawn)
    assert {writer for (writer,) in drawn} == {"p0", "p1", "p2", "p3"}


def test_the_next_of_the_pool_is_asked_where_one_gives_no_usable_action(tmp_path):
    pool = (say("right", program("2")), say("broken", program("1 +")), say("useful", program("7")))
    settings = GrowSettings(schemata=(), max_turns=1, batches=(1,), pool_batches=(1, 1))
    tree, _ = tree_of(tmp_path, Actors((say("a", program("2")),), pool), settings)
    assert [a.actor for a in tree.turns[0].incorrect] == ["useful"]


def test_a_rival_comes_before_the_writer_and_its_weaker_colleague(tmp_path):
    weak, strong = say("weak", program("0")), say("strong", lambda text, index: program(2 if index == 1 else 3))
    settings = GrowSettings(schemata=(), max_turns=1, batches=(1,), incorrect=3)
    tree, _ = tree_of(tmp_path / "a", Actors((weak, strong), (say("rival", program("7")),)), settings)
    assert [a.actor for a in tree.turns[0].incorrect] == ["weak", "rival"]
    settings = GrowSettings(schemata=(), max_turns=1, batches=(1,), incorrect=1)
    tree, _ = tree_of(tmp_path / "b", Actors((weak, strong), (say("rival", program("7")),)), settings)
    assert [a.actor for a in tree.turns[0].incorrect] == ["rival"]


def test_an_actor_that_refuses_leaves_the_turn_to_the_others(tmp_path):
    def refuses(request, index):
        return RequestRefusedError("too long")

    weak = say("weak", "", fault=refuses)
    tree, _ = tree_of(tmp_path, Actors((weak, say("strong", program("2")))), GrowSettings(**PLAIN))
    assert [a.stage for a in tree.turns[0].correct] == ["escalation-1"]


def test_several_of_each_as_many_as_20_samples_give(tmp_path):
    actor = say("a", lambda text, index: program(f"{index} * 0 + {2 if index < 7 else index}"))
    settings = GrowSettings(schemata=(), max_turns=1, batches=(20,), correct=20, incorrect=20)
    tree, _ = tree_of(tmp_path, Actors((actor,)), settings)
    assert (len(tree.turns[0].correct), len(tree.turns[0].incorrect)) == (7, 13)


def test_the_tree_goes_on_without_a_correct_action_and_ends_without_a_wrong_one(tmp_path):
    wrong = say("a", lambda text, index: program("0"))
    tree, _ = tree_of(tmp_path / "a", Actors((wrong,)), GrowSettings(schemata=(), batches=(1,), hints=False))
    assert tree.depth == 5
    assert not any(turn.correct for turn in tree.turns)
    tree, _ = tree_of(tmp_path / "b", Actors((say("a", program("2")),)), GrowSettings(schemata=(), batches=(1,)))
    assert (tree.depth, tree.turns[0].incorrect) == (1, ())


def test_a_random_correct_one_is_drawn_by_problem_and_turn(tmp_path):
    actor = say("a", lambda text, index: program(f"{index} * 0 + 2" if index else "0"))
    settings = GrowSettings(schemata=(), max_turns=1, batches=(20,), choice="random")
    problems = [Problem(f"one-{i}", "sums", "Math_PoT", "What is 1 + 1?", (Reference("2"),)) for i in range(12)]
    asyncio.run(grow(problems, Actors((actor,)), settings, tmp_path, environment=world.JAIL))
    with Forest(tmp_path, readonly=True) as forest:
        chosen = [tree.turns[0].correct[0].sample for tree in forest.trees()]
    assert len(set(chosen)) > 4


def test_the_first_is_kept_however_often_it_comes_again(tmp_path):
    """A text that comes again later is no later choice: else rare answers would be preferred."""
    actor = say("a", lambda text, index: program(("1 + 1", "2", "1 + 1", "0")[index % 4]))
    settings = GrowSettings(schemata=(), max_turns=1, batches=(4,))
    tree, _ = tree_of(tmp_path, Actors((actor,)), settings)
    assert [a.sample for a in tree.turns[0].correct] == [0]


# ---------------------------------------------------------------- hints


def _hinted(out, problem, settings, answer, ladder=None):
    asked = []
    hinter = say("hinter", answer, asked)
    actors = Actors(ladder or (say("a", program("0")),), hinter=hinter)
    tree, _ = tree_of(out, actors, settings, problem)
    return tree, asked


def test_code_is_annotated_from_the_full_solution(tmp_path):
    tests = Tests(code="assert double(4) == 8", names=("double",))
    solution = "def double(x):\n    return 2 * x"
    problem = Problem("p", "d", "Coding", "Double.", (Reference("", program=solution),), verifier="code", tests=tests)
    noted = program("# Step 1: double it.\n" + solution)
    tree, (asked,) = _hinted(tmp_path, problem, GrowSettings(**PLAIN), noted)
    assert solution in asked
    assert [(a.actor, a.stage) for a in tree.turns[0].correct] == [("hinter", "reference-0")]


def test_tool_free_mathematics_sees_the_rationale_with_its_numbers_masked(tmp_path):
    problem = Problem("p", "d", "Math_CoT", "1 + 1?", (Reference("2", "1 and 1 make 2."),), tools=())
    tree, (asked,) = _hinted(tmp_path, problem, GrowSettings(**PLAIN), "Step 1: add.\n\\boxed{2}")
    assert "[?] and [?] make [?]." in asked
    assert tree.turns[0].correct[0].text.endswith("\\boxed{2}")


def test_logic_sees_the_rationale_with_its_answer_masked():
    assert mask_answer("Both are from Oslo, in 1990.", "Oslo") == "Both are from [?], in [?]."


@pytest.mark.parametrize("schema", ["cot", "modular"])
@pytest.mark.parametrize("given", ["program", "rationale"])
def test_program_mathematics_is_translated_converted_and_planned_around(tmp_path, schema, given):
    reference = Reference("2", "One and one is 2.", "1 + 1" if given == "program" else None)
    problem = Problem("p", "d", "Math_PoT", "What is one and one?", (reference,))

    def answer(text, index):
        return "Step 1: add.\n" + program("# Step 2: add.\n1 + 1") if "Plan around it" in text else program("1 + 1")

    settings = GrowSettings(max_turns=1, batches=(1,), schemata=(schema,))
    tree, asked = _hinted(tmp_path, problem, settings, answer)
    assert "One and one is 2." in asked[0] or given == "program"
    assert len(asked) == (1 if given == "program" else 2)
    assert "1 + 1" in asked[-1]
    assert asked[-1].endswith(instruction(problem, schema))
    (action,) = tree.turns[0].correct
    assert (action.stage, action.schema) == ("reference-0", schema)
    assert action.text.startswith("Step 1: add.")


def test_a_program_is_used_directly_where_no_plan_comes_out_right(tmp_path):
    tree, asked = _hinted(tmp_path, ONE, GrowSettings(max_turns=1, batches=(1,), hint_attempts=2), program("0"))
    assert len(asked) == 2
    assert [(a.actor, a.text) for a in tree.turns[0].correct] == [("reference", program("1 + 1"))]


def test_the_first_of_the_ladder_writes_from_references_by_default(tmp_path):
    problem = Problem("p", "d", "Math_PoT", "What is one and one?", (Reference("2", "One and one is 2."),))
    first = say("first", lambda text, index: program("2" if "One and one is 2." in text else "0"))
    tree, _ = tree_of(tmp_path, Actors((first, say("second", program("0")))), GrowSettings(**PLAIN), problem)
    assert [a.actor for a in tree.turns[0].correct] == ["first"]


def test_a_challenging_problem_has_a_correct_action_for_each_ground_truth_and_a_wrong_one_for_each(tmp_path):
    references = tuple(Reference("2", program=f"{i} * 0 + 2") for i in range(3))
    problem = Problem("p", "d", "Math_PoT", "What is 1 + 1?", references)
    rival = say("rival", lambda text, index: program(str(5 + index)))
    settings = GrowSettings(schemata=(), max_turns=1, batches=(2,), pool_batches=(1, 1, 2))
    tree, _ = tree_of(tmp_path, Actors((say("a", program("0")),), (rival,)), settings, problem)
    turn = tree.turns[0]
    assert [a.sample for a in turn.correct] == [0, 1, 2]
    assert [(a.actor, a.sample) for a in turn.incorrect] == [("rival", 0), ("rival", 4), ("rival", 5)]


def test_an_easy_problem_with_several_ground_truths_keeps_its_targets(tmp_path):
    problem = Problem("p", "d", "Math_PoT", "What is 1 + 1?", tuple(Reference("2") for _ in range(3)))
    tree, _ = tree_of(tmp_path, Actors((say("a", program("2")),)), GrowSettings(**PLAIN), problem)
    assert len(tree.turns[0].correct) == 1


# ---------------------------------------------------------------- critiques


def _two_turns(out, critic, problem=ONE, **more):
    actor = say("a", lambda text, index: program("2" if "Your answer is wrong." in text else "0"))
    settings = GrowSettings(schemata=(), batches=(1,), max_turns=2, hints=False, **more)
    return tree_of(out, Actors((actor,), critic=critic), settings, problem)[0]


def test_the_critic_sees_history_observation_and_ground_truth(tmp_path):
    asked = []
    tree = _two_turns(tmp_path, say("critic", "Add, do not subtract.", asked))
    first = next(text for text in asked if "was wrong" in text)
    for part in ("The right answer is 2.", "One and one is 2.", "What is 1 + 1?", program("0"), "Out: 0"):
        assert part in first
    assert tree.turns[0].reply.endswith("Your answer is wrong.\nAdd, do not subtract.")


def test_correct_answers_get_a_critique_too(tmp_path):
    critic = say("critic", lambda text, index: "Well added." if "was correct" in text else "Add.")
    tree = _two_turns(tmp_path / "a", critic)
    assert [turn.praise for turn in tree.turns] == [(), ("Well added.",)]
    tree = _two_turns(tmp_path / "b", critic, critique_correct=False)
    assert [turn.praise for turn in tree.turns] == [(), ()]


def test_a_leaking_critique_is_asked_for_again_with_the_reason_and_marked(tmp_path):
    said = ["The answer is 2.", "It should be two, I said.", "Add instead of subtracting."]
    asked = []
    critic = say("critic", lambda text, index: said[index], asked)
    tree = _two_turns(tmp_path / "a", critic, critique_correct=False)
    assert tree.turns[0].critique == "Add instead of subtracting."
    assert not tree.turns[0].leaked
    assert [text.startswith("That gives the right answer away") for text in asked] == [False, True, True]
    tree = _two_turns(tmp_path / "b", say("critic", "It is 2."), critique_correct=False)
    assert tree.turns[0].leaked


def test_an_empty_critique_is_asked_for_again(tmp_path):
    critic = say("critic", lambda text, index: "Add." if index else " ")
    assert _two_turns(tmp_path, critic, critique_correct=False).turns[0].critique == "Add."


def test_a_conversation_too_long_for_the_critic_ends_the_tree(tmp_path):
    critic = say("critic", "", fault=lambda request, index: RequestRefusedError("too long"))
    tree = _two_turns(tmp_path, critic)
    assert (tree.depth, tree.turns[0].expanded, tree.turns[0].reply) == (1, None, None)


# ---------------------------------------------------------------- tools


@pytest.mark.parametrize("tools", [("python", "wikipedia_search"), ("wikipedia_search",)], ids=["both", "search-only"])
def test_an_actor_searches_and_answers_from_what_the_tool_said(tmp_path, tools):
    corpus = tmp_path / "pages.jsonl"
    corpus.write_text(json.dumps({"title": "Berlin", "text": "Berlin is the capital of Germany."}) + "\n")
    environment = EnvironmentSettings(workers=1, preload=(), tools=ToolSettings(wikipedia_corpus=str(corpus)))
    problem = Problem("p", "d", "Logic", "Whose capital is Berlin?", (Reference("Germany"),), "short", tools)

    def answer(text, index):
        searched = "capital of Germany" in text
        return "Step 1: so it says.\n\\boxed{Germany}" if searched else program("print(wikipedia_search('Berlin'))")

    settings = GrowSettings(batches=(1,), max_turns=3)
    tree, _ = tree_of(tmp_path / "f", Actors((say("a", answer),)), settings, problem, environment)
    assert "wikipedia_search(query: str) -> str" in tree.prompt[0].content
    (searched,) = tree.turns[0].incorrect
    assert searched.observation.tool_calls[0].tool == "wikipedia_search"
    assert tree.turns[1].correct[0].text.endswith("\\boxed{Germany}")
