"""Answers on the wire: JSON as PHP writes it, or XML for those who forget to ask for JSON."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr


def to_json(value: Any) -> str:
    """Write JSON in PHP's manner: no spaces, all beyond ASCII escaped, slashes too."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/")


def to_xml(value: Any) -> str:
    """Write the REST server's XML, which is what it answers without `moodlewsrestformat=json`."""
    if isinstance(value, dict) and "exception" in value:
        inner = "".join(f"<{name.upper()}>{escape(value[name])}</{name.upper()}>" for name in ("errorcode", "message"))
        body = f"<EXCEPTION class={quoteattr(value['exception'])}>{inner}</EXCEPTION>"
    else:
        body = f"<RESPONSE>{_element(value) if value is not None else ''}</RESPONSE>"
    return f'<?xml version="1.0" encoding="UTF-8" ?>\n{body}\n'


def _element(value: Any) -> str:
    if isinstance(value, dict):
        keys = "".join(f"<KEY name={quoteattr(name)}>{_element(one)}</KEY>" for name, one in value.items())
        return f"<SINGLE>{keys}</SINGLE>"
    if isinstance(value, list):
        return f"<MULTIPLE>{''.join(_element(one) for one in value)}</MULTIPLE>"
    if value is None:
        return '<VALUE null="null"/>'
    return f"<VALUE>{escape(str(int(value) if isinstance(value, bool) else value))}</VALUE>"
