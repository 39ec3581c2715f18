"""The words after a number: units, things counted.

In:  a text that ends with a number and words. Out: the number's text and the unit in one spelling.
Always true: two units contradict each other only if both are given; nothing is converted.
"""

from __future__ import annotations

import re

from preftree.verify.dress import TEXT

_MAX_LENGTH = 400

_STYLE = r"\\(?:text|textrm|textbf|textit|textnormal|mathrm|mbox)"
_POWER = r"(?:\s*\^\s*\{?\s*[23]\s*\}?|[\u00b2\u00b3])?"
_STYLED = re.compile(rf"(?P<number>.*\S)\s*{_STYLE}\s*\{{(?P<unit>[^{{}}\\]*)\}}(?P<power>{_POWER})\s*\.?", re.S)
_PLAIN = re.compile(
    rf"(?P<number>.*[\d}}.)])(?P<space>\s*)(?P<unit>[A-Za-z]+\.?(?:[ /-][A-Za-z]+\.?){{0,4}})(?P<power>{_POWER})\s*\.?",
    re.S,
)

_TEMPERATURE = re.compile(
    rf"(?P<number>.*\S)\s*\^\s*\{{?\s*\\circ\s*\}}?\s*(?:{_STYLE}\s*\{{)?\s*(?P<unit>[CF])\s*\}}?", re.S
)

# Words that follow a number and are not a unit: they change its value, or say that there is no one number.
_NO_UNIT_WORDS = """
    or and not to of mod minus plus times over by pi sqrt sin cos tan cot sec csc log ln exp inf infinity hundred
    thousand million billion trillion dozen half third quarter twice factorial choose if then where undefined is
    alpha beta gamma delta theta lambda mu phi omega sigma rho tau epsilon am pm percent union
"""
_NO_UNIT = frozenset(_NO_UNIT_WORDS.split())
_SPELLINGS = {
    "mm": "mm millimeter millimetre", "cm": "cm centimeter centimetre", "m": "m meter metre",
    "km": "km kilometer kilometre", "in": "in inch inche", "ft": "ft foot feet", "yd": "yd yard", "mi": "mi mile",
    "g": "g gm gram gramme", "kg": "kg kilogram", "mg": "mg milligram", "lb": "lb pound", "oz": "oz ounce",
    "l": "l liter litre", "ml": "ml milliliter millilitre", "s": "s sec second", "min": "min minute",
    "h": "h hr hour", "day": "day", "week": "week wk", "month": "month", "year": "year yr",
    "km/h": "kph kmh", "mi/h": "mph", "deg": "deg degree", "dollar": "dollar usd", "euro": "euro eur",
    "cent": "cent", "unit": "unit",
}  # fmt: skip
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_POWERS = {"square": "2", "sq": "2", "squared": "2", "cubic": "3", "cubed": "3"}


def split_unit(text: str) -> tuple[str, str]:
    """`5 apples` as ("5", "apple"), `5\\text{ cm}^2` as ("5", "cm2"); (text, "") where nothing there is a unit."""
    text = text.strip()
    if len(text) > _MAX_LENGTH:
        return text, ""
    if match := _TEMPERATURE.fullmatch(text):
        return match["number"], "deg" + match["unit"].lower()
    styled = _STYLED.fullmatch(text)
    match = styled or _PLAIN.fullmatch(text)
    if match is None or "\\frac" in match["unit"]:
        return text, ""
    words = re.findall(r"[a-z]+(?:/[a-z]+)?", match["unit"].lower())
    if not words or any(word in _NO_UNIT for word in words) or not re.search(r"\d", match["number"]):
        return text, ""
    if styled is None and not _is_unit(words, bool(match["space"])):
        return text, ""
    return match["number"].rstrip("\\, ").strip(), _in_one_spelling(words, match["power"] or "")


def split_units(text: str) -> tuple[str, str]:
    """The same for several values: `9 chickens and 10 rabbits` as ("9,10", ""), one unit for all as that unit."""
    if not re.search(r"[A-Za-z]{2}", text) or re.search(r"[(\[{|=<>]", TEXT.sub("", text)):
        return split_unit(text)
    parts = [part for part in re.split(r"[,;]|\\text\s*\{\s*,?\s*(?:and|or)\s*\}|\b(?:and|or)\b", text) if part.strip()]
    split = [split_unit(part) for part in parts]
    if len(parts) < 2 or not all(unit for _, unit in split):
        return split_unit(text)
    units = {unit for _, unit in split}
    return ",".join(number for number, _ in split), units.pop() if len(units) == 1 else ""


def _is_unit(words: list[str], apart: bool) -> bool:
    """Without a mark, letters after a number are a product of variables, unless they are a unit or stand as a word."""
    if words[0] in _POWERS or all(_singular(part) in _UNITS for part in words[0].split("/")):
        return len(words[0]) > 1 or apart
    return apart and all(len(word) > 2 and re.search(r"[aeiouy]", word) for word in words)


def same_unit(a: str, b: str) -> bool:
    """Whether two units do not contradict each other: one of them not given, or the same thing at their end."""
    if not a or not b or a == b:
        return True
    known = a.rstrip("23") in _UNITS.values() and b.rstrip("23") in _UNITS.values()
    return not known and a.split()[-1] == b.split()[-1]


def _in_one_spelling(words: list[str], power: str) -> str:
    powers = [_POWERS[word] for word in words if word in _POWERS]
    powers += re.findall(r"[23]", power.replace("\u00b2", "2").replace("\u00b3", "3"))
    if "per" in words:  # miles per hour
        place = words.index("per")
        ends = [_UNITS.get(_singular(word), _singular(word)) for word in (*words[:place][-1:], *words[place + 1 :][:1])]
        return "/".join(ends)
    rest = [_UNITS.get(_singular(word), _singular(word)) for word in words if word not in _POWERS]
    return " ".join(rest) + "".join(powers[:1])


def _singular(word: str) -> str:
    return word if word in _UNITS else word.removesuffix("s")
