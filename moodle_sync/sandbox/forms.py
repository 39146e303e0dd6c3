"""Form fields as PHP reads them: nested by brackets, dropped past `max_input_vars`."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

Nested = dict[str, Any]


def parse_form(encoded: str, max_input_vars: int) -> Nested:
    """Read an url-encoded form.

    Returns nested dicts with string keys, in the order sent; `a[]=x` counts up from 0. Fields past the limit are
    dropped without a word, as PHP does (README of the recordings, Web-service quirks).
    """
    # Brackets are most of what is escaped in a batch: undone at once, they spare decoding each name.
    plain = encoded.replace("%5B", "[").replace("%5D", "]")
    pairs = []
    for part in plain.split("&", max_input_vars)[:max_input_vars]:
        name, _, value = part.partition("=")
        if name:
            pairs.append((_decode(name), _decode(value)))
    return nest(pairs, max_input_vars)


def _decode(written: str) -> str:
    return unquote_plus(written, "utf-8", "replace") if "%" in written or "+" in written else written


def nest(pairs: list[tuple[str, str]], max_input_vars: int) -> Nested:
    """Nest fields by the brackets in their names; see `parse_form`."""
    root: Nested = {}
    for name, value in pairs[:max_input_vars]:
        opening = name.find("[")
        if opening <= 0 or not name.endswith("]"):
            root[name] = value
            continue
        _put(root, [name[:opening], *name[opening + 1 : -1].split("][")], value)
    return root


def _put(node: Nested, path: list[str], value: str) -> None:
    """Store a value under a path, making the levels between."""
    for key in path[:-1]:
        step = key or str(len(node))
        below = node.get(step)
        if not isinstance(below, dict):
            below = node[step] = {}
        node = below
    node[path[-1] or str(len(node))] = value
