"""The leader's grid, and messages to its trainees."""

from __future__ import annotations

MAY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "grid.page"): frozenset({"leader"}),
    ("GET", "grid.export"): frozenset({"leader"}),
    ("GET", "grid.presence"): frozenset({"leader"}),
    ("POST", "grid.presence"): frozenset({"leader"}),
    ("GET", "messages.page"): frozenset({"leader"}),
    ("POST", "messages.page"): frozenset(),  # nobody is chosen
}

DATA = {"presence": "absent"}  # as the whole list was confirmed just before
