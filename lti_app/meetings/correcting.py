"""Later changes of the leader's word: each has a reason, stays for good, and is seen by the trainee."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.errors import DomainError
from lti_app.core.fitting import require_fitting
from lti_app.core.invariants import Check
from lti_app.meetings.models import Attendance, Presence
from lti_app.meetings.onsite_models import AttendanceCorrection

LONGEST_REASON = 300


@dataclass(frozen=True)
class CorrectionLine:
    """Show one change of the leader's word."""

    meeting_id: int
    trainee_id: int
    before: Presence
    after: Presence
    reason: str
    made_at: datetime
    made_by: str


Corrections = dict[tuple[int, int], list[CorrectionLine]]
"""Lines by (meeting id, trainee id), the oldest first."""


def require_reason(changed: Sequence[str], reason: str) -> str:
    """Return the reason of a change as it is kept. Raises DomainError, naming who would change, where none is given."""
    text = " ".join(reason.split())
    if not text:
        raise DomainError(
            "reason_needed",
            _l("%(names)s: a mark that is confirmed already would change.", names=", ".join(changed)),
            remedy=_l("Say why; the trainee sees the reason. Or leave these marks as they were."),
            field="reason",
        )
    require_fitting(AttendanceCorrection, {"reason": text})
    return text


def note_correction(
    session: Session, attendance: Attendance, *, before: Presence, reason: str, made_by_id: int, now: datetime
) -> None:
    """Put down that ``attendance``, a flushed row, was changed from ``before``, and why."""
    session.add(
        AttendanceCorrection(
            attendance_id=attendance.id,
            before=before,
            after=attendance.presence,
            reason=reason,
            made_at=now,
            made_by_id=made_by_id,
        )
    )


def corrections_of(session: Session, meeting_ids: Collection[int], trainee_id: int | None = None) -> Corrections:
    """Return the changes of the leader's word at these meetings, of everybody or of one trainee. One query."""
    query = (
        select(AttendanceCorrection, Attendance.meeting_id, Attendance.trainee_id)
        .join(Attendance, Attendance.id == AttendanceCorrection.attendance_id)
        .where(Attendance.meeting_id.in_(meeting_ids))
        .options(joinedload(AttendanceCorrection.made_by))
        .order_by(AttendanceCorrection.id)
    )
    if trainee_id is not None:
        query = query.where(Attendance.trainee_id == trainee_id)
    found: Corrections = {}
    for row, meeting, trainee in session.execute(query):
        line = CorrectionLine(meeting, trainee, row.before, row.after, row.reason, row.made_at, row.made_by.full_name)
        found.setdefault((meeting, trainee), []).append(line)
    return found


def corrections_astray(session: Session) -> Iterator[str]:
    """Find attendance that is not what its last correction made of it."""
    last = select(func.max(AttendanceCorrection.id)).group_by(AttendanceCorrection.attendance_id)
    for attendance_id, after, presence in session.execute(
        select(Attendance.id, AttendanceCorrection.after, Attendance.presence)
        .join(AttendanceCorrection, AttendanceCorrection.attendance_id == Attendance.id)
        .where(AttendanceCorrection.id.in_(last), AttendanceCorrection.after != Attendance.presence)
        .order_by(Attendance.id)
    ):
        yield f"attendance {attendance_id} is {presence.value}, its last correction made it {after.value}"


CHECKS = (Check("attendance is what its last correction says", corrections_astray),)
