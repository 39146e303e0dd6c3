"""Who may look at a schedule, and who changes it: the leader of the site alone."""

from __future__ import annotations

LEADER = frozenset({"leader"})
READERS = frozenset({"leader", "centre", "council"})

MAY = {
    ("GET", "schedule.schedule"): READERS,
    ("GET", "schedule.paper"): READERS,
    ("GET", "schedule.drafting"): LEADER,
    ("POST", "schedule.drafting"): LEADER,
    ("GET", "schedule.new"): LEADER,
    ("POST", "schedule.new"): frozenset(),  # nothing is filled in
    ("GET", "meeting_changes.edit"): LEADER,
    ("POST", "meeting_changes.edit"): frozenset(),  # nothing is filled in
    ("GET", "meeting_changes.move"): LEADER,
    ("POST", "meeting_changes.move"): frozenset(),  # no day is given
    ("GET", "meeting_changes.cancel"): LEADER,
    ("POST", "meeting_changes.cancel"): frozenset(),  # it was changed since revision 0
    ("POST", "meeting_changes.restore"): frozenset(),  # it isn't cancelled
}
