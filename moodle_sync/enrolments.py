"""Pure: what should be done to the enrolments of one course, person by person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from moodle_sync.changes import EnrolmentChange, Kind, Missing, Note, Reason
from moodle_sync.roster import CourseRoster, DesiredEnrolment, Drift, Owned, Role

CLOCK_MARGIN = 300
"""Moodle rounds "now" to 100 s where it tells who is active, and its clock may differ from ours: within these many
seconds of an enrolment's start or end, activity proves nothing."""


def runs(starts: int, ends: int, now: int, *, margin: int = CLOCK_MARGIN) -> bool:
    """Tell whether an enrolment with these dates is certainly within them at ``now``. All in Unix seconds."""
    return starts < now - margin and (ends == 0 or ends > now + margin)


def _was_there(row: Owned) -> bool:
    """Tell whether Moodle should show the person of this row: it was read back, and nobody took it away since."""
    return not row.pending and row.drift is not Drift.REMOVED


_AS_WANTED = (False, False, Drift.NONE)
"""Not suspended, not pending, nothing done by hand: the rest of a row of ours that is as it should be."""

_Row = TypeVar("_Row", DesiredEnrolment, Owned)


def _joined_dates(rows: Iterable[DesiredEnrolment | Owned]) -> tuple[int, int]:
    """Return the earliest start and the latest end; an end of 0 is never."""
    starts, ends = zip(*((row.starts, row.ends) for row in rows), strict=True)
    return min(starts), 0 if 0 in ends else max(ends)


class _ByUser(Generic[_Row]):
    """Rows by user id: the first of each user, and all of those few who have several (a tuple for each would cost)."""

    def __init__(self) -> None:
        self.first: dict[int, _Row] = {}
        self.more: dict[int, list[_Row]] = {}

    def add(self, user_id: int, row: _Row) -> None:
        """Add a row of a user."""
        if self.first.setdefault(user_id, row) is not row:
            self.more.setdefault(user_id, [self.first[user_id]]).append(row)

    def of(self, user_id: int) -> Sequence[_Row]:
        """Return all rows of a user."""
        if user_id in self.more:
            return self.more[user_id]
        return [self.first[user_id]] if user_id in self.first else []


