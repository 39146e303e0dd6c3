"""Hours of guests at open meetings: given by the leader for presence, taken back with a reason. No score follows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import Actor
from lti_app.credits.models import EntryKind
from lti_app.credits.seminar_models import SeminarCredit
from lti_app.intakes.models import Intake
from lti_app.meetings.guest_presence import (
    checked_reason,
    hold_guest,
    locked_for_word,
    present_as_trainees,
    refuse_trainees,
)
from lti_app.meetings.guests import runs_it, tell_guest
from lti_app.meetings.models import Meeting, MeetingGuest, MeetingState, Presence
from lti_app.meetings.service import person_of
from lti_app.people.models import Person
from lti_app.programmes.models import Programme, ProgrammeVersion


def give_hours(
    session: Session, *, meeting_id: int, guest_ids: Collection[int], actor: Actor, now: datetime, zone: ZoneInfo
) -> int:
    """Credit the meeting's hours to guests who were present, to all of them or nobody; return to how many.

    Each is told. Raises NotFound, Forbidden to who does not lead the site (4.1) and for the hours of whoever holds the
    meeting or leads the site, DomainError where nobody is chosen, Conflict before the meeting's end, where it is
    cancelled, and where somebody was not present, has the hours already, or was present as a trainee.
    """
    meeting = locked_for_word(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    if meeting.state is MeetingState.CANCELLED:
        raise Conflict("meeting_cancelled", _l("This meeting has been cancelled."))
    if now < meeting.ends_at:
        raise Conflict(
            "meeting_not_over",
            _l("The meeting is not over yet."),
            remedy=_l("Hours are credited to guests after its end."),
        )
    if not guest_ids:
        raise DomainError(
            "no_guest_chosen",
            _l("Nobody is ticked."),
            remedy=_l("Tick the guests whose hours are to be credited."),
            field="credit",
        )
    guests = _guests(session, meeting.id, guest_ids)
    if any(guest.person_id == actor.person_id or runs_it(session, meeting, guest.person_id) for guest in guests):
        raise Forbidden(
            "own_credit",
            _l("Nobody decides on their own hours."),
            remedy=_l("Leave your own line out; speak to the methodical centre about it."),
        )
    as_trainees = present_as_trainees(session, meeting.id)
    refuse_trainees([guest for guest in guests if guest.person_id in as_trainees])
    for guest in guests:
        entry = SeminarCredit(
            kind=EntryKind.CREDIT,
            guest_id=guest.id,
            person_id=guest.person_id,
            meeting_id=meeting.id,
            hours=meeting.hours,
            evidence=_evidence(session, meeting, guest),
            decided_by_id=person_of(actor),
            decided_at=now,
        )
        hold_guest(session, guest, credited=True)
        _put_down(session, entry, actor, now, action="credit_guest")
        tell_guest(session, meeting, guest, "seminar_credited", now=now, zone=zone, turn=str(entry.id))
    return len(guests)


def reverse_hours(
    session: Session, *, credit_id: int, reason: str, actor: Actor, now: datetime, zone: ZoneInfo
) -> SeminarCredit:
    """Take back a guest's hours given by mistake: a new entry says so and why; the old one stands as it was.

    The mark of presence can be changed again, and the guest is told. Raises NotFound, Forbidden to who does not lead
    the site (4.1), DomainError without a reason, Conflict where it is reversed already or is itself a reversal.
    """
    credit = standing_credit(session, credit_id=credit_id, actor=actor)
    reason = checked_reason(reason)
    meeting = locked_for_word(session, credit.meeting_id)
    credit = standing_credit(session, credit_id=credit_id, actor=actor)
    guest = session.get_one(MeetingGuest, credit.guest_id, populate_existing=True)
    reversal = SeminarCredit(
        kind=EntryKind.REVERSAL,
        guest_id=credit.guest_id,
        person_id=credit.person_id,
        meeting_id=credit.meeting_id,
        hours=credit.hours,
        evidence={"reverses": credit.id},
        decided_by_id=person_of(actor),
        decided_at=now,
        reverses_id=credit.id,
        reason=reason,
    )
    hold_guest(session, guest, credited=False)
    _put_down(session, reversal, actor, now, action="reverse_guest_credit")
    tell_guest(session, meeting, guest, "seminar_credit_reversed", now=now, zone=zone, turn=str(reversal.id))
    return reversal


def standing_credit(session: Session, *, credit_id: int, actor: Actor) -> SeminarCredit:
    """Return an entry that may be reversed. Raises NotFound, Forbidden, Conflict as ``reverse_hours`` does."""
    credit = session.scalar(
        select(SeminarCredit)
        .where(SeminarCredit.id == credit_id)
        .options(
            joinedload(SeminarCredit.person),
            joinedload(SeminarCredit.decided_by),
            joinedload(SeminarCredit.meeting).joinedload(Meeting.topic),
            joinedload(SeminarCredit.meeting)
            .joinedload(Meeting.intake)
            .joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site),
        )
    )
    if credit is None:
        raise NotFound("no_such_entry", _l("There is no such entry in the ledger."))
    actor.require_site(credit.meeting.intake.version.programme.site_id)
    reversed_by = session.scalar(select(SeminarCredit.id).where(SeminarCredit.reverses_id == credit.id))
    if credit.kind is EntryKind.REVERSAL or reversed_by is not None:
        raise Conflict(
            "reversed_already",
            _l("This entry has been reversed already, or is a reversal itself."),
            remedy=_l("Reload the page to see the ledger as it is."),
        )
    return credit


def entries_of(session: Session, *, person_id: int | None = None, meeting_id: int | None = None) -> list[SeminarCredit]:
    """Return the guests' ledger of a person, or of a meeting, oldest first, with who decided."""
    query = select(SeminarCredit).options(joinedload(SeminarCredit.decided_by))
    if person_id is not None:
        query = query.where(SeminarCredit.person_id == person_id)
    if meeting_id is not None:
        query = query.where(SeminarCredit.meeting_id == meeting_id)
    return list(session.scalars(query.order_by(SeminarCredit.decided_at, SeminarCredit.id)))


