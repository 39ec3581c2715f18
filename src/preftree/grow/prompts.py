"""The texts of growing's own requests: templates in files, of our own wording (the paper published none).

In:  a template's name and what fills it. Out: text.
"""

from __future__ import annotations

import functools
from importlib import resources

from preftree.engine.prompts import fill

__all__ = ["filled", "template"]


def filled(name: str, **values: str) -> str:
    """The template of this name with its `{marks}` filled."""
    return fill(template(name), **values)


@functools.cache
def template(name: str) -> str:
    """The text of `prompts/NAME.txt`, without its last line end."""
    return (resources.files("preftree.grow") / "prompts" / f"{name}.txt").read_text("utf-8").rstrip("\n")
