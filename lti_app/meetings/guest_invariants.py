"""What must always hold of the guests of open meetings."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from lti_app.core.invariants import Check
from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Attendance, GuestState, JoinLog, Meeting, MeetingGuest, Presence


def more_guests_than_places(session: Session) -> Iterator[str]:
    """Find meetings with more guests signed up than places for them."""
    for meeting_id, places, taken in session.execute(
        select(Meeting.id, Meeting.guest_places, func.count())
        .join(MeetingGuest, MeetingGuest.meeting_id == Meeting.id)
        .where(MeetingGuest.state == GuestState.SIGNED_UP)
        .group_by(Meeting.id, Meeting.guest_places)
        .having(func.count() > Meeting.guest_places)
        .order_by(Meeting.id)
    ):
        yield f"meeting {meeting_id} has {taken} guests on {places} places"


def waiting_beside_free_places(session: Session) -> Iterator[str]:
    """Find guests who wait though a place is free: after the start no place becomes free any more."""
    other = aliased(MeetingGuest)
    taken = (
        select(func.count())
        .where(other.meeting_id == Meeting.id, other.state == GuestState.SIGNED_UP)
        .correlate(Meeting)
        .scalar_subquery()
    )
    for guest_id, meeting_id in session.execute(
        select(MeetingGuest.id, Meeting.id)
        .join(Meeting, Meeting.id == MeetingGuest.meeting_id)
        .where(
            MeetingGuest.state == GuestState.WAITING,
            or_(Meeting.guest_places.is_(None), taken < Meeting.guest_places),
        )
        .order_by(MeetingGuest.id)
    ):
        yield f"guest {guest_id} waits for meeting {meeting_id}, which has a free place"


def present_twice(session: Session) -> Iterator[str]:
    """Find people who were present at one meeting both as a guest and as a trainee: hours would count twice."""
    for guest_id, trainee_id in session.execute(
        select(MeetingGuest.id, Trainee.id)
        .join(Meeting, Meeting.id == MeetingGuest.meeting_id)
        .join(
            Trainee,
            and_(Trainee.person_id == MeetingGuest.person_id, Trainee.intake_id == Meeting.intake_id),
        )
        .join(Attendance, and_(Attendance.trainee_id == Trainee.id, Attendance.meeting_id == Meeting.id))
        .where(MeetingGuest.presence == Presence.PRESENT, Attendance.presence == Presence.PRESENT)
        .order_by(MeetingGuest.id)
    ):
        yield f"guest {guest_id} was present as trainee {trainee_id}, too"


def guests_of_closed_meetings(session: Session) -> Iterator[str]:
    """Find guests of meetings that aren't open, or are for one trainee alone."""
    for guest_id, meeting_id in session.execute(
        select(MeetingGuest.id, Meeting.id)
        .join(Meeting, Meeting.id == MeetingGuest.meeting_id)
        .where(
            MeetingGuest.state != GuestState.CANCELLED,
            or_(Meeting.is_open.is_(False), Meeting.only_for_id.is_not(None)),
        )
        .order_by(MeetingGuest.id)
    ):
        yield f"guest {guest_id} is signed up for meeting {meeting_id}, which is not open"


def stays_of_other_guests(session: Session) -> Iterator[str]:
    """Find stays of a guest in another meeting than the guest's, and such that overlap."""
    for stay_id, guest_id in session.execute(
        select(JoinLog.id, MeetingGuest.id)
        .join(MeetingGuest, MeetingGuest.id == JoinLog.guest_id)
        .where(MeetingGuest.meeting_id != JoinLog.meeting_id)
        .order_by(JoinLog.id)
    ):
        yield f"stay {stay_id} of guest {guest_id} is in another meeting"
    later = aliased(JoinLog)
    for first, second in session.execute(
        select(JoinLog.id, later.id)
        .join(later, and_(later.guest_id == JoinLog.guest_id, later.source == JoinLog.source))
        .where(
            or_(
                later.joined_at > JoinLog.joined_at,
                and_(later.joined_at == JoinLog.joined_at, later.id > JoinLog.id),
            ),
            or_(JoinLog.left_at.is_(None), later.joined_at < JoinLog.left_at),
        )
        .order_by(JoinLog.id, later.id)
    ):
        yield f"stays {first} and {second} overlap"


CHECKS = (
    Check("no meeting has more guests than places for them", more_guests_than_places),
    Check("guests wait only where all places are taken", waiting_beside_free_places),
    Check("nobody is present as a guest and as a trainee", present_twice),
    Check("guests are of open meetings", guests_of_closed_meetings),
    Check("stays of a guest are in the guest's meeting, one at a time", stays_of_other_guests),
)
