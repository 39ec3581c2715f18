"""IFEval's 25 kinds of instruction: does a response follow them? (Zhou et al., 2023; written anew from what the
published checkers do.)

In:  a response; a row's instruction ids and their arguments, in a reference of JSON:
     {"instruction_id_list": ["punctuation:no_comma", …], "kwargs": [{…}, …]}; null arguments count as absent.
Out: correct where all are followed; the ruling's words tell each one, for `followed`.
Always true: equal texts get equal verdicts (the detector of languages is seeded); nothing is fetched; a blank response
follows nothing.

    ifeval-strict   the response as it is
    ifeval-loose    the response as it is, without its first line, its last or both, each with and without asterisks:
                    an instruction is followed if any of the eight follows it

Where the published checker draws an argument at random (a "letter" that is none), the one that was asked for counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from preftree.records import Outcome
from preftree.verify.sentences import count_sentences, words_of

Ruling = tuple[Outcome, str]
Arguments = Mapping[str, Any]

RELATIONS = ("less than", "at least")
_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCES = ("```json", "```Json", "```JSON", "```")


def judge_ifeval_strict(answer: str, reference: str) -> Ruling:
    return _judge([answer], reference)


def judge_ifeval_loose(answer: str, reference: str) -> Ruling:
    return _judge(variants(answer), reference)


def followed(why: str) -> list[bool]:
    """Each instruction's verdict, from the words of a ruling; empty for words of another kind (an empty response)."""
    found = re.fullmatch(r"followed \d+ of \d+: ([a-z ]+)", why)
    return [word == "yes" for word in found[1].split()] if found else []


