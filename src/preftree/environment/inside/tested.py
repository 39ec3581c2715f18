"""The two sides of a function test: the candidate that is called, and the judge that calls it.

In:  a line between the two. Out: calls and their results, as text of `wire`.
Always true: the judge's process runs trusted code only; what it gets of the candidate is plain data, made anew by
its own builtins, or a `Remote`, which equals nothing but itself; what a test needs beyond that ends it as
unsupported, never as passed.
"""

from __future__ import annotations

import builtins
import json
import operator
from collections.abc import Callable, Sequence
from typing import Any

from preftree.environment.inside import wire
from preftree.environment.inside.channel import AskError, GoneError, Line

_READY = "ready"
GONE = "gone"  # a judge's status when the candidate's process has ended
_MAX_REPR = 200

# What a judge may ask of a candidate's object. None compares it with what the test expects; its truth is one bit,
# which the candidate might as well have returned as True or False.
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda target, /, *args, **keywords: target(*args, **keywords),
    "get": getattr,
    "set": setattr,
    "item": operator.getitem,
    "put": operator.setitem,
    "len": len,
    "iter": iter,
    "next": next,
    "in": operator.contains,
    "truth": operator.truth,
    "isinstance": lambda target, value: isinstance(value, target),
}


# ---------------------------------------------------------------- the candidate's side


def serve(line: Line, namespace: dict[str, Any]) -> None:
    """Do what the judge asks, one list of questions after another, until it has ended."""
    store = _Store(namespace)
    try:
        line.say(_READY)
        while True:
            for question in json.loads(line.hear()):
                line.say(_perform(question, store))
    except GoneError:
        return


class _Store:
    """The candidate's objects that the judge holds handles of."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.objects: list[Any] = []
        self.places: dict[int, int] = {}

    def keep(self, value: Any) -> list[Any]:
        place = self.places.get(id(value))
        if place is None:
            place = self.places[id(value)] = len(self.objects)
            self.objects.append(value)  # held, so that its id stays its own
        return [place, type(value).__name__]

    def fetch(self, what: Any) -> Any:
        if isinstance(what, str):
            if what not in self.namespace:
                raise NameError(f"name '{what}' is not defined")
            return self.namespace[what]
        return self.objects[what]


def _perform(question: str, store: _Store) -> str:
    try:
        operation, target, args, keywords = wire.loads(question, store.fetch)
        given = wire.dumps((args, keywords), store.keep)
        try:
            result = _OPERATIONS[operation](target, *args, **keywords)
        except BaseException as error:  # noqa: BLE001 (what the candidate raises is its result)
            return wire.dumps(("raised", _names(error), str(error)[:1000], None), store.keep)
        after = wire.dumps((args, keywords), store.keep)
        return wire.dumps(("gave", result, None if after == given else (args, keywords), None), store.keep)
    except BaseException as error:  # noqa: BLE001 (its values can fail in every way while they are written)
        return wire.dumps(("raised", _names(error), str(type(error).__name__), None), wire.refuse)


def _names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]


# ---------------------------------------------------------------- the judge's side


class EndOfTest(BaseException):
    """The test can't go on; the judge's `status` and `why` say why."""


class Judge:
    """Asks the candidate, and remembers what the test could not be told."""

    def __init__(self, line: Line, on_answer: Callable[[], None], foreseen: Sequence[str] = ()) -> None:
        """`foreseen` are the first questions of the test, all asked at once; `on_answer` is called once, before the
        test gets the first thing that the candidate made."""
        self._line, self._on_answer = line, on_answer
        self._foreseen = list(foreseen)
        self._answered = False
        self.status = ""
        self.why = ""

    def wait(self) -> None:
        """Until the candidate has defined what it defines; EndOfTest if it ended before."""
        self._hear()
        if self._foreseen:
            self._say(self._foreseen)

    def names(self, names: Sequence[str]) -> dict[str, Remote]:
        """The candidate's own names, as the test sees them."""
        return {name: Remote(self, name, name) for name in names}

    def ask(self, operation: str, target: Remote, /, *args: Any, **keywords: Any) -> Any:
        """The result of an operation on the candidate's object; its exception as a builtin one."""
        try:
            question = wire.dumps((operation, target, args, keywords), _keep)
        except wire.NotPlainError as error:
            raise self.unsupported(f"the test hands the program {error}") from None
        text = self._reply(question)
        if not self._answered:
            self._answered = True
            self._on_answer()
        try:
            kind, first, second, _ = wire.loads(text, self._fetch)
            if kind == "gave":
                _restore(second, args, keywords)
                return first
            names, message = [str(name) for name in first], str(second)
        except ValueError:
            raise self._end("error", "the program's answer is no plain data") from None
        raise self._exception(names, message)

    def _reply(self, question: str) -> str:
        if self._foreseen and self._foreseen[0] == question:
            self._foreseen.pop(0)
            return self._hear()
        while self._foreseen:  # the test went another way: what else was foreseen is nobody's
            self._foreseen.pop(0)
            self._hear()
        self._say([question])
        return self._hear()

    def _say(self, questions: list[str]) -> None:
        try:
            self._line.say(json.dumps(questions))
        except GoneError:
            raise self._gone() from None
        except AskError as error:
            raise self.unsupported(f"the test hands the program {error}") from None

    def _hear(self) -> str:
        try:
            return self._line.hear()
        except GoneError:
            raise self._gone() from None
        except AskError as error:
            raise self._end("output", f"the program gave {error}") from None

    def _gone(self) -> EndOfTest:
        return self._end(GONE, "the program's process ended")

    def unsupported(self, why: str) -> EndOfTest:
        return self._end("unsupported", why)

    def _end(self, status: str, why: str) -> EndOfTest:
        self.status, self.why = self.status or status, self.why or why
        return EndOfTest(why)

    def _fetch(self, what: Any) -> Remote:
        place, name = what
        if type(place) is not int:
            raise ValueError("a handle without a number")
        return Remote(self, place, f"an object of type {str(name)[:80]}")

    def _exception(self, names: list[str], message: str) -> BaseException:
        """The nearest builtin exception; what would end the process ends the test."""
        if "MemoryError" in names:  # raised here, it would look like the judge's own
            return self._end("memory", "the program needed more memory than its limit")
        for name in names:
            kind = getattr(builtins, name, None)
            if isinstance(kind, type) and issubclass(kind, Exception):
                try:
                    return kind(message)
                except TypeError:
                    continue  # UnicodeError's kin want more than a message
        return self._end("error", f"the program raised {names[0] if names else 'nothing'}: {message}"[:_MAX_REPR])


