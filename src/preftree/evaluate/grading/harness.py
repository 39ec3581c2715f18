"""Where lm-evaluation-harness looks for an answer, and when it calls two the same. Written anew from its task files.

In:  a response; two answers. Out: what its filter leaves; whether they are the same to it.
Always true: these figures stand beside a verdict and never make one.

    strict_match      gsm8k_cot's: the first "The answer is N."
    hash_match        gsm8k's: the first "#### N"
    flexible_extract  the last number of any kind
    minerva_answer    minerva_math's: what stands in its closing sentence; it compares answers and references that are
                      normalised as in Lewkowycz et al. (2022), as version 0.4.13 does
    same_string       hendrycks_math's `is_equiv`
"""

from __future__ import annotations

import re

from preftree.verify import hendrycks

_INVALID = "[invalid]"
_STRICT = re.compile(r"The answer is (\-?[0-9\.\,]+).")
_HASH = re.compile(r"#### (\-?[0-9\.\,]+)")
_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
_IGNORED = tuple(re.compile(pattern) for pattern in (",", r"\$", r"(?s).*#### ", r"\.$"))

_BEGIN = "Final Answer: The final answer is"
_SENTENCE = re.compile(_BEGIN + r"(.*?). I hope it is correct.")
# No reference is nearly as long. The rules' patterns take time that grows with the square of the length.
_LONGEST = 2_000
_REPLACED = (
    ("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text"), (",\\text{and}", ","),
    ("\\text{and}", ","), ("\\text{m}", "\\text{}"),
)  # fmt: skip
_REMOVED = (
    "square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", "\\ldots", "sue", "points",
    "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges", "students",
    "childrentickets", "multiples", "\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}",
    "\\text{}", "\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots",
)  # fmt: skip

_WORDS = tuple(word for word in _REMOVED if word.isalpha())


def strict_match(response: str) -> str:
    match = _STRICT.search(response)
    return match[1].strip() if match else _INVALID


def hash_match(response: str) -> str:
    match = _HASH.search(response)
    return match[1].strip() if match else _INVALID


def flexible_extract(response: str) -> str:
    last = _INVALID
    for match in _FLEXIBLE.finditer(response):
        last = match[0].strip()
    return last


def same_number_text(answer: str, reference: str) -> bool:
    """Equal as strings, but for commas, dollars, a full stop at the end and case."""
    for ignored in _IGNORED:
        answer, reference = ignored.sub("", answer), ignored.sub("", reference)
    return answer.lower() == reference.lower()


def minerva_answer(response: str) -> str | None:
    """None without the sentence; a response that ends inside it counts as if it went on."""
    for line in (response + "I hope it is correct.").split("\n"):
        begin = line.find(_BEGIN)
        # What a line's first beginning does not match, no later one on that line does.
        if begin >= 0 and (match := _SENTENCE.match(line, begin)):
            return match[1].strip() or None
    return None


def normalise_minerva(answer: str) -> str:
    answer = answer.split("=")[-1]
    if len(answer) > _LONGEST:
        return answer
    for word in _WORDS:
        answer = re.sub(rf"(?<!\\)\b{word}\b", "", answer)
    for old, new in _REPLACED:
        answer = answer.replace(old, new)
    for word in _REMOVED:
        # A word inside a command's name stays: "ft" in \left.
        parts = re.split(r"(\\[a-zA-Z]+)", answer) if word in _WORDS else [answer]
        answer = "".join(part if at % 2 else part.replace(word, "") for at, part in enumerate(parts))
    answer = re.sub(r"(.*?)(\$)(.*?)(\$)(.*)", r"$\3$", answer)
    for command in ("text", "textbf", "overline"):
        answer = re.sub(rf"(\\{command}\{{)(.*?)(\}})", r"\2", answer)
    answer = re.sub(r"(\\boxed\{)(.*)(\})", r"\2", answer)
    answer = re.sub(r"(frac)([^{])(.)", r"frac{\2}{\3}", answer)
    answer = re.sub(r"(sqrt)(\[[^\]]*\])(\w)", r"\1\2{\3}", answer)
    answer = re.sub(r"(sqrt)(?!\[)([^{])", r"sqrt{\2}", answer)
    answer = answer.replace("$", "")
    return answer.replace(",", "") if re.fullmatch(r"-?\d{1,3}(,\d{3})+", answer) else answer


def dollar_answer(response: str) -> str:
    """hendrycks_math's: what stands between the first dollar sign and the last; all of it where there are no two."""
    first, last = response.find("$"), response.rfind("$")
    return response if first == last else response[first + 1 : last]


def same_string(answer: str, reference: str) -> bool:
    return hendrycks(answer) == hendrycks(reference)
