"""Published reference answers against themselves, and against those of other rows.

Whether two references differ is decided here by rules of the test's own, none of which uses the code under test:
Python's fractions and floats for numbers, sets of bare words for texts, sympy's reading (through math-verify) for
formulas. They say "different" only where they are sure; equal by them means no claim.
"""

from __future__ import annotations

import cmath
import gzip
import itertools
import json
import random
import re
import unicodedata
from fractions import Fraction

import pytest

from preftree.verify import find_answer, verify
from preftree.verify.answers import last_boxed
from preftree.verify.dress import normalise
from preftree.verify.mathematics import quick_mathematics
from preftree.verify.symbolic import judge_symbolic

NEIGHBOURS = 3
MATHQA = ("dev", "test", "challenge_test")
CARDINALS = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905


def lines(path):
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8").splitlines()


def rows(path):
    return [json.loads(line) for line in lines(path)]


def loaded(path):
    return json.loads("\n".join(lines(path)))


def gsm8k(path):
    return [find_answer(row["answer"], "Math_CoT") for row in rows(path)]


def theoremqa(path):
    answers = [row["Answer"] for row in loaded(path)]
    return [answer if isinstance(answer, str) else json.dumps(answer) for answer in answers]


def strategyqa(folder):
    return ["yes" if row["answer"] else "no" for part in ("train", "dev") for row in loaded(folder / f"{part}.json.gz")]


def tables(folder):
    parts = ("training", "pristine-unseen-tables", "training-before300")
    return [line.split("\t")[3] for part in parts for line in lines(folder / f"{part}.tsv.gz")[1:]]


# Name: the rule, and the reference answer of every row of every file.
SETS = {
    "math": ("math", lambda d: [last_boxed(r["solution"]) for r in rows(d / "math/test.jsonl.gz")]),
    "math_train": ("math", lambda d: [last_boxed(r["solution"]) for r in rows(d / "math_train/train.jsonl.gz")]),
    "gsm8k": ("number", lambda d: gsm8k(d / "gsm8k_train/train.jsonl.gz")),
    "gsm8k_test": ("number", lambda d: gsm8k(d / "gsm8k_test/test.jsonl")),
    "gsm8k_as_math": ("math", lambda d: gsm8k(d / "gsm8k_test/test.jsonl")),
    "gsm_plus": ("math", lambda d: [r["answer"] for r in rows(d / "gsm_plus/gsmplus_testmini.jsonl.gz")]),
    "svamp": ("number", lambda d: [str(r["Answer"]) for r in loaded(d / "svamp/SVAMP.json")]),
    "asdiv": ("math", lambda d: [r["Output Answer"][0] for r in loaded(d / "asdiv/asdiv.json")["Instances"]]),
    "theoremqa": ("theoremqa", lambda d: theoremqa(d / "theoremqa/theoremqa_test.json")),
    "mathqa": ("choice", lambda d: [r["correct"] for f in MATHQA for r in loaded(d / f"mathqa/{f}.json.gz")]),
    "strategyqa": ("boolean", lambda d: strategyqa(d / "strategyqa")),
    "wikitablequestions": ("table", lambda d: tables(d / "wikitablequestions/data")),
    "hotpotqa": ("short", lambda d: [r["answer"] for r in loaded(d / "hotpotqa/hotpot_dev_v1_simplified.json.gz")]),
}


def references(data_dir, name):
    kind, load = SETS[name]
    try:
        golds = load(data_dir)
    except FileNotFoundError as error:
        pytest.skip(f"{error.filename} is not here (set PREFTREE_DATA)")
    # Two rows of MATH's training part have an empty \boxed{}; the data set's source sets them aside.
    assert golds.count("") == (2 if name == "math_train" else 0)
    return kind, [gold for gold in golds if gold]


def others(golds):
    """Pairs of references: rows as they come, those that are alike as strings, and some at random."""
    distinct = sorted(set(golds))
    yield from itertools.pairwise(golds)
    for gap in range(1, NEIGHBOURS):
        yield from zip(distinct, distinct[gap:], strict=False)
    draw = random.Random(0)
    yield from ((draw.choice(golds), draw.choice(golds)) for _ in range(2_000))


# ---------------------------------------------------------------- what certainly differs


def number_differs(a, b):
    return abs(fraction(a) - fraction(b)) > Fraction(1, 1_000) * max(abs(fraction(a)), abs(fraction(b)))


def fraction(text):
    return Fraction(text.replace(",", "").replace(":", "/")) if text != "None" else Fraction(-(10**9))


def theoremqa_differs(a, b):
    """`a` is the answer and `b` the reference: 4% of the reference where it is a float."""
    given, wanted = (json.loads(text) if text[0] not in "(" else text for text in (a, b))
    if isinstance(wanted, list) and isinstance(given, list):
        apart = (theoremqa_differs(str(x), str(y)) for x, y in zip(sorted(given), sorted(wanted), strict=False))
        return len(given) != len(wanted) or any(apart)
    if type(wanted) in (int, float) and type(given) in (int, float):
        return abs(given - wanted) > (0.0401 * abs(wanted) if isinstance(wanted, float) else 0.51)
    return given != wanted and not isinstance(wanted, list)


