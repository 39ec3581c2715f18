"""What a user may set of the tools, and how a tool says that it can't answer.

In:  a recipe's values. Out: frozen settings. Always true: a setting that no tool could use is refused when the
settings are made.
"""

from __future__ import annotations

from dataclasses import dataclass

from preftree.errors import InputError


class ToolError(Exception):
    """A tool can't answer; the message is one sentence, which the actor is told."""


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """How the host's tools answer."""

    wikipedia_corpus: str | None = None  # JSONL of {"title", "text"} to search in place of Wikipedia itself
    wikipedia_url: str = "https://en.wikipedia.org/w/api.php"
    contact: str = ""  # a mail address or page for the owners of a service, who may block clients that name none
    timeout_s: float = 20.0  # seconds for one request to a service
    max_chars: int = 4000  # characters of one answer; more is cut

    def __post_init__(self) -> None:
        for name in ("timeout_s", "max_chars"):
            value = getattr(self, name)
            if not value > 0:
                raise InputError(f"environment.tools.{name}: expected a positive number, got {value!r}")
        if not self.wikipedia_url.startswith(("http://", "https://")):
            raise InputError(f"environment.tools.wikipedia_url: expected http(s)://…, got {self.wikipedia_url!r}")
        if not self.contact.isascii() or not (self.contact.isprintable()):
            raise InputError(f"environment.tools.contact: expected printable ASCII, got {self.contact!r}")
