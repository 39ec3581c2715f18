"""MT-Bench: how it is asked, what the judge is asked, marks read and counted. The judges here are scripted mocks."""

from __future__ import annotations

import asyncio
import functools
import json
from importlib import resources

import mint_world
import pytest

from preftree.actors.scripted import ScriptedActor
from preftree.errors import InputError, RequestRefusedError
from preftree.evaluate.benchmark import Form
from preftree.evaluate.converse import grade_given, hold
from preftree.evaluate.grading.mt_judge import judge_messages, read_mark
from preftree.evaluate.items import locate, read_from
from preftree.evaluate.registry import find_benchmark
from preftree.records import Message

MT_BENCH = find_benchmark("mt_bench")
QUESTIONS = [
    {"question_id": 81, "category": "writing", "turns": ["Write {a} blog.", "Rewrite it."]},
    {"question_id": 111, "category": "math", "turns": ["What is 6 times 7?", "And half of it?"]},
]
REFERENCES = [{"question_id": 111, "choices": [{"index": 0, "turns": ["It is 42.", "It is 21."]}]}]


def write(folder, questions=QUESTIONS, references=REFERENCES):
    (folder / "reference_answer").mkdir(parents=True, exist_ok=True)
    (folder / "question.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions))
    (folder / "reference_answer" / "gpt-4.jsonl").write_text("".join(json.dumps(row) + "\n" for row in references))
    return str(folder / "question.jsonl")


def items_of(folder):
    return {item.id: item for item in MT_BENCH.read(write(folder), MT_BENCH.published).items}


# ---------------------------------------------------------------- marks and prompts


@pytest.mark.parametrize(
    ("judgment", "mark"),
    [
        ("Good. Rating: [[7]]", 7.0),
        ("Rating: [[7.5]]", 7.5),
        ("[[3]] and later [[9]]", 3.0),
        ("Rating: [8]", 8.0),
        ("see [1]; Rating: [[6]]", 6.0),  # the double bracket first, wherever it stands
        ("see [1] and [6]", 1.0),  # FastChat's fallback takes the first
        ("Rating: 7", None),
        ("Rating: [[seven]]", None),
        ("Rating: [[7/10]]", None),
        ("Rating: [[11]]", None),
        ("Rating: [[0]]", None),
        ("Rating: [[10]]", 10.0),
        ("Rating: [[1]]", 1.0),
        ("", None),
    ],
)
def test_a_mark_is_read(judgment, mark):
    assert read_mark(judgment) == mark


def test_the_judge_is_asked_in_fastchats_words():
    questions, answers, references = ["Q1 {x}", "Q2"], ["A1", "A2 {question}"], ["R1", "R2"]
    system, first = judge_messages(0, questions, answers, [])
    assert (system.role, system.content) == ("system", "You are a helpful assistant.")
    assert first.content.startswith("[Instruction]\nPlease act as an impartial judge")
    assert first.content.endswith(
        "[Question]\nQ1 {x}\n\n[The Start of Assistant's Answer]\nA1\n[The End of Assistant's Answer]"
    )
    assert "Q2" not in first.content
    system, second = judge_messages(1, questions, answers, [])
    assert "focus on the assistant's answer to the second user question" in system.content
    assert "### User:\nQ2\n\n### Assistant A:\nA2 {question}\n\n<|The End" in second.content
    _, first = judge_messages(0, questions, answers, references)
    assert "[The Start of Reference Answer]\nR1\n[The End of Reference Answer]" in first.content
    assert "R2" not in first.content
    system, second = judge_messages(1, questions, answers, references)
    assert "You will be given a reference answer" in system.content
    assert "### User:\nQ2\n\n### Reference answer:\nR2\n\n<|The End of Reference Answer|>" in second.content


def test_packaged_prompts_are_the_published_ones(data_dir):
    lines = (data_dir / "mt_bench" / "judge_prompts.jsonl").read_text("utf-8").splitlines()
    packaged = resources.files("preftree.evaluate") / "prompts" / "mt_bench" / "judge_prompts.jsonl"
    assert packaged.read_text("utf-8").splitlines() == [line for line in lines if json.loads(line)["type"] == "single"]


# ---------------------------------------------------------------- rows


def test_the_published_rows(data_dir):
    read = read_from(MT_BENCH, str(data_dir))
    assert len(read.items) == MT_BENCH.rows == 80
    assert read.set_aside == ()
    needed = {item.labels["category"] for item in read.items if item.data["references"]}
    assert needed == {"math", "reasoning", "coding"}
    temperatures = {item.labels["category"]: MT_BENCH.ask(item, Form()).sampling.temperature for item in read.items}
    assert temperatures == {
        "writing": 0.7, "roleplay": 0.7, "extraction": 0.0, "math": 0.0, "coding": 0.0, "reasoning": 0.0,
        "stem": 0.1, "humanities": 0.1,
    }  # fmt: skip
    asked = MT_BENCH.ask(read.items[0], Form())
    assert (asked.sampling.max_tokens, len(asked.then), [m.role for m in asked.messages]) == (1024, 1, ["user"])


def test_reference_answers_that_are_missing_are_named(tmp_path):
    path = write(tmp_path)
    (tmp_path / "reference_answer" / "gpt-4.jsonl").unlink()
    with pytest.raises(InputError, match=r"reference_answer/gpt-4\.jsonl: no such file; answers to math"):
        MT_BENCH.read(path, MT_BENCH.published)
    with pytest.raises(InputError, match="no hub has its rows"):
        locate("mt_bench", MT_BENCH.published, None)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"question_id": 112, "category": "math", "turns": ["a", "b"]}, 'field "question_id": no reference answer'),
        ({"question_id": 112, "category": "art", "turns": ["a", "b"]}, 'field "category": expected one of writing'),
        ({"question_id": 112, "category": "stem", "turns": ["a"]}, 'field "turns": expected a list of 2 texts'),
    ],
)
def test_a_bad_row_is_set_aside(tmp_path, row, why):
    (aside,) = MT_BENCH.read(write(tmp_path, [*QUESTIONS, row]), MT_BENCH.published).set_aside
    assert aside.startswith("question.jsonl row 3")
    assert why in aside


