"""Descriptions of parameters, checked as strictly as Moodle checks its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moodle_sync.sandbox.errors import invalid_parameter

REQUIRED = object()


def integer(value: Any) -> int:
    """Read a whole number (PARAM_INT)."""
    if isinstance(value, bool | int):
        return int(value)
    text = str(value).strip()
    if not text.lstrip("-").isdecimal():
        raise invalid_parameter()
    return int(text)


def number(value: Any) -> float:
    """Read a number (PARAM_FLOAT)."""
    try:
        read = float(value)
    except (TypeError, ValueError):
        raise invalid_parameter() from None
    if not math.isfinite(read):
        raise invalid_parameter()
    return read


def boolean(value: Any) -> bool:
    """Read a flag (PARAM_BOOL): 0 and 1, and the words that Moodle knows."""
    text = str(value).strip().lower()
    if text in ("1", "true"):
        return True
    if text in ("0", "false", ""):
        return False
    raise invalid_parameter()


def text(value: Any) -> str:
    """Read a text (PARAM_TEXT, PARAM_RAW)."""
    if isinstance(value, dict | list):
        raise invalid_parameter()
    return str(value)


@dataclass(frozen=True)
class Value:
    """One plain value; left out, it becomes `default`, unless that is REQUIRED or None (then it stays out)."""

    read: Callable[[Any], Any]
    default: Any = REQUIRED


@dataclass(frozen=True)
class Struct:
    """Named parameters; any other name is refused."""

    keys: Mapping[str, Value | Struct | Many]
    default: Any = REQUIRED


@dataclass(frozen=True)
class Many:
    """A list of the same."""

    item: Value | Struct
    default: Any = REQUIRED


def check(described: Value | Struct | Many, given: Any) -> Any:
    """Check a parameter against its description; raises invalidparameter without saying where, as Moodle does."""
    if isinstance(described, Value):
        return described.read(given)
    if isinstance(described, Many):
        if isinstance(given, Mapping):
            given = given.values()
        elif not isinstance(given, list):
            raise invalid_parameter()
        return [check(described.item, one) for one in given]
    if isinstance(given, list) and not given:
        given = {}
    if not isinstance(given, Mapping) or not given.keys() <= described.keys.keys():
        raise invalid_parameter()
    checked = {}
    for name, part in described.keys.items():
        if name in given:
            checked[name] = check(part, given[name])
        elif part.default is REQUIRED:
            raise invalid_parameter()
        elif part.default is not None:
            checked[name] = part.default
    return checked


INT = Value(integer)
TEXT = Value(text)
BOOL = Value(boolean)


def optional(kind: Value, default: Any = None) -> Value:
    """Allow a value to be left out."""
    return Value(kind.read, default)


OPTIONS = Many(Struct({"name": TEXT, "value": TEXT}), default=[])
