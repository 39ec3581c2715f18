"""Plain data as text: what may pass between the process that tests and the process that is tested.

In:  a value. Out: JSON text, and back an equal value of the same builtin type, made anew.
Always true: only exact builtin and library types pass, never an instance of a class that judged code made, so no
method of its own comes along; such an instance is given to `keep` (candidate's side) or refused.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

_SCALARS = (type(None), bool, int, float, str)
_SEQUENCES: dict[str, Callable[..., Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": collections.deque,
}
_MAPPINGS: dict[str, Callable[..., Any]] = {
    "dict": dict,
    "Counter": collections.Counter,
    "OrderedDict": collections.OrderedDict,
}
_TYPES = (int, float, complex, bool, str, bytes, list, tuple, set, frozenset, dict, type(None), object)
_FACTORIES = {kind.__name__: kind for kind in (int, float, str, list, set, dict, tuple)}
_SEQUENCE_NAMES = {kind: name for name, kind in _SEQUENCES.items()}
_MAPPING_NAMES = {kind: name for name, kind in _MAPPINGS.items()}
_TYPE_NAMES = {kind: kind.__name__ for kind in _TYPES}

Keep = Callable[[Any], Any]  # an object to what stands for it, a JSON value; raises NotPlainError
Fetch = Callable[[Any], Any]  # what stands for an object to the object


class NotPlainError(TypeError):
    """The value can't be carried as plain data."""


def refuse(value: Any) -> Any:
    """A `keep` that keeps nothing."""
    raise NotPlainError(f"an object of type {type(value).__name__}")


def dumps(value: Any, keep: Keep) -> str:
    """The value as text; NotPlainError where it holds what can't be carried."""
    try:
        return json.dumps(_plain(value, keep))
    except RecursionError as error:
        raise NotPlainError("a structure that is nested too deeply, or holds itself") from error


def loads(text: str, fetch: Fetch) -> Any:
    """The value again; ValueError if the text is of no such form."""
    try:
        return _value(json.loads(text), fetch)
    except (KeyError, IndexError, TypeError, RecursionError, ArithmeticError, AttributeError) as error:
        raise ValueError(f"not of the form: {error}") from error


def _plain(value: Any, keep: Keep) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind in _SEQUENCE_NAMES:
        return [_SEQUENCE_NAMES[kind], [_plain(item, keep) for item in value]]
    if kind in _MAPPING_NAMES:
        return [_MAPPING_NAMES[kind], _pairs(value, keep)]
    if kind is collections.defaultdict and (value.default_factory is None or value.default_factory in _TYPE_NAMES):
        factory = value.default_factory
        return ["defaultdict", None if factory is None else factory.__name__, _pairs(value, keep)]
    if kind is bytes or kind is bytearray:
        return [kind.__name__, value.hex()]
    if kind is complex:
        return ["complex", value.real, value.imag]
    if kind is range or kind is slice:
        return [kind.__name__, value.start, value.stop, value.step]
    if kind is decimal.Decimal or kind is fractions.Fraction:
        return [kind.__name__, str(value)]
    if kind is type and value in _TYPE_NAMES:
        return ["type", _TYPE_NAMES[value]]
    if kind in (datetime.datetime, datetime.date, datetime.time) and getattr(value, "tzinfo", None) is None:
        return [kind.__name__, value.isoformat()]
    if kind is datetime.timedelta:
        return ["timedelta", value.days, value.seconds, value.microseconds]
    return _array(value, kind) or ["object", keep(value)]


def _pairs(value: Any, keep: Keep) -> list[Any]:
    return [[_plain(key, keep), _plain(item, keep)] for key, item in value.items()]


def _array(value: Any, kind: type) -> list[Any] | None:
    """NumPy's arrays and numbers of plain kinds; code that did not import it has none."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not issubclass(kind, (numpy.ndarray, numpy.generic)) or value.dtype.kind not in "biufcSU":
        return None
    if kind is not numpy.ndarray and kind is not value.dtype.type:
        return None  # a subclass
    items = value.ravel().tolist() if kind is numpy.ndarray else [value.item()]
    if value.dtype.kind in "cS":
        items = [_plain(item, refuse) for item in items]
    return ["array", value.dtype.str, list(value.shape) if kind is numpy.ndarray else None, items]


def _value(data: Any, fetch: Fetch) -> Any:
    if type(data) in _SCALARS:
        return data
    tag, *rest = data
    if tag in _SEQUENCES:
        return _SEQUENCES[tag](_value(item, fetch) for item in rest[0])
    if tag in _MAPPINGS:
        return _MAPPINGS[tag](_items(rest[0], fetch))
    if tag == "object":
        return fetch(rest[0])
    return _READERS[tag](rest, fetch)


def _items(pairs: Any, fetch: Fetch) -> dict[Any, Any]:
    return {_value(key, fetch): _value(item, fetch) for key, item in pairs}


def _numpy(rest: list[Any]) -> Any:
    numpy = importlib.import_module("numpy")  # the candidate may have imported it, and the test not
    dtype, shape, items = rest
    flat = numpy.array([_value(item, refuse) for item in items], dtype=dtype)
    return flat[0] if shape is None else flat.reshape(shape)


_READERS: dict[str, Callable[[list[Any], Fetch], Any]] = {
    "defaultdict": lambda rest, fetch: collections.defaultdict(
        None if rest[0] is None else _FACTORIES[rest[0]], _items(rest[1], fetch)
    ),
    "bytes": lambda rest, _: bytes.fromhex(rest[0]),
    "bytearray": lambda rest, _: bytearray.fromhex(rest[0]),
    "complex": lambda rest, _: complex(*rest),
    "range": lambda rest, _: range(*rest),
    "slice": lambda rest, _: slice(*rest),
    "Decimal": lambda rest, _: decimal.Decimal(rest[0]),
    "Fraction": lambda rest, _: fractions.Fraction(rest[0]),
    "type": lambda rest, _: next(kind for kind in _TYPES if kind.__name__ == rest[0]),
    "datetime": lambda rest, _: datetime.datetime.fromisoformat(rest[0]),
    "date": lambda rest, _: datetime.date.fromisoformat(rest[0]),
    "time": lambda rest, _: datetime.time.fromisoformat(rest[0]),
    "timedelta": lambda rest, _: datetime.timedelta(*rest),
    "array": lambda rest, _: _numpy(rest),
}