class CoursePlanner:
    """Plan the enrolments of one course.

    Moodle keeps one enrolment a person with dates and a suspension, and roles beside it; so all roles of a person in a
    course are written with the same dates, from the earliest start to the latest end.
    """

    def __init__(self, key: str, course_id: int | None, roster: CourseRoster, now: int, respects_drift: bool) -> None:
        self.key, self.course_id, self.now = key, course_id, now
        self.enrolled, self.inactive = roster
        self.respects_drift = respects_drift
        self.changes: list[EnrolmentChange] = []
        self.notes: list[Note] = []
        self.gone: list[Owned] = []
        self.seen: list[Owned] = []
        self.active = 0
        self.missing = Missing(0, 0)

    def plan(self, wanted: Iterable[DesiredEnrolment], rows: Iterable[Owned], users: Mapping[int, int]) -> None:
        """Collect this course's changes and notes: those who are to be in, then those who are not."""
        to_be: _ByUser[DesiredEnrolment] = _ByUser()
        for enrolment in wanted:
            user = users.get(enrolment[1])
            if user is not None:
                to_be.add(user, enrolment)
        ours: _ByUser[Owned] = _ByUser()
        taken_over = []
        for row in rows:
            if row.drift is Drift.REMOVED and row.user_id in self.enrolled:
                taken_over.append(row)  # unenrolled by hand, and enrolled since by somebody else
            else:
                ours.add(row[1], row)
        self.gone += sorted(taken_over)
        self._plan_wanted(to_be, ours)
        left = sorted(ours.first.keys() - to_be.first.keys())
        suspended = [user_id for user_id in left if self._leave(user_id, ours.of(user_id))]
        here = {user_id for user_id, row in ours.first.items() if not row.suspended}
        here |= {user_id for user_id, rows in ours.more.items() if not all(row.suspended for row in rows)}
        self.active = len((here & self.enrolled).union(suspended))
        written = {user_id for user_id, row in ours.first.items() if _was_there(row)}
        written |= {user_id for user_id, rows in ours.more.items() if any(map(_was_there, rows))}
        self.missing = Missing(len(written - self.enrolled), len(written))

    def _leave(self, user_id: int, had: Sequence[Owned]) -> bool:
        """Suspend somebody who is no longer wanted, in all their roles; tell whether there was a need to."""
        if user_id not in self.enrolled:
            self.gone += sorted(had)
            return False
        if self._is_active_all_the_same(user_id, had) or not any(map(self._to_be_suspended, had)):
            return False
        dates = _joined_dates(had)
        kept_out = all(row.suspended and not row.pending for row in had) and user_id not in self.inactive
        reason = Reason.REACTIVATED_BY_HAND if kept_out else Reason.LEFT
        for row in sorted(had):
            self._change(Kind.SUSPEND, user_id, row.role, dates, reason)
        return True

    def _is_active_all_the_same(self, user_id: int, had: Sequence[Owned]) -> bool:
        """Tell whether somebody whom we suspended is active and stays so; note it."""
        if any(row.pending or not row.suspended for row in had):
            return False
        if user_id in self.inactive:
            self._remember(had, Drift.NONE)
            return False
        elsewhere = any(row.drift is Drift.ELSEWHERE for row in had)
        text = "suspended, but active by another enrolment" if elsewhere else "suspended, but active in Moodle again"
        self.notes.append(Note("still_active" if elsewhere else "reactivated_by_hand", self.key, user_id, text))
        return elsewhere or self.respects_drift

    def _remember(self, rows: Iterable[Owned], drift: Drift) -> None:
        self.seen += sorted(row._replace(drift=drift) for row in rows if row.drift is not drift)

    def _plan_wanted(self, to_be: _ByUser[DesiredEnrolment], ours: _ByUser[Owned]) -> None:
        """Plan those who are to be in. What most of a million people need is decided at once, without a call."""
        enrolled, inactive = self.enrolled, self.inactive
        single, wants_more, had_more = ours.first, to_be.more, ours.more
        for user_id in sorted(to_be.first):
            want, row = to_be.first[user_id], single.get(user_id)
            if user_id not in wants_more and user_id not in had_more:
                _, _, role, starts, ends = want
                if row is None:
                    if user_id not in enrolled:
                        self._change(Kind.ENROL, user_id, role, (starts, ends), Reason.LISTED)
                        continue
                elif user_id in enrolled and user_id not in inactive and row[2:] == (role, starts, ends, *_AS_WANTED):
                    continue
            self._plan_person(user_id, to_be.of(user_id), ours.of(user_id))

    def _change(self, kind: Kind, user_id: int, role: Role, dates: tuple[int, int], reason: Reason) -> None:
        # As EnrolmentChange(…), in a third of its time: there may be a million of them.
        values = (kind, self.key, self.course_id, user_id, role, *dates, reason)
        self.changes.append(tuple.__new__(EnrolmentChange, values))

    def _plan_person(self, user_id: int, wants: Sequence[DesiredEnrolment], had: Sequence[Owned]) -> None:
        if user_id in self.enrolled and not had:
            text = "enrolled by other means, not touched"
            if user_id in self.inactive:
                text = "enrolled by other means and not active there, not touched"
            self.notes.append(Note("enrolled_by_others", self.key, user_id, text))
            return
        drift = self._drift_of(user_id, had)
        if drift is not Drift.NONE:
            self.notes.append(Note(f"{drift}_by_hand", self.key, user_id, f"{drift} by hand in Moodle"))
            if self.respects_drift:
                self._remember(had, drift)
                return
        dates = _joined_dates(wants)
        rows = {row.role: row for row in had}
        # Only unenrolling would take a role away: one that is no longer wanted stays while the person does.
        roles = {want.role for want in wants}
        if user_id in self.enrolled:
            for role in sorted(rows.keys() - roles):
                text = f"no longer {role.value} here, but stays in another role: take the role away in Moodle"
                self.notes.append(Note("role_kept", self.key, user_id, text))
            roles |= rows.keys()
        else:
            self.gone += sorted(rows[role] for role in rows.keys() - roles)
        for role in sorted(roles):
            needed = self._to_be_active(user_id, rows.get(role), dates)
            if needed is not None:
                self._change(needed[0], user_id, role, dates, needed[1])

    def _drift_of(self, user_id: int, had: Sequence[Owned]) -> Drift:
        """Say what somebody in Moodle did to an enrolment that we certainly wrote and that should be active."""
        if not had or any(row.pending or row.suspended for row in had):
            return Drift.NONE
        if user_id not in self.enrolled:
            return Drift.REMOVED
        if user_id in self.inactive and all(self._runs(row.starts, row.ends) for row in had):
            return Drift.SUSPENDED
        return Drift.NONE

    def _to_be_active(self, user_id: int, row: Owned | None, dates: tuple[int, int]) -> tuple[Kind, Reason] | None:
        """Say what makes somebody active in a role, and why it is needed; None where nothing is."""
        if user_id not in self.enrolled:
            return Kind.ENROL, _why_enrolled(row)
        if row is None:  # a further role in an enrolment that is ours
            return Kind.UPDATE_ENROLMENT, Reason.ROLE
        if row.suspended:
            return Kind.REACTIVATE, Reason.CAME_BACK
        if user_id in self.inactive and self._runs(row.starts, row.ends):
            return Kind.REACTIVATE, Reason.UNCONFIRMED if row.pending else Reason.SUSPENDED_BY_HAND
        if row.pending or (row.starts, row.ends) != dates:
            return Kind.UPDATE_ENROLMENT, Reason.UNCONFIRMED if (row.starts, row.ends) == dates else Reason.DATES
        self._remember([row], Drift.NONE)
        return None

    def _to_be_suspended(self, row: Owned) -> bool:
        """Tell whether somebody who is no longer wanted is to be suspended.

        Inactive within its dates can only mean suspended; out of its dates it proves nothing, and what was last
        written counts.
        """
        if row.pending or row.user_id not in self.inactive or row.drift is Drift.SUSPENDED:
            return True
        return not row.suspended and not self._runs(row.starts, row.ends)

    def _runs(self, starts: int, ends: int) -> bool:
        return runs(starts, ends, self.now)


def _why_enrolled(row: Owned | None) -> Reason:
    """Say why somebody is enrolled who isn't in the course; ``row`` is what we know to have written."""
    if row is None:
        return Reason.LISTED
    if row.suspended:
        return Reason.CAME_BACK
    return Reason.UNCONFIRMED if row.pending else Reason.REMOVED_BY_HAND
