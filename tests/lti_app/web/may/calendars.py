"""Whose calendars are open to whom, and who keeps a private address."""

from __future__ import annotations

KNOWN = frozenset({"trainee", "trainee elsewhere", "leader", "leader elsewhere"})

MAY = {
    ("GET", "calendars.mine"): KNOWN,
    ("POST", "calendars.open_it"): KNOWN,
    ("POST", "calendars.replace"): KNOWN,
    ("POST", "calendars.revoke"): KNOWN,
    ("GET", "calendars.feed"): frozenset(),  # the token is a notice's: whose feed it is decides
    ("GET", "calendars.of_intake"): frozenset({"leader", "trainee"}),
    ("GET", "calendars.of_meeting"): frozenset({"leader", "trainee", "trainee elsewhere"}),  # a guest of it
}
