"""IFEval's instructions: each kind on texts that follow it and don't, whole rows that are followed, hostile texts."""

from __future__ import annotations

import json
import time

import pytest
from following import IN_LANGUAGE, respond

from preftree.records import canonical
from preftree.verify import verify
from preftree.verify.instructions import KINDS, detect_language, followed, read_instructions, variants
from preftree.verify.sentences import count_sentences, words_of


def ruling(kind, given, text, how="strict"):
    return verify(f"ifeval-{how}", text, canonical({"instruction_id_list": [kind], "kwargs": [given]}))


CASES = [
    ("keywords:existence", {"keywords": ["cat", "Dog"]}, "A CAT and dogs", True),
    ("keywords:existence", {"keywords": ["cat", "dog"]}, "a cat", False),
    ("keywords:frequency", {"keyword": "the", "frequency": 2, "relation": "at least"}, "The other", True),
    ("keywords:frequency", {"keyword": "the", "frequency": 2, "relation": "less than"}, "The other", False),
    ("keywords:forbidden_words", {"forbidden_words": ["cat"]}, "concatenate", True),
    ("keywords:forbidden_words", {"forbidden_words": ["cat"]}, "a Cat.", False),
    ("keywords:letter_frequency", {"letter": "O", "let_frequency": 2, "let_relation": "at least"}, "Oslo", True),
    ("keywords:letter_frequency", {"letter": "o", "let_frequency": 2, "let_relation": "less than"}, "Oslo", False),
    ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": "at least"}, "# and #", True),
    ("keywords:letter_frequency", {"letter": "!", "let_frequency": 2, "let_relation": "at least"}, "one!", False),
    ("language:response_language", {"language": "de"}, IN_LANGUAGE["de"], True),
    ("language:response_language", {"language": "de"}, IN_LANGUAGE["it"], False),
    ("language:response_language", {"language": "de"}, "12 34", True),  # nothing to tell it by counts as followed
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "at least"}, "One. Two.", True),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "less than"}, "Mr. Adams.", True),
    ("length_constraints:number_sentences", {"num_sentences": 3, "relation": "at least"}, "Mr. Adams. Two.", False),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "***\na\n***\nb\n***", True),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\n***\nb", False),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 1}, "a\n\nb", True),
    ("length_constraints:number_words", {"num_words": 3, "relation": "at least"}, "well-known words", True),
    ("length_constraints:number_words", {"num_words": 3, "relation": "less than"}, "well-known words", False),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Send"},
        "a\n\n'send, him",
        True,
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "send"},
        "a\n\n\n\nsend",
        False,  # the empty one does not count, but keeps its place
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] [b\n] [c]", True),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] [b\n]", False),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "so.\n\np. s. bye", True),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "P.S. bye", False),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "P.P.S bye", True),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n\n  - b\n**c**", True),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n* b\n* c", False),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "*\n* b", True),  # a bare one takes the next along
    ("detectable_format:constrained_response", {}, "Well: My answer is no. So there.", True),
    ("detectable_format:constrained_response", {}, "my answer is no.", False),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and **b**", True),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and ** **", False),
    ("detectable_format:multiple_sections", {"section_spliter": "Day", "num_sections": 2}, "Day 1\na\nDay 2", True),
    ("detectable_format:multiple_sections", {"section_spliter": "Day", "num_sections": 2}, "Day one Day 2", False),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', True),
    ("detectable_format:json_format", {}, "{'a': 1}", False),
    ("detectable_format:title", {}, "<<a b>>\nc", True),
    ("detectable_format:title", {}, "<<\na>> << >>", False),
    ("combination:two_responses", {}, "a\n******\nb", True),
    ("combination:two_responses", {}, "a\n******\na", False),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say this. "}, "say THIS. Yes", True),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say this."}, "Sure: say this.", False),
    ("startend:end_checker", {"end_phrase": "The end."}, 'so "the END."', True),
    ("startend:end_checker", {"end_phrase": "The end."}, "the end. Bye", False),
    ("startend:quotation", {}, ' "a" ', True),
    ("startend:quotation", {}, '"', False),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": "at least"}, "I DON'T", True),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": "less than"}, "A-B c", True),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": "at least"}, "Ab C", False),
    ("change_case:english_capital", {}, "THIS IS WHAT WE ALL THINK OF THE WEATHER TODAY", True),
    ("change_case:english_capital", {}, "THIS IS WHAT we ALL THINK OF THE WEATHER TODAY", False),
    ("change_case:english_lowercase", {}, "this is what we all think of the weather today", True),
    ("change_case:english_lowercase", {}, IN_LANGUAGE["it"], False),
    ("punctuation:no_comma", {}, "a; b", True),
    ("punctuation:no_comma", {}, "a, b", False),
]


