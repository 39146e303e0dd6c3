"""Joining and leaving distance meetings; the leader's word on attendance."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit
from lti_app.core.errors import Conflict, Forbidden, NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.correcting import note_correction, require_reason
from lti_app.meetings.joining import Place, close, join, leave, open_stays
from lti_app.meetings.models import Attendance, JoinLog, Meeting, MeetingState, Presence
from lti_app.meetings.stays import Span, counting, minutes_inside
from lti_app.people.models import Person
from lti_app.programmes.models import Programme, ProgrammeVersion

__all__ = [
    "close_ended",
    "close_stay",
    "confirm_attendance",
    "enrolled_trainees",
    "find_meeting",
    "hold_attendance",
    "join",
    "leave",
    "lock_intakes",
    "person_of",
]


def find_meeting(session: Session, meeting_id: int) -> Meeting:
    """Return the meeting with its intake, version and programme. Raises NotFound."""
    meeting = session.scalar(
        select(Meeting)
        .where(Meeting.id == meeting_id)
        .options(
            joinedload(Meeting.topic),
            joinedload(Meeting.only_for).joinedload(Trainee.person),
            joinedload(Meeting.intake)
            .joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site),
        )
    )
    if meeting is None:
        raise NotFound("no_such_meeting", _l("There is no such meeting."))
    return meeting


def close_stay(session: Session, *, meeting_id: int, trainee_id: int, actor: Actor, now: datetime) -> None:
    """Note for a trainee that they have left. Raises NotFound, Forbidden to who does not lead the site (4.1)."""
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    trainee = session.get(Trainee, trainee_id)
    if trainee is None or trainee.intake_id != meeting.intake_id or not meeting.is_for(trainee.id):
        raise NotFound("no_such_trainee", _l("There is no such trainee in this intake."))
    for stay in open_stays(session, Place(meeting, trainee.id, None)):
        close(stay, meeting, now, "leader")
        session.flush()
        audit.record(
            session,
            actor=actor,
            now=now,
            action="close_stay",
            on=stay,
            changes={"left_at": [None, stay.left_at.isoformat() if stay.left_at else None]},
        )


def close_ended(session: Session, *, now: datetime) -> int:
    """Close the stays of meetings that have ended, as of their end; return how many."""
    stays = session.execute(
        select(JoinLog, Meeting)
        .join(Meeting, Meeting.id == JoinLog.meeting_id)
        .where(JoinLog.left_at.is_(None), Meeting.starts_at <= now)
        .with_for_update(of=JoinLog, skip_locked=True)
    ).all()
    closed = 0
    for stay, meeting in stays:
        if meeting.ends_at <= now:
            close(stay, meeting, meeting.ends_at, "end")
            closed += 1
    return closed


def confirm_attendance(
    session: Session, *, meeting_id: int, present: Collection[int], actor: Actor, now: datetime, reason: str = ""
) -> None:
    """Put down the leader's word on everybody whom it is for: trainee ids in ``present`` were there, the others not.

    A trainee may be confirmed without having joined (on site, or by telephone). Said again, it changes nothing; said
    differently, it needs a ``reason``, which stays with the change for good. Raises NotFound, Forbidden to who does not
    lead the site (4.1), Conflict before the meeting begins, where it is cancelled, where somebody in ``present`` has no
    place in the intake, and where credited hours rest on the attendance to be changed; DomainError for a change without
    a reason, or with one beyond 300 characters.
    """
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    _require_confirmable(meeting, now)
    lock_intakes(session, meeting.intake_id)
    trainees = people_of(session, meeting)
    if not set(present) <= {trainee.id for trainee in trainees}:
        raise Conflict(
            "not_a_trainee",
            _l("Somebody on the list has no place in this intake any more."),
            remedy=_l("Reload the page and confirm anew."),
            field="present",
        )
    known = _known_attendance(session, meeting.id)
    _refuse_credited([t for t in trainees if t.id in known and known[t.id].is_credited and t.id not in present])
    said = {trainee.id: Presence.PRESENT if trainee.id in present else Presence.ABSENT for trainee in trainees}
    changed = [t for t in trainees if t.id in known and known[t.id].presence is not said[t.id]]
    reason = require_reason([t.person.short_name for t in changed], reason) if changed else ""
    spans = _spans(session, meeting.id)
    changes: dict[str, Any] = {}
    corrected: list[tuple[Attendance, Presence]] = []
    for trainee in trainees:
        presence = said[trainee.id]
        attendance = known.get(trainee.id)
        before = attendance.presence if attendance else None
        if before is presence:
            continue
        if attendance is None:
            attendance = Attendance(meeting_id=meeting.id, trainee_id=trainee.id, is_credited=False)
            session.add(attendance)
        elif before is not None:
            corrected.append((attendance, before))
        attendance.presence = presence
        attendance.minutes_joined = minutes_inside(meeting, spans.get(trainee.id, ()), now)
        attendance.confirmed_at, attendance.confirmed_by_id = now, person_of(actor)
        changes[f"trainee {trainee.id}"] = [before.value if before else None, presence.value]
    if changes:
        session.flush()
        for attendance, before in corrected:
            note_correction(session, attendance, before=before, reason=reason, made_by_id=person_of(actor), now=now)
        audit.record(session, actor=actor, now=now, action="confirm_attendance", on=meeting, changes=changes)


def put_down_presence(
    session: Session,
    *,
    meeting_id: int,
    trainee_id: int,
    presence: Presence,
    seen: Presence | None,
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> Attendance:
    """Put down the leader's word on one trainee, by the rules of ``confirm_attendance``.

    ``seen`` is the word that stood there when it was decided. Said again, it changes nothing. Raises NotFound,
    Forbidden to who does not lead the site (4.1), Conflict before the meeting begins, where it is cancelled, where
    somebody else has said something meanwhile, and where credited hours rest on it; DomainError where a word that
    stands is to be changed without a reason.
    """
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    _require_confirmable(meeting, now)
    lock_intakes(session, meeting.intake_id)
    trainee = _trainee_of(session, meeting, trainee_id)
    attendance = _known_attendance(session, meeting.id).get(trainee.id)
    before = attendance.presence if attendance else None
    if attendance is not None and before is presence:
        return attendance
    if before is not seen:
        raise _said_meanwhile(session, attendance)
    spans = _spans(session, meeting.id).get(trainee.id, ())
    if attendance is None:
        attendance = Attendance(meeting_id=meeting.id, trainee_id=trainee.id, is_credited=False)
        session.add(attendance)
    else:
        _refuse_credited([trainee] if attendance.is_credited else [])
        reason = require_reason([trainee.person.short_name], reason)
    attendance.presence = presence
    attendance.minutes_joined = minutes_inside(meeting, spans, now)
    attendance.confirmed_at, attendance.confirmed_by_id = now, person_of(actor)
    changes: dict[str, Any] = {f"trainee {trainee.id}": [before.value if before else None, presence.value]}
    session.flush()
    if before is not None:
        note_correction(session, attendance, before=before, reason=reason, made_by_id=person_of(actor), now=now)
    audit.record(session, actor=actor, now=now, action="confirm_attendance", on=meeting, changes=changes)
    return attendance


def hold_attendance(session: Session, *, trainee_id: int, meeting_ids: Collection[int], credited: bool) -> None:
    """Mark that an entry of the ledger rests on a trainee's presence at ``meeting_ids``, or no longer does."""
    session.execute(
        update(Attendance)
        .where(
            Attendance.trainee_id == trainee_id,
            Attendance.meeting_id.in_(meeting_ids),
            Attendance.presence == Presence.PRESENT,
        )
        .values(is_credited=credited)
    )


