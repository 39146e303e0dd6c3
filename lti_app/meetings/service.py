"""Joining and leaving distance meetings; the leader's word on attendance."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.models import Attendance, JoinLog, Meeting, MeetingState, Presence
from lti_app.meetings.stays import Span, minutes_inside, opens_at
from lti_app.people.models import Person
from lti_app.programmes.models import Mode, Programme, ProgrammeVersion

LONGEST_REASON = 500


def find_meeting(session: Session, meeting_id: int) -> Meeting:
    """Return the meeting with its intake, version and programme. Raises NotFound."""
    meeting = session.scalar(
        select(Meeting)
        .where(Meeting.id == meeting_id)
        .options(
            joinedload(Meeting.topic),
            joinedload(Meeting.intake)
            .joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site),
        )
    )
    if meeting is None:
        raise NotFound("no_such_meeting", _l("There is no such meeting."))
    return meeting


def join(session: Session, *, meeting_id: int, actor: Actor, now: datetime) -> str:
    """Let a trainee into a distance meeting and note when; return the room's address.

    A second visit while still inside changes nothing. Raises NotFound, Forbidden to who is no trainee of the intake,
    Conflict outside of the time from 15 minutes before until the end, DomainError for a meeting on site.
    """
    meeting = find_meeting(session, meeting_id)
    trainee = _own_place(session, meeting, actor)
    if meeting.mode is not Mode.DISTANCE or meeting.room_url is None:
        raise DomainError(
            "meeting_on_site",
            _l("This meeting takes place on site; there is no room to join."),
            remedy=_l("The leader confirms who was there."),
            clause="5.1",
        )
    _require_open(meeting, now)
    _open_stay(session, meeting, trainee, now)
    return meeting.room_url


def leave(session: Session, *, meeting_id: int, actor: Actor, now: datetime) -> None:
    """Note that a trainee has left; nothing happens to who is not inside. Raises NotFound, Forbidden."""
    meeting = find_meeting(session, meeting_id)
    trainee = _own_place(session, meeting, actor)
    for stay in _open_stays(session, meeting.id, trainee.id):
        _close(stay, meeting, now, "self")


def close_stay(session: Session, *, meeting_id: int, trainee_id: int, actor: Actor, now: datetime) -> None:
    """Note for a trainee that they have left. Raises NotFound, Forbidden to who does not lead the site (4.1)."""
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    trainee = session.get(Trainee, trainee_id)
    if trainee is None or trainee.intake_id != meeting.intake_id:
        raise NotFound("no_such_trainee", _l("There is no such trainee in this intake."))
    for stay in _open_stays(session, meeting.id, trainee.id):
        _close(stay, meeting, now, "leader")
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
            _close(stay, meeting, meeting.ends_at, "end")
            closed += 1
    return closed


def confirm_attendance(
    session: Session, *, meeting_id: int, present: Collection[int], actor: Actor, now: datetime
) -> None:
    """Put down the leader's word on everybody enrolled: trainee ids in ``present`` were there, the others not.

    A trainee may be confirmed without having joined (on site, or by telephone). Said again, it changes nothing; said
    differently, the change is audited. Raises NotFound, Forbidden to who does not lead the site (4.1), Conflict before
    the meeting begins, where it is cancelled, where somebody in ``present`` has no place in the intake, and where
    credited hours rest on the attendance to be changed.
    """
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    _require_confirmable(meeting, now)
    lock_intakes(session, meeting.intake_id)
    trainees = enrolled_trainees(session, meeting.intake_id)
    if not set(present) <= {trainee.id for trainee in trainees}:
        raise Conflict(
            "not_a_trainee",
            _l("Somebody on the list has no place in this intake any more."),
            remedy=_l("Reload the page and confirm anew."),
            field="present",
        )
    known = _known_attendance(session, meeting.id)
    _refuse_credited([t for t in trainees if t.id in known and known[t.id].is_credited and t.id not in present])
    spans = _spans(session, meeting.id)
    changes: dict[str, Any] = {}
    for trainee in trainees:
        presence = Presence.PRESENT if trainee.id in present else Presence.ABSENT
        attendance = known.get(trainee.id)
        before = attendance.presence if attendance else None
        if before is presence:
            continue
        if attendance is None:
            attendance = Attendance(meeting_id=meeting.id, trainee_id=trainee.id, is_credited=False)
            session.add(attendance)
        attendance.presence = presence
        attendance.minutes_joined = minutes_inside(meeting, spans.get(trainee.id, ()), now)
        attendance.confirmed_at, attendance.confirmed_by_id = now, person_of(actor)
        changes[f"trainee {trainee.id}"] = [before.value if before else None, presence.value]
    if changes:
        session.flush()
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
    reason: str | None = None,
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
        reason = checked_reason(reason)
    attendance.presence = presence
    attendance.minutes_joined = minutes_inside(meeting, spans, now)
    attendance.confirmed_at, attendance.confirmed_by_id = now, person_of(actor)
    changes: dict[str, Any] = {f"trainee {trainee.id}": [before.value if before else None, presence.value]}
    if before is not None:
        changes["reason"] = [None, reason]
    session.flush()
    audit.record(session, actor=actor, now=now, action="confirm_attendance", on=meeting, changes=changes)
    return attendance


def checked_reason(reason: str | None) -> str:
    """Return why a word that stands is changed. Raises DomainError where it isn't said, or at too great a length."""
    reason = (reason or "").strip()
    if not reason:
        raise DomainError(
            "reason_needed",
            _l("The attendance was confirmed already: changing it needs a reason."),
            remedy=_l("Write in a few words what was wrong."),
            field="reason",
        )
    if len(reason) > LONGEST_REASON:
        raise DomainError(
            "reason_too_long",
            _l("The reason is longer than %(limit)s characters.", limit=LONGEST_REASON),
            remedy=_l("Say it shorter."),
            field="reason",
        )
    return reason


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


