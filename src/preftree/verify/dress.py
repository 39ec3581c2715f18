"""What only dresses a value comes off: math delimiters, spacing, typography, the ways to write a fraction.

In:  an answer or a reference as it was written. Out: the same mathematics in fewer notations.
Always true: linear time; what is taken off never changes a value.
"""

from __future__ import annotations

import re
import unicodedata

COMMAND = r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mbox|operatorname)"
TEXT = re.compile(COMMAND + r"\*?\s*\{([^{}]*)\}")

_SPACING = re.compile(
    r"(?<!\\)\\(?:[ ,;:!>]|quad\b|qquad\b|left\b|right\b|[bB]ig{1,2}[lrm]?\b|displaystyle\b|textstyle\b|limits\b"
    r"|phantom\s*(?:\{[^{}]*\}|[^\s\\{}]))|~"
)
_THOUSANDS = re.compile(r"(?<=\d)(?:\{\s*,\s*\}|,\s*\\!|\\[!,:; ])\s*(?=\d{3}(?!\d))", re.ASCII)
_PERCENT = re.compile(r"(?<=[\d}])\s*(?:\\text\s*\{)?\s*(?:percent|per cent|pct)\.?\s*\}?$", re.I)
_ABOUT = re.compile(r"^(?:about|approximately|approx\.?|roughly|around)\s+(?=[-$\d.\\])", re.I)
_AROUND = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"))
_TOKEN = r"(?:\{([^{}]*)\}|(\\(?!sqrt|frac|text|left)[A-Za-z]+|\w))"
_BARE_FRACTION = re.compile(rf"\\frac\s*{_TOKEN}\s*{_TOKEN}", re.ASCII)
# Escaped braces are set aside while bare ones are matched.
_OPEN, _CLOSE = "\ue000", "\ue001"

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿⁱ", "0123456789-+ni", strict=True))
_SUPERSCRIPT_RUN = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_SUBSCRIPT_RUN = re.compile(f"[{''.join(_SUBSCRIPTS)}]+")
_CHARACTERS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "⁄": "/",
    "∕": "/", "π": "\\pi ", "∞": "\\infty ", "√": "\\sqrt ", "∛": "\\sqrt[3]", "≤": "\\le ", "≥": "\\ge ",
    "≠": "\\ne ", "≈": "\\approx ", "±": "\\pm ", "∓": "\\mp ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ",
    "∅": "\\emptyset ", "ℝ": "\\mathbb{R}", "∖": "\\setminus ", "°": "^\\circ ", "′": "'", "…": "...",
    "“": '"', "”": '"', "‘": "'", "’": "'", "⟨": "\\langle ", "⟩": "\\rangle ", "⌊": "\\lfloor ", "⌋": "\\rfloor ",
    "⌈": "\\lceil ", "⌉": "\\rceil ", "∠": "\\angle ", "△": "\\triangle ", "∣": "|",
    "α": "\\alpha ", "β": "\\beta ", "γ": "\\gamma ", "δ": "\\delta ", "ε": "\\epsilon ", "θ": "\\theta ",
    "λ": "\\lambda ", "μ": "\\mu ", "ρ": "\\rho ", "σ": "\\sigma ", "τ": "\\tau ", "φ": "\\phi ", "ω": "\\omega ",
}  # fmt: skip
_WORTH = str.maketrans(_CHARACTERS)


def normalise(text: str) -> str:
    """Without what only dresses a value; fractions as `\\frac{a}{b}`, styled and typographic signs as plain ones."""
    if not text.isascii():
        text = _in_ascii(text)
    text = _THOUSANDS.sub("", text.strip())
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\cfrac", "\\frac")
    text = text.replace("\\%", "%").replace("\\$", "$").replace("\\{", _OPEN).replace("\\}", _CLOSE)
    for _ in range(3):
        before = text
        text = _undressed(text)
        if text == before:
            break
    text = _BARE_FRACTION.sub(_braced_fraction, _SPACING.sub(" ", text)).replace(_OPEN, "\\{").replace(_CLOSE, "\\}")
    return _PERCENT.sub("%", " ".join(text.split()))


def _in_ascii(text: str) -> str:
    text = _SUPERSCRIPT_RUN.sub(lambda m: "^{" + "".join(map(_SUPERSCRIPTS.__getitem__, m[0])) + "}", text)
    text = _SUBSCRIPT_RUN.sub(lambda m: "_{" + "".join(map(_SUBSCRIPTS.__getitem__, m[0])) + "}", text)
    return "".join(map(_plain_character, text.translate(_WORTH)))


def _plain_character(character: str) -> str:
    """½ as 1/2, a full-width or mathematical letter as itself; what is invisible goes."""
    if character.isascii():
        return character
    if unicodedata.category(character) == "Cf":
        return ""
    plain = unicodedata.normalize("NFKC", character)
    if "\u2044" in plain:  # ½, also after a digit: 2½
        return " " + plain.replace("\u2044", "/")
    return plain if plain.isascii() else character


def _braced_fraction(match: re.Match[str]) -> str:
    """`\\frac12`, `\\frac \\pi4`, `\\frac{1}2`, all with both braces."""
    top, bottom = (match[1] if match[2] is None else match[2]), (match[3] if match[4] is None else match[4])
    return f"\\frac{{{top}}}{{{bottom}}}"


def _undressed(text: str) -> str:
    text = _ABOUT.sub("", text.strip())
    if text.endswith((".", ",", ";")) and not text.endswith(".."):
        text = text[:-1].rstrip()
    for opening, closing in _AROUND:
        inside = text[len(opening) : -len(closing)]
        if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing):
            return inside if opening not in inside else text
    match = re.fullmatch(r"\\f?boxed\s*\{(.*)\}", text, re.S)
    return match[1] if match and _balanced(match[1]) else text


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0