def lock_intakes(session: Session, *intake_ids: int) -> None:
    """Let nobody else decide on attendance and credits of these intakes until the transaction ends.

    SQLite has one writer at a time anyway; on PostgreSQL the intakes' rows are locked, always in the same order, and
    without hindering those who only refer to them.
    """
    session.execute(
        select(Intake.id).where(Intake.id.in_(intake_ids)).order_by(Intake.id).with_for_update(key_share=True)
    )


def enrolled_trainees(session: Session, intake_id: int) -> list[Trainee]:
    """Return the trainees who have a place in the intake now, with their persons."""
    return list(
        session.scalars(
            select(Trainee)
            .where(Trainee.intake_id == intake_id, Trainee.state == TraineeState.ENROLLED)
            .options(joinedload(Trainee.person))
            .order_by(Trainee.id)
        )
    )


def people_of(session: Session, meeting: Meeting) -> list[Trainee]:
    """Return the trainees whom a meeting is for: all who have a place now, or the one of an individual meeting."""
    return [trainee for trainee in enrolled_trainees(session, meeting.intake_id) if meeting.is_for(trainee.id)]


def person_of(actor: Actor) -> int:
    """Return the person who decides. Raises Forbidden where it is nobody (the night, the command line)."""
    if actor.person_id is None:
        raise Forbidden("nobody_decides", _l("Only a person may decide this."), clause="4.2")
    return actor.person_id