def standing(entries: Sequence[SeminarCredit]) -> dict[int, SeminarCredit]:
    """Return those of ``entries`` that give hours and weren't taken back, by guest id."""
    reversed_ids = {entry.reverses_id for entry in entries}
    return {
        entry.guest_id: entry for entry in entries if entry.kind is EntryKind.CREDIT and entry.id not in reversed_ids
    }


def _guests(session: Session, meeting_id: int, guest_ids: Collection[int]) -> list[MeetingGuest]:
    guests = list(
        session.scalars(
            select(MeetingGuest)
            .where(MeetingGuest.id.in_(set(guest_ids)), MeetingGuest.meeting_id == meeting_id)
            .options(joinedload(MeetingGuest.person))
            .order_by(MeetingGuest.id)
            .execution_options(populate_existing=True)
        )
    )
    if len(guests) != len(set(guest_ids)):
        raise NotFound("no_such_guest", _l("There is no such guest."))
    if any(guest.presence is not Presence.PRESENT or guest.is_credited for guest in guests):
        raise Conflict(
            "guest_not_due",
            _l("Hours are credited once, and only to guests whose presence is confirmed."),
            remedy=_l("Reload the page to see how things stand."),
            field="credit",
        )
    return guests


def _evidence(session: Session, meeting: Meeting, guest: MeetingGuest) -> dict[str, Any]:
    """Return what the hours rest on, as JSON: hours as a decimal string, times in UTC (ISO 8601)."""
    version = meeting.intake.version
    site = version.programme.site
    confirmer = session.get(Person, guest.confirmed_by_id) if guest.confirmed_by_id is not None else None
    return {
        "meeting": {
            "id": meeting.id,
            "topic": meeting.topic.title,
            "form": meeting.form.value,
            "mode": meeting.mode.value,
            "starts_at": meeting.starts_at.isoformat(),
            "ends_at": meeting.ends_at.isoformat(),
            "minutes": meeting.minutes,
            "hours": _plain(meeting.hours),
        },
        "programme": {"version_id": version.id, "number": version.number, "title": version.title},
        "site": {"id": site.id, "organisation": site.organisation.label, "direction": site.direction},
        "minutes_joined": guest.minutes_joined,
        "confirmed_by": confirmer.full_name if confirmer else None,
        "confirmed_by_id": guest.confirmed_by_id,
        "confirmed_at": guest.confirmed_at.isoformat() if guest.confirmed_at else None,
    }


def _put_down(session: Session, entry: SeminarCredit, actor: Actor, now: datetime, *, action: str) -> None:
    session.add(entry)
    session.flush()
    sign = "" if entry.kind is EntryKind.CREDIT else "-"
    changes = {"hours": [None, f"{sign}{_plain(entry.hours)}"], "guest": [None, entry.guest_id]}
    audit.record(session, actor=actor, now=now, action=action, on=entry, changes=changes)


def _plain(hours: Decimal) -> str:
    return f"{hours.normalize():f}"