@pytest.mark.parametrize(
    ("kind", "given", "text", "expected"),
    [pytest.param(*case, id=f"{case[0].split(':')[1]}-{at}") for at, case in enumerate(CASES)],
)
def test_each_kind(kind, given, text, expected):
    verdict = ruling(kind, given, text)
    assert verdict.correct is expected
    assert followed(verdict.why) == [expected]


def test_the_table_has_each_kind_both_ways():
    assert len(KINDS) == 25
    for kind in KINDS:
        assert {case[3] for case in CASES if case[0] == kind} == {True, False}, kind


@pytest.mark.parametrize(
    ("text", "strict", "loose"),
    [
        pytest.param('Sure, here:\n{"a": 1}', False, True, id="first-line-off"),
        pytest.param('{"a": 1}\nHope this helps!', False, True, id="last-line-off"),
        pytest.param('Sure:\n{"a": 1}\nBye', False, True, id="both-off"),
        pytest.param('**{"a": 1}**', False, True, id="asterisks-off"),
        pytest.param('{"a": 1}', True, True, id="as-it-is"),
        pytest.param("no JSON", False, False, id="neither"),
        pytest.param(" \n", False, False, id="blank"),
    ],
)
def test_strict_and_loose(text, strict, loose):
    assert ruling("detectable_format:json_format", {}, text).correct is strict
    assert ruling("detectable_format:json_format", {}, text, "loose").correct is loose
    assert variants("a\n*b*\nc") == ["a\n*b*\nc", "*b*\nc", "a\n*b*", "*b*", "a\nb\nc", "b\nc", "a\nb", "b"]


def test_each_instruction_is_told():
    """Strict and loose are taken instruction by instruction: another variant may follow each."""
    row = {"instruction_id_list": ["punctuation:no_comma", "detectable_format:title"], "kwargs": [{}, {}]}
    text = "Sure, here you are\n<<a>>, b"
    assert followed(verify("ifeval-strict", text, canonical(row)).why) == [False, True]
    text = "Sure, here you are\nb\n<<a>>"
    verdict = verify("ifeval-loose", text, canonical(row))
    assert (verdict.outcome, followed(verdict.why)) == ("correct", [True, True])


def test_the_hubs_nulls_are_absent_arguments():
    full = {"num_bullets": 2, "keywords": None, "language": None, "relation": None}
    assert read_instructions(["detectable_format:number_bullet_lists"], [full])[0][1] == {"num_bullets": 2}
    assert ruling("detectable_format:number_bullet_lists", full, "* a\n* b").correct


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        pytest.param("punctuation:no_commas", {}, "no instruction is named 'punctuation:no_commas'", id="name"),
        pytest.param("keywords:existence", {"keywords": "a"}, "expected keywords to be list", id="type"),
        pytest.param("detectable_format:number_bullet_lists", {"num_bullets": None}, "expected num_bullets", id="null"),
        pytest.param("length_constraints:number_words", {"num_words": 3, "relation": "about"}, "one of", id="relation"),
        pytest.param("keywords:existence", {"keywords": ["("]}, "is no pattern", id="pattern"),
    ],
)
def test_what_is_wrong_with_a_row_is_told(kind, given, why):
    with pytest.raises(ValueError, match=why):
        read_instructions([kind], [given])
    verdict = ruling(kind, given, "text")
    assert verdict.outcome == "undecided"
    assert "the reference is no row of instructions" in verdict.why