def _require_confirmable(meeting: Meeting, now: datetime) -> None:
    if meeting.state is MeetingState.CANCELLED:
        raise Conflict(
            "meeting_cancelled", _l("This meeting has been cancelled."), remedy=_l("There is nothing to confirm.")
        )
    if now < meeting.starts_at:
        raise Conflict(
            "meeting_not_begun",
            _l("This meeting has not begun yet."),
            remedy=_l("Attendance can be confirmed from its beginning."),
        )


def _trainee_of(session: Session, meeting: Meeting, trainee_id: int) -> Trainee:
    trainee = session.get(Trainee, trainee_id, options=[joinedload(Trainee.person)])
    if trainee is None or trainee.intake_id != meeting.intake_id or meeting.only_for_id not in (None, trainee_id):
        raise NotFound("no_such_trainee", _l("There is no such trainee in this intake."))
    if trainee.state is not TraineeState.ENROLLED:
        raise Conflict(
            "not_a_trainee",
            _l("Somebody on the list has no place in this intake any more."),
            remedy=_l("Reload the page and confirm anew."),
        )
    return trainee


def _said_meanwhile(session: Session, attendance: Attendance | None) -> Conflict:
    by = session.get(Person, attendance.confirmed_by_id) if attendance else None
    return Conflict(
        "said_meanwhile",
        _l("This mark was changed meanwhile by %(name)s.", name=by.short_name)
        if by
        else _l("This mark was changed meanwhile by somebody else."),
        remedy=_l("What stands now is shown; change it again if it is wrong."),
    )


def _known_attendance(session: Session, meeting_id: int) -> dict[int, Attendance]:
    known = session.scalars(
        select(Attendance).where(Attendance.meeting_id == meeting_id).execution_options(populate_existing=True)
    )
    return {attendance.trainee_id: attendance for attendance in known}


def _refuse_credited(trainees: Iterable[Trainee]) -> None:
    names = ", ".join(trainee.person.short_name for trainee in trainees)
    if names:
        raise Conflict(
            "attendance_credited",
            _l("Hours are credited on this attendance: %(names)s.", names=names),
            remedy=_l("Reverse the credit first, with a reason; then change the attendance."),
            field="present",
        )


def _spans(session: Session, meeting_id: int) -> dict[int, list[Span]]:
    """Return the trainees' stays that count (stays.counting)."""
    rows = session.execute(
        select(JoinLog.trainee_id, JoinLog.joined_at, JoinLog.left_at, JoinLog.source).where(
            JoinLog.meeting_id == meeting_id
        )
    ).all()
    counts = counting(row.source for row in rows)
    spans: dict[int, list[Span]] = {}
    for trainee_id, joined_at, left_at, source in rows:
        if trainee_id is not None and source in counts:
            spans.setdefault(trainee_id, []).append((joined_at, left_at))
    return spans
