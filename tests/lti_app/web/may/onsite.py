"""Who may show the code of a meeting and mark who came; who may bring in its lists and print its papers."""

from __future__ import annotations

LEADER = frozenset({"leader"})

MAY = {
    ("GET", "arrivals.code"): LEADER,
    ("GET", "arrivals.code_part"): LEADER,
    ("POST", "arrivals.mark"): frozenset(),  # the scene's meeting is held at a distance
    ("GET", "arrivals.here"): frozenset(),  # the address is no code that a screen shows
    ("POST", "arrivals.type_in"): frozenset(),  # as above
    ("GET", "arrivals.arrived"): frozenset(),  # nobody has come
}