def _keep(value: Any) -> Any:
    if type(value) is Remote:
        return object.__getattribute__(value, "_place")
    return wire.refuse(value)


def _restore(after: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """What the candidate did to the arguments, done to the judge's own."""
    if after is None:
        return
    new_args, new_keywords = after
    for old, new in [*zip(args, new_args, strict=True), *((keywords[name], new_keywords[name]) for name in keywords)]:
        _overwrite(old, new)


def _overwrite(old: Any, new: Any) -> None:
    if type(old) is not type(new):
        return
    if isinstance(old, list):
        for mine, theirs in zip(old, new, strict=False):
            _overwrite(mine, theirs)  # an inner list that the test holds too
        both = zip(old, new, strict=False)
        same = [mine if type(mine) is type(theirs) and _is_mutable(mine) else theirs for mine, theirs in both]
        old[:] = [*same, *new[len(same) :]]
    elif isinstance(old, dict):
        kept = {key: old[key] for key in new if key in old and type(old[key]) is type(new[key])}
        for key, value in kept.items():
            _overwrite(value, new[key])
        merged = {key: kept[key] if key in kept and _is_mutable(kept[key]) else new[key] for key in new}
        old.clear()
        old.update(merged)
    elif isinstance(old, (set, bytearray)) or type(old).__name__ == "deque":
        old.clear()
        (old.update if isinstance(old, set) else old.extend)(new)
    elif type(old).__name__ == "ndarray" and old.shape == new.shape:
        old[...] = new


def _is_mutable(value: Any) -> bool:
    return isinstance(value, (list, dict, set, bytearray)) or type(value).__name__ in ("deque", "ndarray")


class Remote:
    """A function, class or object of the candidate's. Equal to itself only, whatever its own methods say."""

    __slots__ = ("_judge", "_label", "_place")

    def __init__(self, judge: Judge, place: Any, label: str) -> None:
        object.__setattr__(self, "_judge", judge)
        object.__setattr__(self, "_place", place)
        object.__setattr__(self, "_label", label)

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        return _ask(self, "call", *args, **keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__array"):  # by which numpy would read memory at the address that the candidate names
            raise AttributeError(name)
        return _ask(self, "get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "set", name, value)

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _ask(self, "put", key, value)

    def __len__(self) -> int:
        return int(_ask(self, "len"))

    def __iter__(self) -> Any:
        return _ask(self, "iter")

    def __next__(self) -> Any:
        return _ask(self, "next")

    def __contains__(self, item: Any) -> bool:
        return _ask(self, "in", item) is True

    def __instancecheck__(self, value: Any) -> bool:
        return type(value) is Remote and _ask(self, "isinstance", value) is True

    def __eq__(self, other: object) -> bool:
        return type(other) is Remote and _keep(self) == _keep(other)

    def __hash__(self) -> int:
        return hash(_keep(self))

    def __repr__(self) -> str:
        return f"<{object.__getattribute__(self, '_label')}>"

    def __bool__(self) -> bool:
        return _ask(self, "truth") is True

    def __lt__(self, other: Any) -> bool:
        raise _unsupported(self, "to order")

    __le__ = __gt__ = __ge__ = __lt__

    def __copy__(self) -> Any:
        raise _unsupported(self, "a copy of")

    def __deepcopy__(self, memo: Any) -> Any:
        raise _unsupported(self, "a copy of")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise _unsupported(self, "a copy of")


def _ask(remote: Remote, operation: str, /, *args: Any, **keywords: Any) -> Any:
    return object.__getattribute__(remote, "_judge").ask(operation, remote, *args, **keywords)


def _unsupported(remote: Remote, need: str) -> EndOfTest:
    judge: Judge = object.__getattribute__(remote, "_judge")
    return judge.unsupported(f"the test needs {need} {object.__getattribute__(remote, '_label')}")