def test_a_bad_reference_is_named(tmp_path):
    with pytest.raises(InputError, match=r'gpt-4\.jsonl row 1: expected "question_id"'):
        MT_BENCH.read(write(tmp_path, references=[{"question_id": 111, "choices": []}]), MT_BENCH.published)


# ---------------------------------------------------------------- judged


def judged(folder, item, script, responses=("one", "two"), fault=None):
    """The grade of responses, the calls that the mock judge saw, and the judge."""
    seen: list[tuple[Message, ...]] = []

    def told(messages, index):
        seen.append(messages)
        return script(messages)

    judge = ScriptedActor(told, name="mock judge", fault=fault)

    async def work(bench):
        return await grade_given(MT_BENCH, bench, items_of(folder)[item], Form(), tuple(responses))

    return asyncio.run(mint_world.in_bench(folder / "forest", work, judge)), seen


def _is_second(messages):
    return messages[-1].content.startswith("<|The Start")


def test_both_turns_are_marked(tmp_path):
    grade, seen = judged(tmp_path, "81", lambda messages: "[[4]]" if _is_second(messages) else "[[8]]")
    assert grade.scores == {"turn 1": 8.0, "turn 2": 4.0, "marks": 12.0, "marked": 2.0}
    assert (grade.verdict.outcome, grade.verdict.why) == ("correct", "marked")
    assert [_is_second(messages) for messages in seen] == [False, True]  # one call a turn, in this order
    assert MT_BENCH.graded
    (mark, *_) = MT_BENCH.metrics
    assert grade.scores[mark.numerator] / grade.scores[mark.denominator] == 6.0
    assert mark.best == 10.0


def test_math_is_judged_against_the_reference(tmp_path):
    _, seen = judged(tmp_path, "111", lambda messages: "[[5]]")
    assert "It is 42." in seen[0][-1].content
    assert "It is 21." in seen[1][-1].content


def test_a_judgment_without_a_mark_is_asked_for_once_more(tmp_path):
    answers = iter(["No idea.", "[[9]]", "[[3]]"])
    grade, seen = judged(tmp_path, "81", lambda messages: next(answers))
    assert grade.scores["turn 1"] == 9.0
    assert grade.scores["turn 2"] == 3.0
    assert seen[0] == seen[1]
    assert len(seen) == 3


def test_a_mark_that_never_comes_is_undecided_and_leaves_the_other(tmp_path):
    grade, seen = judged(tmp_path, "81", lambda messages: "No idea." if _is_second(messages) else "[[8]]")
    assert grade.verdict.outcome == "undecided"
    assert grade.verdict.why == "turn 2 has no mark: No idea."
    assert grade.scores == {"turn 1": 8.0, "marks": 8.0, "marked": 1.0}
    assert len(seen) == 3