def variants(response: str) -> list[str]:
    """The loose forms, each once."""
    lines = response.split("\n")
    cut = [response, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return list(dict.fromkeys([*cut, *(text.replace("*", "") for text in cut)]))


def read_instructions(ids: object, arguments: object) -> list[tuple[str, Arguments]]:
    """The pairs of id and arguments, nulls left out; ValueError says what is wrong with them."""
    if not isinstance(ids, list) or not ids or not isinstance(arguments, list) or len(ids) != len(arguments):
        raise ValueError("expected as many kwargs as instruction ids, and one at least")
    read: list[tuple[str, Arguments]] = []
    for name, given in zip(ids, arguments, strict=True):
        if name not in KINDS:
            raise ValueError(f"no instruction is named {name!r}")
        given = {key: value for key, value in (given or {}).items() if value is not None}
        for key, type_ in KINDS[name][1].items():
            if not isinstance(given.get(key), type_) or isinstance(given[key], bool):
                raise ValueError(f"{name}: expected {key} to be {type_.__name__}, got {given.get(key)!r}")
            if "relation" in key and given[key] not in RELATIONS:
                raise ValueError(f"{name}: expected {key} to be one of {RELATIONS}, got {given[key]!r}")
            if key in ("keyword", "keywords", "forbidden_words"):
                for pattern in [given[key]] if isinstance(given[key], str) else given[key]:
                    _compiled(pattern)
        read.append((name, given))
    return read


def _judge(texts: Sequence[str], reference: str) -> Ruling:
    try:
        row = json.loads(reference)
        instructions = read_instructions(row.get("instruction_id_list"), row.get("kwargs"))
    except (ValueError, AttributeError, RecursionError) as fault:
        return "undecided", f"the reference is no row of instructions ({fault})"
    texts = [text for text in texts if text.strip()]
    done = [any(KINDS[name][0](text, arguments) for text in texts) for name, arguments in instructions]
    told = " ".join("yes" if one else "no" for one in done)
    return ("correct" if all(done) else "wrong"), f"followed {sum(done)} of {len(done)}: {told}"


def _compiled(pattern: object) -> re.Pattern[str]:
    """Keywords are patterns to the published checkers."""
    try:
        return re.compile(str(pattern), re.IGNORECASE)
    except re.error as fault:
        raise ValueError(f"keyword {pattern!r} is no pattern ({fault})") from fault


def _compare(count: int, relation: str, threshold: int) -> bool:
    return count < threshold if relation == "less than" else count >= threshold


# ---------------------------------------------------------------- keywords, language, length


def _existence(text: str, given: Arguments) -> bool:
    return all(_compiled(keyword).search(text) for keyword in given["keywords"])


def _frequency(text: str, given: Arguments) -> bool:
    count = len(_compiled(given["keyword"].strip()).findall(text))
    return _compare(count, given["relation"], given["frequency"])


def _forbidden(text: str, given: Arguments) -> bool:
    return not any(_compiled(rf"\b{word}\b").search(text) for word in given["forbidden_words"])


def _letter(text: str, given: Arguments) -> bool:
    count = text.lower().count(given["letter"].strip().lower())
    return _compare(count, given["let_relation"], given["let_frequency"])


def detect_language(text: str) -> str | None:
    """The code of its language by langdetect, seeded; None where there is nothing to tell it by."""
    from langdetect import DetectorFactory, LangDetectException, detect

    DetectorFactory.seed = 0
    try:
        return str(detect(text))
    except LangDetectException:
        return None


def _is_in(text: str, language: str) -> bool:
    """A text without a letter is in every language."""
    return detect_language(text) in (language, None)


def _sentences(text: str, given: Arguments) -> bool:
    return _compare(count_sentences(text), given["relation"], given["num_sentences"])


def _words(text: str, given: Arguments) -> bool:
    return _compare(len(re.findall(r"\w+", text)), given["relation"], given["num_words"])


def _paragraphs(text: str, given: Arguments) -> bool:
    """Between dividers of three asterisks; a divider may open or close the text, but two may not meet."""
    parts = re.split(r"\s?\*\*\*\s?", text)
    blank = [not part.strip() for part in parts]
    return not any(blank[1:-1]) and len(parts) - blank[0] - (len(parts) > 1 and blank[-1]) == int(
        given["num_paragraphs"]
    )


def _first_word(text: str, given: Arguments) -> bool:
    """The nth of the paragraphs between empty lines begins so. Blank ones don't count, but keep their place."""
    parts, nth = text.split("\n\n"), given["nth_paragraph"]
    count = sum(bool(part.strip()) for part in parts)
    if not 1 <= nth <= count or not parts[nth - 1].strip():
        return False
    word = re.split(r"[.,?!'\"]", parts[nth - 1].split()[0].lstrip("'").lstrip('"'))[0]
    return count == int(given["num_paragraphs"]) and word.lower() == str(given["first_word"]).lower()


# ---------------------------------------------------------------- content and format


def _placeholders(text: str, given: Arguments) -> bool:
    count = 0
    for line in text.split("\n"):
        end = -1
        while (begin := line.find("[", end + 1)) >= 0 and (end := line.find("]", begin)) >= 0:
            count += 1
    return count >= int(given["num_placeholders"])


def _postscript(text: str, given: Arguments) -> bool:
    text, marker = text.lower(), given["postscript_marker"].strip()
    patterns = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    return re.search(patterns.get(marker, re.escape(marker.lower())), text) is not None


def _bullets(text: str, given: Arguments) -> bool:
    """Lines that begin with a hyphen or with one asterisk. An asterisk alone on its line takes the next line along."""
    # Runs of blank lines become one, and lines lose their indent, so that no pattern looks at a blank twice.
    lines = [line.lstrip() for line in text.split("\n")]
    kept = [line for line, before in zip(lines, ["x", *lines], strict=False) if line or before]
    text = "\n".join(kept)
    found = re.findall(r"^\*[^*].*$", text, re.MULTILINE) + re.findall(r"^-.*$", text, re.MULTILINE)
    return len(found) == int(given["num_bullets"])


def _constrained(text: str, given: Arguments) -> bool:
    return any(option in text for option in _OPTIONS)


def _highlights(text: str, given: Arguments) -> bool:
    single = [part.strip("*").strip() for part in re.findall(r"\*[^\n*]*\*", text)]
    double = [part[2:-2].strip() for part in re.findall(r"\*\*[^\n*]*\*\*", text)]
    return sum(map(bool, single + double)) >= int(given["num_highlights"])


def _sections(text: str, given: Arguments) -> bool:
    found = re.findall(re.escape(given["section_spliter"].strip()) + r"\s?\d+", text)
    return len(found) >= int(given["num_sections"])


def _json(text: str, given: Arguments) -> bool:
    text = text.strip()
    for fence in _FENCES:
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def _title(text: str, given: Arguments) -> bool:
    """<<between>> angles on one line, with something between."""
    for line in text.split("\n"):
        begin, end = line.find("<<"), line.rfind(">>")
        if begin >= 0 and begin + 3 <= end and line[begin : end + 2].lstrip("<").rstrip(">").strip():
            return True
    return False


def _two_responses(text: str, given: Arguments) -> bool:
    parts = [part.strip() for part in text.split("******")]
    said = [part for part in parts if part]
    return all(parts[1:-1]) and len(said) == 2 and said[0] != said[1]


# ---------------------------------------------------------------- start, end, case, punctuation


def _repeats(text: str, given: Arguments) -> bool:
    return text.strip().lower().startswith(given["prompt_to_repeat"].strip().lower())


def _ends(text: str, given: Arguments) -> bool:
    return text.strip().strip('"').lower().endswith(given["end_phrase"].strip().lower())


def _quoted(text: str, given: Arguments) -> bool:
    text = text.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def _capital_words(text: str, given: Arguments) -> bool:
    count = sum(word.isupper() for word in words_of(text))
    return _compare(count, given["capital_relation"], given["capital_frequency"])


KINDS: dict[str, tuple[Callable[[str, Arguments], bool], dict[str, type]]] = {
    "keywords:existence": (_existence, {"keywords": list}),
    "keywords:frequency": (_frequency, {"keyword": str, "frequency": int, "relation": str}),
    "keywords:forbidden_words": (_forbidden, {"forbidden_words": list}),
    "keywords:letter_frequency": (_letter, {"letter": str, "let_frequency": int, "let_relation": str}),
    "language:response_language": (lambda text, given: _is_in(text, given["language"]), {"language": str}),
    "length_constraints:number_sentences": (_sentences, {"num_sentences": int, "relation": str}),
    "length_constraints:number_paragraphs": (_paragraphs, {"num_paragraphs": int}),
    "length_constraints:number_words": (_words, {"num_words": int, "relation": str}),
    "length_constraints:nth_paragraph_first_word": (
        _first_word,
        {"num_paragraphs": int, "nth_paragraph": int, "first_word": str},
    ),
    "detectable_content:number_placeholders": (_placeholders, {"num_placeholders": int}),
    "detectable_content:postscript": (_postscript, {"postscript_marker": str}),
    "detectable_format:number_bullet_lists": (_bullets, {"num_bullets": int}),
    "detectable_format:constrained_response": (_constrained, {}),
    "detectable_format:number_highlighted_sections": (_highlights, {"num_highlights": int}),
    "detectable_format:multiple_sections": (_sections, {"section_spliter": str, "num_sections": int}),
    "detectable_format:json_format": (_json, {}),
    "detectable_format:title": (_title, {}),
    "combination:two_responses": (_two_responses, {}),
    "combination:repeat_prompt": (_repeats, {"prompt_to_repeat": str}),
    "startend:end_checker": (_ends, {"end_phrase": str}),
    "startend:quotation": (_quoted, {}),
    "change_case:capital_word_frequency": (_capital_words, {"capital_frequency": int, "capital_relation": str}),
    "change_case:english_capital": (lambda text, given: text.isupper() and _is_in(text, "en"), {}),
    "change_case:english_lowercase": (lambda text, given: text.islower() and _is_in(text, "en"), {}),
    "punctuation:no_comma": (lambda text, given: "," not in text, {}),
}
