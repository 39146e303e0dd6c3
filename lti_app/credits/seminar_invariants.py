"""What must always hold of the hours of guests."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from lti_app.core.invariants import Check
from lti_app.credits.models import EntryKind
from lti_app.credits.seminar_models import SeminarCredit
from lti_app.meetings.models import MeetingGuest


def hours_at_odds_with_guests(session: Session) -> Iterator[str]:
    """Find guests who are held by no hours, whose hours hold nothing, or who have the hours twice."""
    reversal = aliased(SeminarCredit)
    standing: dict[int, int] = {}
    for guest_id in session.scalars(
        select(SeminarCredit.guest_id)
        .outerjoin(reversal, reversal.reverses_id == SeminarCredit.id)
        .where(SeminarCredit.kind == EntryKind.CREDIT, reversal.id.is_(None))
    ):
        standing[guest_id] = standing.get(guest_id, 0) + 1
    held = set(session.scalars(select(MeetingGuest.id).where(MeetingGuest.is_credited)))
    for guest_id, number in sorted(standing.items()):
        if number > 1:
            yield f"guest {guest_id} has the hours {number} times"
        if guest_id not in held:
            yield f"hours of guest {guest_id} rest on a presence that is not held"
    for guest_id in sorted(held - set(standing)):
        yield f"presence of guest {guest_id} is held, and no hours rest on it"


def reversals_that_do_not_match(session: Session) -> Iterator[str]:
    """Find reversals of other hours, of another guest or of a reversal."""
    taken_back = aliased(SeminarCredit)
    for reversal_id, credit_id in session.execute(
        select(SeminarCredit.id, taken_back.id)
        .join(taken_back, taken_back.id == SeminarCredit.reverses_id)
        .where(
            or_(
                SeminarCredit.hours != taken_back.hours,
                SeminarCredit.guest_id != taken_back.guest_id,
                taken_back.kind != EntryKind.CREDIT,
            )
        )
        .order_by(SeminarCredit.id)
    ):
        yield f"entry {reversal_id} does not take back what entry {credit_id} gave"


def entries_of_somebody_else(session: Session) -> Iterator[str]:
    """Find entries of another person or another meeting than their guest's."""
    for entry_id, guest_id in session.execute(
        select(SeminarCredit.id, MeetingGuest.id)
        .join(MeetingGuest, MeetingGuest.id == SeminarCredit.guest_id)
        .where(
            or_(
                MeetingGuest.person_id != SeminarCredit.person_id,
                MeetingGuest.meeting_id != SeminarCredit.meeting_id,
            )
        )
        .order_by(SeminarCredit.id)
    ):
        yield f"entry {entry_id} is not of the person and meeting of guest {guest_id}"


CHECKS = (
    Check("a guest's presence is held exactly while hours rest on it, once", hours_at_odds_with_guests),
    Check("a reversal of a guest's hours takes back just what was given", reversals_that_do_not_match),
    Check("a guest's hours name the guest's person and meeting", entries_of_somebody_else),
)
