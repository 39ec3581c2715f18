"""What stands between tags, in time that grows with the text alone: a model may open ten thousand and close none.

In:  a text, an opening and a closing tag. Out: the parts between them, in order. Pure.
Always true: what `re.findall(opening + "(.*?)" + closing, text, re.DOTALL)` finds; that searches to the end of the text
for every tag that is left open.
"""

from __future__ import annotations


def between(text: str, opening: str, closing: str) -> list[str]:
    """Each part from an opening tag to the first closing one behind it; what is never closed is no part."""
    parts = []
    begin = text.find(opening)
    while begin >= 0:
        begin += len(opening)
        end = text.find(closing, begin)
        if end < 0:
            break
        parts.append(text[begin:end])
        begin = text.find(opening, end + len(closing))
    return parts
