"""The leader's word on the guests of an open meeting, and each later change of it with its reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased

from lti_app.core import audit
from lti_app.core.audit import AuditEntry
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Trainee
from lti_app.meetings.guests import locked_meeting, under_way
from lti_app.meetings.models import (
    Attendance,
    GuestState,
    JoinLog,
    Meeting,
    MeetingGuest,
    MeetingState,
    Presence,
    StaySource,
)
from lti_app.meetings.service import lock_intakes, person_of
from lti_app.meetings.stays import Span, minutes_inside

CORRECTION = "guest_correction"
"""Action of the audit entry of a guest whose presence was changed after it was confirmed."""
LONGEST_REASON = 500


def confirm_guests(
    session: Session,
    *,
    meeting_id: int,
    present: Collection[int],
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> None:
    """Put down the leader's word on every guest who has a place: guest ids in ``present`` were there, others not.

    Said again, it changes nothing; said differently of somebody, ``reason`` is kept with both marks for good. Raises
    NotFound, Forbidden to who does not lead the site (4.1), Conflict before the meeting begins, where it is cancelled,
    where somebody in ``present`` is no guest, was present as a trainee, or has hours that rest on the mark; DomainError
    for a change without a reason.
    """
    meeting = locked_for_word(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
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
    guests = [guest for guest in under_way(session, meeting.id) if guest.state is GuestState.SIGNED_UP]
    if not set(present) <= {guest.id for guest in guests}:
        raise Conflict(
            "not_a_guest",
            _l("Somebody on the list is no guest of this meeting any more."),
            remedy=_l("Reload the page and confirm anew."),
            field="guest",
        )
    word = {guest.id: Presence.PRESENT if guest.id in present else Presence.ABSENT for guest in guests}
    changed = [guest for guest in guests if guest.presence is not word[guest.id]]
    _refuse_credited([guest for guest in changed if guest.is_credited])
    as_trainees = present_as_trainees(session, meeting.id)
    refuse_trainees(
        [guest for guest in changed if word[guest.id] is Presence.PRESENT and guest.person_id in as_trainees]
    )
    corrected = [guest for guest in changed if guest.presence is not None]
    words = checked_reason(reason) if corrected else ""
    spans = guest_spans(session, meeting.id)
    changes: dict[str, Any] = {}
    for guest in changed:
        before, after = guest.presence, word[guest.id]
        guest.presence, guest.confirmed_at, guest.confirmed_by_id = after, now, person_of(actor)
        guest.minutes_joined = minutes_inside(meeting, spans.get(guest.id, ()), now)
        changes[f"guest {guest.id}"] = [before.value if before else None, after.value]
        if before is not None:
            session.flush()
            audit.record(
                session,
                actor=actor,
                now=now,
                action=CORRECTION,
                on=guest,
                changes={"presence": [before.value, after.value], "reason": [None, words]},
            )
    if changes:
        session.flush()
        audit.record(session, actor=actor, now=now, action="confirm_guests", on=meeting, changes=changes)


def hold_guest(session: Session, guest: MeetingGuest, *, credited: bool) -> None:
    """Mark that hours rest on a guest's presence, or no longer do."""
    guest.is_credited = credited
    session.flush()


def checked_reason(reason: str) -> str:
    """Return the reason of a change of what was confirmed. Raises DomainError where it is missing or too long."""
    reason = reason.strip()
    if not reason:
        raise DomainError(
            "guest_reason_missing",
            _l("A change of what was confirmed needs a reason."),
            remedy=_l("Write in a few words what was wrong: the guest will see it."),
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


def present_as_trainees(session: Session, meeting_id: int) -> set[int]:
    """Return who was present at a meeting as a trainee (person ids)."""
    return set(
        session.scalars(
            select(Trainee.person_id)
            .join(Attendance, Attendance.trainee_id == Trainee.id)
            .where(Attendance.meeting_id == meeting_id, Attendance.presence == Presence.PRESENT)
        )
    )


def refuse_present_guests(session: Session, *, meeting_id: int, present: Collection[int]) -> None:
    """Refuse to put down trainees (ids) as present who were present at the same meeting as guests. Raises Conflict."""
    guests = session.scalars(
        select(MeetingGuest)
        .join(Trainee, Trainee.person_id == MeetingGuest.person_id)
        .where(
            MeetingGuest.meeting_id == meeting_id,
            MeetingGuest.presence == Presence.PRESENT,
            Trainee.id.in_(set(present)),
        )
        .order_by(MeetingGuest.id)
    ).all()
    if guests:
        raise Conflict(
            "present_as_guest",
            _l("Present as guests, before they got their place in the intake: %(names)s.", names=_names(guests)),
            remedy=_l("Note them as absent among the guests first (take their hours back before), or leave them out."),
            field="present",
        )


def guest_spans(session: Session, meeting_id: int) -> dict[int, list[Span]]:
    """Return the stays of a meeting's guests that count (stays.counting), by guest id. One query."""
    other = aliased(JoinLog)
    told = exists().where(other.meeting_id == JoinLog.meeting_id, other.source != StaySource.TOOL)
    spans: dict[int, list[Span]] = {}
    for guest_id, joined_at, left_at in session.execute(
        select(JoinLog.guest_id, JoinLog.joined_at, JoinLog.left_at)
        .where(
            JoinLog.meeting_id == meeting_id,
            JoinLog.guest_id.is_not(None),
            or_(JoinLog.source != StaySource.TOOL, ~told),
        )
        .order_by(JoinLog.joined_at, JoinLog.id)
    ):
        if guest_id is not None:
            spans.setdefault(guest_id, []).append((joined_at, left_at))
    return spans


def corrections_of(session: Session, guest_ids: Iterable[int]) -> dict[int, list[AuditEntry]]:
    """Return the later changes of guests' marks, oldest first: who, when, both marks and the reason."""
    found: dict[int, list[AuditEntry]] = {}
    for entry in session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.object_type == MeetingGuest.__tablename__,
            AuditEntry.object_id.in_(list(guest_ids)),
            AuditEntry.action == CORRECTION,
        )
        .order_by(AuditEntry.id)
    ):
        found.setdefault(entry.object_id, []).append(entry)
    return found


def refuse_trainees(guests: Sequence[MeetingGuest]) -> None:
    """Refuse guests who were present as trainees: their hours count in the internship. Raises Conflict for any."""
    if guests:
        raise Conflict(
            "present_as_trainee",
            _l("Present as trainees of the intake: %(names)s.", names=_names(guests)),
            remedy=_l("Their hours count in the internship; leave them out among the guests."),
            field="guest",
        )


def locked_for_word(session: Session, meeting_id: int) -> Meeting:
    """Return a meeting with its intake and itself locked, in the order in which others lock them. Raises NotFound."""
    intake_id = session.scalar(select(Meeting.intake_id).where(Meeting.id == meeting_id))
    if intake_id is not None:
        lock_intakes(session, intake_id)
    return locked_meeting(session, meeting_id)


def _refuse_credited(guests: Sequence[MeetingGuest]) -> None:
    if guests:
        raise Conflict(
            "guest_credited",
            _l("Hours are credited on the presence of these guests: %(names)s.", names=_names(guests)),
            remedy=_l("Take the hours back first, with a reason; then change the mark."),
            field="guest",
        )


def _names(guests: Sequence[MeetingGuest]) -> str:
    return ", ".join(guest.person.short_name for guest in guests)
