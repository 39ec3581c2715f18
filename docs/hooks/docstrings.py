"""How the docstrings of the package become Markdown.

In:  griffe's objects. Out: the same, whose docstrings begin a paragraph at `In:`, `Out:` and `Always true:`, and whose
fields carry the comment that stands beside them, where they have no string below.
"""

from __future__ import annotations

import io
import re
import tokenize
from typing import Any

import griffe

_MARK = re.compile(r"^(In|Out|Always true|Raises):", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Mends docstrings while the package is read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = paragraphs(obj.docstring.value)

    def on_attribute_instance(self, *, attr: griffe.Attribute, **kwargs: Any) -> None:
        if attr.docstring is None and attr.parent is not None and attr.parent.is_class and not attr.is_special:
            words = comment(str(attr.source or ""))
            if words:
                attr.docstring = griffe.Docstring(words, parent=attr, lineno=attr.endlineno)


def comment(source: str) -> str:
    """The comment at the end of a field's source; the source of one field alone may not be whole Python."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source.strip()).readline))
    except (tokenize.TokenError, SyntaxError):
        return ""
    words = [token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT]
    return words[-1] if words else ""


def paragraphs(text: str) -> str:
    """`In:`, `Out:` … each in a paragraph of its own, with the mark in bold."""
    return _MARK.sub(r"\n**\1:**", text)
