"""Who may look through everything: the centre and the council."""

from __future__ import annotations

LISTS = frozenset({"centre", "council"})

MAY = {
    ("GET", "centre.desk"): frozenset({"centre"}),
    ("GET", "centre.sites"): LISTS,
    ("GET", "centre.programmes"): LISTS,
    ("GET", "centre.intakes"): LISTS,
    ("GET", "centre.calendar"): LISTS,
}
