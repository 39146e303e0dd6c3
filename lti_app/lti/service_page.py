"""The tables of `config/moodle-service.md`: what the service in Moodle needs, from the functions in use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from moodle_sync.functions import FACTS, ONLY_WITH, Function, needed_capabilities

TABLE = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
FOR_REST = "webservice/rest:use"


def fill(page: str) -> str:
    """Return the page with its tables written anew between their marks. Raises KeyError for an unknown mark."""
    tables = {"functions": functions_table(), "capabilities": capabilities_table()}
    return TABLE.sub(lambda found: f"{found[1]}{tables[found[2]]}{found[3]}", page)


def functions_table() -> str:
    """Return a row for each function: what for, and whether it writes, can be left out, belongs to a setting."""
    rows = [(f"`{function}`", facts.purpose, _manner(function)) for function, facts in FACTS.items()]
    return _table(("function", "what for", ""), rows)


def _manner(function: Function) -> str:
    facts = FACTS[function]
    words = ["writes"] * facts.writes
    if function in ONLY_WITH:
        words.append(f"only with `{ONLY_WITH[function]}`")
    elif facts.optional:
        words.append("optional")
    return ", ".join(words)


def capabilities_table() -> str:
    """Return a row for each capability with the functions that need it, in the order of the functions."""
    users: dict[str, list[Function]] = {}
    for function, facts in FACTS.items():
        for capability in facts.capabilities:
            users.setdefault(capability, []).append(function)
    rows = [(f"`{FOR_REST}`", "the web service at all", "")]
    needed = needed_capabilities()
    for capability, functions in users.items():
        by_setting = sorted({ONLY_WITH.get(function, "") for function in functions})
        manner = f"only with `{by_setting[0]}`" if "" not in by_setting else ""
        if capability in needed or manner:
            rows.append((f"`{capability}`", ", ".join(f"`{function}`" for function in functions), manner))
    return _table(("capability", "needed by", ""), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = f"|{'---|' * len(head)}\n"
    first, *rest = (f"| {' | '.join(row)} |\n".replace("|  |", "| |") for row in [head, *rows])
    return "".join([first, rule, *rest])