def test_a_language_is_told_the_same_every_time():
    """The detector draws; without its seed, short texts of mixed languages change theirs."""
    texts = ["ok bien", "no problema", "la mesa is red", "hotel taxi", "Das ist fine"]
    assert all(len({detect_language(text) for _ in range(12)}) == 1 for text in texts)


@pytest.fixture(scope="module")
def rows(data_dir):
    lines = (data_dir / "ifeval" / "input_data.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_made_responses_follow_real_rows(rows):
    """Whole rows, all kinds: what is made to follow does, in both ways of judging."""
    kinds, done = set(), 0
    for row in rows:
        instructions = read_instructions(row["instruction_id_list"], row["kwargs"])
        response = respond(instructions)
        verdict = None if response is None else verify("ifeval-strict", response, canonical(row))
        if verdict is None or not verdict.correct:
            continue
        done += 1
        kinds.update(row["instruction_id_list"])
        assert verify("ifeval-loose", response, canonical(row)).correct
        assert not verify("ifeval-strict", "Well, no", canonical(row)).correct or _easy(instructions)
    assert kinds == set(KINDS)
    assert done >= 0.9 * len(rows), done


def _easy(instructions):
    """Rows that nearly any short text follows: only upper bounds and words that are forbidden."""
    easy = {"keywords:forbidden_words"}
    return all("less than" in given.values() or kind in easy for kind, given in instructions)


HOSTILE = [
    "[",
    "]",
    "<<",
    ">>",
    "*",
    "* ",
    "\n",
    " \n",
    "-",
    "\t",
    "{",
    '"',
    ".",
    "?!",
    "a.",
    "p. ",
    "'",
    "A ",
    "x" * 99,
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_takes_long(piece):
    text = (piece * 100_000)[:100_000]
    given = {
        "keywords": ["cat"], "keyword": "cat", "frequency": 3, "relation": "at least", "forbidden_words": ["cat"],
        "letter": "c", "let_frequency": 3, "let_relation": "at least", "num_sentences": 9, "num_paragraphs": 3,
        "num_words": 5, "nth_paragraph": 2, "first_word": "a", "num_placeholders": 9, "postscript_marker": "P.P.S",
        "num_bullets": 3, "num_highlights": 3, "section_spliter": "Section", "num_sections": 3, "end_phrase": "end",
        "prompt_to_repeat": "say", "capital_frequency": 3, "capital_relation": "at least", "language": "en",
    }  # fmt: skip
    began = time.process_time()
    for kind, (check, fields) in KINDS.items():
        if "change_case:english" not in kind and "language" not in kind:
            check(text + "x", {name: given[name] for name in fields})
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("no stop", 1),
        ("One. Two! Three?", 3),
        ("Mr. Smith met Dr. Adams. He left.", 2),
        ("At 5 p.m. we left.", 1),
        ("We left at 5 p.m. The rest stayed.", 2),
        ('"Stop!" he said. (Or so.) Then "no."', 4),
        ("1. First\n2. Second", 3),
        ("It is 3.5 km, e.g. to the lake.", 2),
        ("Wait... what? And then... The end.", 3),
        ("J. Smith came.", 1),
        ("Really?!! Yes.", 2),
        ("**Bold.** So", 2),
        ("**Bold.**", 2),
    ],
)
def test_sentences(text, count):
    assert count_sentences(text) == count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I DON'T KNOW, REALLY.", ["I", "DO", "N'T", "KNOW", ",", "REALLY."]),
        ("IT'S A-B (U.S.)", ["IT", "'S", "A-B", "(", "U.S.", ")"]),
        ("10:30 TO:NO **X**", ["10:30", "TO", ":", "NO", "*", "*", "X", "*", "*"]),
        ("CANNOT ’TIS 'NO'", ["CAN", "NOT", "’", "TIS", "'", "NO", "'"]),
    ],
)
def test_words(text, words):
    assert words_of(text) == words
