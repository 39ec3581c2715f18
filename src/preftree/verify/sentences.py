"""Sentences and words of English text, counted as the public checkers of IFEval count them, without their data files.

In:  any text. Out: how many sentences it has; its words, punctuation split off.
Always true: no file is read, nothing is fetched, and the time grows with the length of the text.

The checkers split sentences with NLTK's trained model (Punkt, Kiss & Strunk 2006) and words as the Penn Treebank does.
These are the model's decisions with a short list of abbreviations and of common words in the place of its tables; how
far the counts agree is measured by benchmarks/agreement/ifeval.py. Its oddities are kept: "e.g." ends a sentence, the
number of an item in a list is a sentence if a capital follows, and what stands behind a last full stop is one too.
"""

from __future__ import annotations

import itertools
import re


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# May stand within a sentence with their full stop.
_ABBREVIATIONS = _listed(
    """
    mr mrs ms messrs dr prof st jr sr gen col maj lt sgt adm sen rep reps co cos corp inc ltd cie bros vs ft yr dec jan
    feb aug sept sep oct nov tues wed fri ave va ga pa fla mich ill ind conn calif ariz colo minn okla ore tenn tex wash
    wis kan ky ala la mass miss mo u.s u.k u.n u.s.a u.s.s.r d.c n.y n.j l.a a.m p.m ph.d m.b.a b.a b.v p.s j.p j.r r.j
    w.r a.t
    """
)
# Words that are common without a capital: with one, they begin a sentence.
_COMMON = _listed(
    """
    a about according additionally after again all also although always among an and another any anyone anything are as
    ask at be because before both but by can choose consider create despite do does don't during each either even every
    everyone everything finally find first for from furthermore give have having he here his how however i if in indeed
    instead is it it's its just keep last later learn let let's like make many maybe meanwhile more moreover most much
    my never nevertheless next no nonetheless nor not nothing now of often on once one only or other our over perhaps
    please remember remove second separately several she should similarly since so some someone something sometimes soon
    still
    such take than thank that that's the their them then there there's therefore these they they're this those though
    through thus to together try two under unfortunately unless until up upon use using very was we we're well were what
    when where whether which while who why will with without would write yes yet you you're your
    """
)
_ENDS = ".?!"
# Behind one of these ends, one of these characters makes it a place where a sentence may end, as a blank does.
_CLOSERS = ")\";}]*:@'({[\u2018\u2019\u201c\u201d\xab\xbb?!"
# Closing signs that belong to the sentence before.
_TAIL = frozenset("\"')]}\u2018\u2019\u201c\u201d\xab\xbb")
_BEFORE_WORD = '("`{[:;&#*@)}]'
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.?")

_APART = re.compile(r"\.{2,}|--|[\u2012-\u2015]|[«»“”‘’„`\"*;@#$%&?!\[\](){}<>]|[:,](?!\d)")
_OPENING_QUOTE = re.compile(r"(?<!\w)'(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)", re.IGNORECASE)
_CLITIC = re.compile(r"(?<=[^' ])('[sSmMdD]|'ll|'LL|'re|'RE|'ve|'VE|n't|N'T|')(?= )")
_TWO_IN_ONE = re.compile(
    r"\b(can(?=not\b)|d(?='ye\b)|gim(?=me\b)|gon(?=na\b)|got(?=ta\b)|lem(?=me\b)|wan(?=na\s))", re.I
)


def count_sentences(text: str) -> int:
    """The number of sentences; blank text has none."""
    words = text.split()
    count, rest = 0, ""
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        at = _place_of_end(word, following)
        if at is not None and _ends_sentence(word, at, following):
            count += 1
            rest = word[at + 1 :]
            rest = "" if _TAIL.issuperset(rest) else rest
        else:
            rest = word
    # What comes after the last end is a sentence of its own.
    return count + bool(rest)


def _place_of_end(word: str, following: str) -> int | None:
    """Where in the word a sentence may end: at the last end sign that something stands behind."""
    for at in range(len(word) - 1, -1, -1):
        if word[at] in _ENDS:
            behind = word[at + 1 : at + 2]
            if behind in _CLOSERS if behind else following:
                return at
    return None


def _ends_sentence(word: str, at: int, following: str) -> bool:
    head, behind = word[: at + 1], word[at + 1 : at + 2]
    if head[-1] != "." or "?" in head or "!" in head:
        return True
    following = behind or following
    stem = head[max(map(head.rfind, _BEFORE_WORD)) + 1 :]
    if stem.endswith(".."):
        return _begins_sentence(following)
    kind = stem[:-1].lower()
    if len(kind) == 1 and kind.isalpha():
        return _begins_sentence(following) or not (following[0].isalpha() or following[0] in ";:,.!?")
    if kind in _ABBREVIATIONS or kind.rpartition("-")[2] in _ABBREVIATIONS:
        return _begins_sentence(following)
    if _NUMBER.fullmatch(stem):
        return not (following[0].islower() or following in (";", ":", ",", ".", "!", "?"))
    return bool(kind)


def _begins_sentence(word: str) -> bool:
    bare = word.rstrip(",.;:?!\"')]}*")
    return bare[:1].isupper() and bare.lower() in _COMMON


def words_of(text: str) -> list[str]:
    """The words as the Penn Treebank has them: hyphens and full stops within stay, "don't" is "do" and "n't"."""
    text = _OPENING_QUOTE.sub("' ", text)
    text = " " + " ".join(_APART.sub(r" \g<0> ", text).split()) + " "
    text = _CLITIC.sub(r" \1", text)
    return _TWO_IN_ONE.sub(r"\1 ", text).split()
