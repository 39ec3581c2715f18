"""One error type a boundary. The command line turns each into one sentence and an exit status."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# More names than this in one sentence are no help any more.
_MANY = 40


class PreftreeError(Exception):
    """A failure that a user can act on. The message is one sentence that names what to mend."""

    exit_status = 1


class InputError(PreftreeError):
    """The input or the settings are wrong: the message names the file, the row, the field, what was expected."""

    exit_status = 2


class ActorError(PreftreeError):
    """An actor (a model or an endpoint) could not answer."""


class RequestRefusedError(ActorError):
    """An actor will never answer this one request (too long, filtered); others it may."""


class UnclearRefusalError(RequestRefusedError):
    """A refusal that may lie in this one request, or in what it shares with all others (model, settings)."""


class JailError(PreftreeError):
    """The environment can't run code in isolation here."""


class VerifierError(PreftreeError):
    """The judge itself failed."""


class ForestError(PreftreeError):
    """The journal on disk can't be read, written or gone on with."""


class ClusterError(PreftreeError):
    """A cluster can't be reached, or lost what a run on it needs."""


class TrainingError(PreftreeError):
    """Training can't start or go on."""


class Stopped(PreftreeError):
    """Stopped cleanly before the end (budget spent, interrupted); the same command goes on."""

    exit_status = 3


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence on an unknown name: the nearest known one, else all of them."""
    names = [str(name) for name in known]
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; known: {', '.join(names[:_MANY])}{', …' if len(names) > _MANY else ''}" if names else ""