def test_a_judge_that_refuses_is_undecided(tmp_path):
    def fault(request, index):
        return RequestRefusedError("filtered") if _is_second(request.messages) else None

    grade, _ = judged(tmp_path, "81", lambda messages: "[[8]]", fault=fault)
    assert grade.verdict.outcome == "undecided"
    assert grade.verdict.why == "turn 2 has no mark: filtered"


def test_a_judge_is_needed_and_two_responses(tmp_path):
    async def work(bench):
        item = items_of(tmp_path)["81"]
        with pytest.raises(InputError, match=r"a model grades its answers; name it with judge\.model"):
            await grade_given(MT_BENCH, bench, item, Form(), ("one", "two"))
        with pytest.raises(InputError, match="81: expected 2 responses, one a turn, got 1"):
            await grade_given(MT_BENCH, bench, item, Form(), ("one",))

    assert MT_BENCH.needs_judge
    asyncio.run(mint_world.in_bench(tmp_path / "forest", work))


def test_a_run_asks_the_judge_once_and_each_sample_apart(tmp_path):
    """Gone on with, neither model nor judge is asked again; other answers get marks of their own."""
    items = items_of(tmp_path)

    def model():
        return ScriptedActor(lambda messages, index: f"answer {len(messages)}", name="model")

    def run(answerer, judge):
        async def work(bench):
            attempts = [
                mint_world.attempt(bench, MT_BENCH, item, answerer, sample=sample)
                for item in items.values()
                for sample in (0, 1)
            ]
            return await asyncio.gather(*map(hold, attempts))

        return asyncio.run(mint_world.in_bench(tmp_path / "forest", work, judge))

    def mock(mark):
        return ScriptedActor(lambda messages, index: f"[[{mark}]]", name="mock judge")

    first, again = (model(), mock(7)), (model(), mock(1))
    results = run(*first)
    assert results == run(*again)
    assert (first[0].calls, first[1].calls) == (8, 8)  # 2 questions, 2 samples, 2 turns
    assert (again[0].calls, again[1].calls) == (0, 0)
    assert results[0].responses == ("answer 1", "answer 3")  # the second question follows the first answer
    assert results[0].metadata["labels"] == {"category": "writing"}

    async def others(bench):
        return await grade_given(MT_BENCH, bench, items["81"], Form(), ("other", "answers"))

    assert asyncio.run(mint_world.in_bench(tmp_path / "forest", others, mock(2))).scores["turn 1"] == 2.0


def test_each_sample_is_marked_for_what_it_says(tmp_path):
    """The judge's key holds the sample and what is judged: the second sample never gets the first one's marks."""
    item = items_of(tmp_path)["81"]
    asked = []

    def mark(messages, index):
        text = messages[-1].content
        asked.append(text)
        return f"[[{2 + 3 * ('sample 1' in text)}]]"

    def answerer(said):
        return ScriptedActor(lambda messages, index: said(index), name="model")

    async def both(bench, answerer):
        attempts = [mint_world.attempt(bench, MT_BENCH, item, answerer, sample=sample) for sample in (0, 1)]
        return await asyncio.gather(*map(hold, attempts))

    def run(folder, said):
        judge = ScriptedActor(mark, name="mock judge")
        work = functools.partial(both, answerer=answerer(said))
        return [result.metadata["scores"]["marks"] for result in asyncio.run(mint_world.in_bench(folder, work, judge))]

    assert run(tmp_path / "differ", lambda index: f"sample {index}") == [4.0, 10.0]
    assert len(asked) == 4
    assert len(set(asked)) == 4
    # Alike, they are judged apart all the same: a judge that is drawn from need not say the same of both.
    assert run(tmp_path / "alike", lambda index: "sample 1") == [10.0, 10.0]
    assert len(asked) == 8


def test_given_responses_share_a_judgment_only_if_they_are_the_same(tmp_path):
    item, asked = items_of(tmp_path)["81"], []

    def mark(messages, index):
        asked.append(messages[-1].content)
        return f"[[{3 + 4 * ('better' in messages[-1].content)}]]"

    async def work(bench):
        said = [("plain", "plain"), ("better", "better"), ("plain", "plain")]
        return [(await grade_given(MT_BENCH, bench, item, Form(), one)).scores["marks"] for one in said]

    judge = ScriptedActor(mark, name="mock judge")
    assert asyncio.run(mint_world.in_bench(tmp_path / "forest", work, judge)) == [6.0, 14.0, 6.0]
    assert len(asked) == 4
