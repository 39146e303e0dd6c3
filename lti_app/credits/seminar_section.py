"""The guests on the leader's page of a meeting: who signed up, who came, what is confirmed and credited. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased, joinedload

from lti_app.core.permissions import Actor
from lti_app.credits.cards import Stay
from lti_app.credits.models import EntryKind
from lti_app.credits.seminar_models import SeminarCredit
from lti_app.credits.seminars import entries_of, standing
from lti_app.meetings.checks import checks_of
from lti_app.meetings.guest_lists import Correction, corrections_shown
from lti_app.meetings.guest_presence import corrections_of, guest_spans
from lti_app.meetings.guests import may_stand_open
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState, Presence
from lti_app.meetings.onsite_models import Arrival
from lti_app.meetings.service import find_meeting
from lti_app.meetings.stays import NO_CHECKS, USUAL, StayRules, minutes_inside, suggest_presence
from lti_app.people.models import Person


@dataclass(frozen=True)
class GuestRow:
    """Show the leader one guest who has a place, or waits for one."""

    guest_id: int
    name: str
    organisation: str | None
    queued_at: datetime
    stays: tuple[Stay, ...]
    minutes_joined: int | None
    arrived_at: datetime | None
    """On site, by the code on the host's screen or the host's mark."""
    suggested: Presence | None
    presence: Presence | None
    confirmed_at: datetime | None
    confirmed_by: str | None
    credit_id: int | None
    """The entry of the guests' ledger that stands."""
    corrections: tuple[Correction, ...]

    @property
    def came_later(self) -> bool:
        """Tell whether the leader's word was absent, and this guest joined after it."""
        return self.presence is Presence.ABSENT and any(
            self.confirmed_at is not None and stay.joined_at > self.confirmed_at for stay in self.stays
        )

    @property
    def is_due(self) -> bool:
        """Tell whether hours may be credited."""
        return self.presence is Presence.PRESENT and self.credit_id is None


@dataclass(frozen=True)
class RefusedGuests:
    """Keep what a refused form about guests said. ``form``: attendance, credit, or empty for none."""

    form: str = ""
    ticked: frozenset[int] = frozenset()
    reason: str = ""


NOTHING_REFUSED = RefusedGuests()


@dataclass(frozen=True)
class TakenBack:
    """Show a reversal of a guest's hours."""

    name: str
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True)
class GuestSection:
    """Show the leader who from outside may come to a meeting, and who did."""

    is_open: bool
    may_be_opened: bool
    """Before the start, of a published intake, not individual."""
    places: int | None
    guests: tuple[GuestRow, ...]
    waiting: tuple[GuestRow, ...]
    has_begun: bool
    is_over: bool
    can_confirm: bool
    taken_back: tuple[TakenBack, ...]

    @property
    def due(self) -> tuple[GuestRow, ...]:
        """Return the guests whose hours can be credited now."""
        return tuple(row for row in self.guests if row.is_due) if self.is_over and self.can_confirm else ()

    @property
    def is_settled(self) -> bool:
        """Tell whether the leader's word stands for every guest."""
        return all(row.presence is not None for row in self.guests)

    @property
    def all_credited(self) -> bool:
        """Tell whether every guest has the hours, so that no mark can be changed."""
        return all(row.credit_id is not None for row in self.guests)

    @property
    def last_word(self) -> tuple[datetime, str] | None:
        """Return when the list was confirmed or corrected last, and by whom."""
        return max(
            ((row.confirmed_at, row.confirmed_by) for row in self.guests if row.confirmed_at and row.confirmed_by),
            default=None,
        )

    @property
    def preselected(self) -> set[int]:
        """Return who is ticked at first: as confirmed, else as arrivals and the join log suggest."""
        return {row.guest_id for row in self.guests if (row.presence or row.suggested) is Presence.PRESENT}


def guest_section(
    session: Session, *, meeting_id: int, actor: Actor, now: datetime, rules: StayRules = USUAL
) -> GuestSection:
    """Return the guests of a meeting. Raises NotFound, or Forbidden to who does not lead its site (4.1)."""
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    rows = _rows(session, meeting, now, rules) if meeting.is_open else []
    has_begun = now >= meeting.starts_at
    return GuestSection(
        is_open=meeting.is_open,
        may_be_opened=not has_begun and may_stand_open(meeting),
        places=meeting.guest_places,
        guests=tuple(row for row, state in rows if state is GuestState.SIGNED_UP),
        waiting=tuple(row for row, state in rows if state is GuestState.WAITING),
        has_begun=has_begun,
        is_over=now >= meeting.ends_at,
        can_confirm=has_begun and meeting.state is not MeetingState.CANCELLED,
        taken_back=_taken_back(session, meeting.id) if rows else (),
    )


def _rows(session: Session, meeting: Meeting, now: datetime, rules: StayRules) -> list[tuple[GuestRow, GuestState]]:
    confirmer = aliased(Person)
    found = session.execute(
        select(MeetingGuest, confirmer, Arrival.at)
        .outerjoin(confirmer, confirmer.id == MeetingGuest.confirmed_by_id)
        .outerjoin(Arrival, Arrival.guest_id == MeetingGuest.id)
        .where(MeetingGuest.meeting_id == meeting.id, MeetingGuest.state != GuestState.CANCELLED)
        .options(joinedload(MeetingGuest.person).joinedload(Person.organisation))
        .order_by(MeetingGuest.queued_at, MeetingGuest.id)
    ).all()
    spans = guest_spans(session, meeting.id)
    checks = checks_of(session, [meeting.id], now, of_guests=True).get(meeting.id, {})
    credits = standing(entries_of(session, meeting_id=meeting.id))
    corrections = corrections_of(session, [guest.id for guest, *_rest in found])
    rows = []
    for guest, by, arrived_at in found:
        own = spans.get(guest.id, [])
        minutes = minutes_inside(meeting, own, now)
        answered = checks.get(guest.id, checks.get(None, NO_CHECKS))
        credit = credits.get(guest.id)
        row = GuestRow(
            guest_id=guest.id,
            name=guest.person.full_name,
            organisation=guest.person.organisation.label if guest.person.organisation else None,
            queued_at=guest.queued_at,
            stays=tuple(Stay(joined, left, None) for joined, left in own),
            minutes_joined=minutes,
            arrived_at=arrived_at,
            suggested=Presence.PRESENT
            if arrived_at
            else suggest_presence(meeting, minutes, now, rules=rules, checks=answered),
            presence=guest.presence,
            confirmed_at=guest.confirmed_at,
            confirmed_by=by.full_name if by else None,
            credit_id=credit.id if credit else None,
            corrections=corrections_shown(corrections.get(guest.id, ())),
        )
        rows.append((row, guest.state))
    return rows


def _taken_back(session: Session, meeting_id: int) -> tuple[TakenBack, ...]:
    entries = session.scalars(
        select(SeminarCredit)
        .where(SeminarCredit.meeting_id == meeting_id, SeminarCredit.kind == EntryKind.REVERSAL)
        .options(joinedload(SeminarCredit.person), joinedload(SeminarCredit.decided_by))
        .order_by(SeminarCredit.id)
    )
    return tuple(
        TakenBack(
            name=entry.person.full_name,
            at=entry.decided_at,
            by=entry.decided_by.full_name,
            reason=entry.reason or "",
        )
        for entry in entries
    )