def person_of(actor: Actor) -> int:
    """Return the person who decides. Raises Forbidden where it is nobody (the night, the command line)."""
    if actor.person_id is None:
        raise Forbidden("nobody_decides", _l("Only a person may decide this."), clause="4.2")
    return actor.person_id


def _own_place(session: Session, meeting: Meeting, actor: Actor) -> Trainee:
    trainee = None
    if actor.person_id is not None:
        trainee = session.scalar(
            select(Trainee).where(
                Trainee.intake_id == meeting.intake_id,
                Trainee.person_id == actor.person_id,
                Trainee.state == TraineeState.ENROLLED,
            )
        )
    if trainee is None:
        raise Forbidden(
            "not_your_intake",
            _l("You are not a trainee of this intake."),
            remedy=_l("Only its trainees may join; ask the leader of the site for a place."),
            clause="4.2",
        )
    return trainee


def _require_open(meeting: Meeting, now: datetime) -> None:
    opens = opens_at(meeting)
    if opens is None:
        raise Conflict("meeting_cancelled", _l("This meeting has been cancelled."))
    if now < opens:
        raise Conflict(
            "room_not_open_yet",
            _l("The room opens 15 minutes before the meeting."),
            remedy=_l("Come back then and press the button once more."),
        )
    if now >= meeting.ends_at:
        raise Conflict("meeting_ended", _l("This meeting has ended."))


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


def _open_stay(session: Session, meeting: Meeting, trainee: Trainee, now: datetime) -> None:
    if _open_stays(session, meeting.id, trainee.id):
        return
    last_left = session.scalar(
        select(JoinLog.left_at)
        .where(JoinLog.meeting_id == meeting.id, JoinLog.trainee_id == trainee.id)
        .order_by(JoinLog.left_at.desc())
        .limit(1)
    )
    try:
        with session.begin_nested():
            # After the last stay, even if the clock was set back in between: stays never overlap.
            joined_at = now if last_left is None else max(now, last_left)
            session.add(JoinLog(meeting_id=meeting.id, trainee_id=trainee.id, joined_at=joined_at))
    except IntegrityError:
        # The button was pressed twice, and the other press was first (uq_join_log_open).
        if not _open_stays(session, meeting.id, trainee.id):
            raise


def _open_stays(session: Session, meeting_id: int, trainee_id: int) -> list[JoinLog]:
    return list(
        session.scalars(
            select(JoinLog)
            .where(JoinLog.meeting_id == meeting_id, JoinLog.trainee_id == trainee_id, JoinLog.left_at.is_(None))
            .with_for_update()
        )
    )


def _close(stay: JoinLog, meeting: Meeting, at: datetime, how: str) -> None:
    # Who leaves after the end was there until the end; a stay never ends before it began (the clock may be set back,
    # or the meeting moved).
    stay.left_at = max(stay.joined_at, min(at, meeting.ends_at))
    stay.left_how = how


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
    spans: dict[int, list[Span]] = {}
    for trainee_id, joined_at, left_at in session.execute(
        select(JoinLog.trainee_id, JoinLog.joined_at, JoinLog.left_at).where(JoinLog.meeting_id == meeting_id)
    ):
        if trainee_id is not None:
            spans.setdefault(trainee_id, []).append((joined_at, left_at))
    return spans