def words(text):
    """Bare lower-case words, numbers as numbers; what a rule may drop (brackets, marks) is dropped."""
    text = re.sub(r"\([^)]*\)|\[[^\]]*\]", "", text).lower().replace(",", "")
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", r"\1", text)
    plain = re.sub(r"[^\w.]|_", "", text).rstrip(".") or text
    plain = str(CARDINALS.index(plain)) if plain in CARDINALS else plain
    try:
        return str(float(plain))
    except ValueError:
        return re.sub(r"\W", "", plain)


def table_differs(a, b):
    one, other = ({words(item) for item in text.split("|")} for text in (a, b))
    return one != other


def short_differs(a, b):
    return words(re.sub(r"\b(a|an|the)\b", "", a.lower())) != words(re.sub(r"\b(a|an|the)\b", "", b.lower()))


DIFFERS = {
    "number": number_differs, "theoremqa": theoremqa_differs, "table": table_differs, "short": short_differs,
    "choice": lambda a, b: a.lower() != b.lower(), "boolean": lambda a, b: a != b,
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in SETS if not name.startswith("math")] + ["mathqa"])
def test_references(data_dir, name):
    kind, golds = references(data_dir, name)
    differs = DIFFERS["number" if kind == "math" else kind]
    assert [gold for gold in sorted(set(golds)) if not verify(kind, gold, gold).correct] == []
    apart = {(a, b) for a, b in others(golds) if differs(a, b)}
    assert len(apart) > 1 if kind in ("boolean", "choice") else len(apart) > len(set(golds)) / 2
    assert [pair for pair in sorted(apart) if verify(kind, *pair).outcome != "wrong"] == []


# ---------------------------------------------------------------- MATH: formulas


def reading(text):
    """What sympy makes of a reference: nested tuples of numbers and names; the bare text where that is no formula."""
    from math_verify import LatexExtractionConfig, parse

    text = re.sub(r"\\text\s*\{[a-z ]*\}$", "", text.rstrip(" ."))
    text = re.sub(r"\\[%$!]|\{,\}", "", text)
    if re.search(r"_|:|\\text\s*\{[^}]*[AP]|approx|= 56", text) or not re.search(r"\d|\\|^[a-zA-Z]$", text):
        return re.sub(r"\W", "", text).lower()
    found = parse(f"\\boxed{{{text}}}", [LatexExtractionConfig(boxed_match_priority=0)], fallback_mode="no_fallback")
    return shape(found[0]) if found else re.sub(r"\W", "", text).lower()


def shape(value):
    import sympy

    if isinstance(value, sympy.Eq) and value.lhs.is_Symbol:
        return shape(value.rhs)
    if isinstance(value, sympy.Expr):
        letters = sorted(value.free_symbols, key=str)
        points = [{letter: sympy.Rational(k + 3, 7) for k, letter in enumerate(letters)}]
        try:
            return (*map(str, letters), *(complex(sympy.N(value.subs(point), 30)) for point in points))
        except TypeError:
            return str(value)
    if isinstance(value, sympy.FiniteSet):
        return tuple(sorted((shape(item) for item in value.args), key=str))
    if isinstance(value, sympy.MatrixBase):
        return (value.shape, *map(shape, value))
    return (type(value).__name__, *map(shape, value.args)) if getattr(value, "args", ()) else str(value)


def apart(a, b):
    """Whether two readings differ for certain."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) != len(b) or any(itertools.starmap(apart, zip(a, b, strict=True)))
    if isinstance(a, complex) and isinstance(b, complex):
        return not cmath.isclose(a, b, rel_tol=1e-5)
    return a != b


def formula_pairs(data_dir):
    golds = sorted({gold for name in ("math", "math_train") for gold in references(data_dir, name)[1]})
    # Only what needs algebra: numbers and words are compared above, and in the table of pairs.
    return golds, [gold for gold in golds if quick_mathematics(gold, "x+91") is None and re.search(r"\\|[a-z,(]", gold)]


def check_formulas(formulas):
    readings = {gold: reading(gold) for gold in formulas}
    pairs = [pair for gap in range(1, NEIGHBOURS) for pair in zip(formulas, formulas[gap:], strict=False)]
    certain = [(a, b) for a, b in pairs if apart(readings[a], readings[b])]
    assert len(certain) > len(pairs) / 2
    assert [(a, b) for a, b in certain if verify("math", a, b).outcome != "wrong"] == []


def test_math_references(data_dir):
    golds, formulas = formula_pairs(data_dir)
    assert [gold for gold in golds if not verify("math", gold, gold).correct] == []
    # Past the quick path, where equal strings end: each is read, and equal to itself by value.
    undone = [g for g in formulas if "_" not in g and judge_symbolic(normalise(g), normalise(g))[0] != "correct"]
    assert undone == []
    # By rows: whatever differs as a number of Python's is wrong.
    plain = [gold for gold in golds if re.fullmatch(r"-?\d+(\.\d+)?", gold)]
    assert [
        (a, b) for a, b in itertools.pairwise(plain) if verify("math", a, b).correct != (float(a) == float(b))
    ] == []
    check_formulas(sorted(random.Random(0).sample(formulas, 200)))


@pytest.mark.slow
def test_all_math_references(data_dir):
    _, formulas = formula_pairs(data_dir)
    check_formulas(formulas)
