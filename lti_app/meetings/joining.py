"""Into the room of a distance meeting and out of it: who may, when, and what is noted of it.

A thousand people come within a minute: joining is a query for everything that is known, and an insert.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from lti_app.core.db import insert_for
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.meetings.models import GuestState, JoinLog, Meeting, MeetingGuest, StaySource
from lti_app.meetings.rooms.opening import require_open_room, room_of
from lti_app.meetings.rooms.provider import RoomsOffice, Visitor
from lti_app.meetings.stays import USUAL, StayRules, opens_at
from lti_app.programmes.models import Mode


@dataclass(frozen=True)
class Place:
    """Say who somebody is at a meeting: a trainee of its intake, or a guest with a place."""

    meeting: Meeting
    trainee_id: int | None
    guest_id: int | None

    @property
    def whose(self) -> dict[str, int | None]:
        """Return the columns that name the person in rows of the meeting."""
        return {"trainee_id": self.trainee_id, "guest_id": self.guest_id}

    def owns(self, row: Any) -> ColumnElement[bool]:
        """Return the condition that picks this person's rows of ``row``, a table with both columns."""
        if self.trainee_id is not None:
            return and_(row.meeting_id == self.meeting.id, row.trainee_id == self.trainee_id)
        return row.guest_id == self.guest_id  # type: ignore[no-any-return]


def find_place(session: Session, meeting_id: int, actor: Actor) -> Place:
    """Return the place that ``actor`` has at a meeting; one query.

    Raises NotFound, Forbidden to who is no trainee of the intake and no guest with a place, or where the meeting is
    another trainee's alone.
    """
    row = session.execute(
        select(Meeting, Trainee.id, MeetingGuest.id)
        .outerjoin(
            Trainee,
            and_(
                Trainee.intake_id == Meeting.intake_id,
                Trainee.person_id == actor.person_id,
                Trainee.state == TraineeState.ENROLLED,
            ),
        )
        .outerjoin(
            MeetingGuest,
            and_(
                MeetingGuest.meeting_id == Meeting.id,
                MeetingGuest.person_id == actor.person_id,
                MeetingGuest.state == GuestState.SIGNED_UP,
            ),
        )
        .where(Meeting.id == meeting_id)
    ).one_or_none()
    if row is None:
        raise NotFound("no_such_meeting", _l("There is no such meeting."))
    meeting, trainee_id, guest_id = row
    if meeting.only_for_id is not None and meeting.only_for_id != trainee_id:
        raise Forbidden(
            "not_your_meeting",
            _l("This meeting is with one trainee alone."),
            remedy=_l("Only that trainee and the leader of the site may join."),
            clause="4.2",
        )
    if trainee_id is None and guest_id is None:
        raise Forbidden(
            "not_your_intake",
            _l("You are not a trainee of this intake."),
            remedy=_l("Only its trainees may join; ask the leader of the site for a place."),
            clause="4.2",
        )
    return Place(meeting, trainee_id, None if trainee_id is not None else guest_id)


def join(
    session: Session,
    *,
    meeting_id: int,
    actor: Actor,
    now: datetime,
    office: RoomsOffice | None = None,
    rules: StayRules = USUAL,
) -> str:
    """Let a trainee or a guest into a distance meeting and note when; return the address by which they enter.

    A second visit while still inside changes nothing. Raises NotFound, Forbidden to who has no place there, Conflict
    outside of the time from shortly before until the end, DomainError for a meeting on site; RoomNotReady where its
    room is still to be made: then nothing is noted yet. ``office`` is needed for rooms on a server.
    """
    place = find_place(session, meeting_id, actor)
    meeting = place.meeting
    require_room(meeting)
    require_open_time(meeting, now, rules if office is None else office.rules)
    if office is None:
        address = meeting.room_url or ""
    else:
        room, opening = room_of(session, meeting, office)
        require_open_room(session, room, opening, meeting, now=now)
        address = room.address(Visitor(actor.name, _key_of(office, place)))
    note_joining(session, place, now)
    return address


def leave(session: Session, *, meeting_id: int, actor: Actor, now: datetime) -> Place:
    """Note that somebody has left; nothing happens to who is not inside. Raises NotFound, Forbidden."""
    place = find_place(session, meeting_id, actor)
    for stay in open_stays(session, place):
        close(stay, place.meeting, now, "self")
    return place


def require_room(meeting: Meeting) -> None:
    """Raise DomainError for a meeting on site: there is no room to join."""
    if meeting.mode is not Mode.DISTANCE or meeting.room_url is None:
        raise DomainError(
            "meeting_on_site",
            _l("This meeting takes place on site; there is no room to join."),
            remedy=_l("The leader confirms who was there."),
            clause="5.1",
        )


def require_open_time(meeting: Meeting, now: datetime, rules: StayRules) -> None:
    """Raise Conflict before the room opens, after the end, and where the meeting is cancelled."""
    opens = opens_at(meeting, rules=rules)
    if opens is None:
        raise Conflict("meeting_cancelled", _l("This meeting has been cancelled."))
    if now < opens:
        minutes = int(rules.opens_before.total_seconds() // 60)
        raise Conflict(
            "room_not_open_yet",
            lazy_ngettext(
                "The room opens %(num)s minute before the meeting.",
                "The room opens %(num)s minutes before the meeting.",
                minutes,
            )
            if minutes
            else _l("The room opens when the meeting begins."),
            remedy=_l("Come back then and press the button once more."),
        )
    if now >= meeting.ends_at:
        raise Conflict("meeting_ended", _l("This meeting has ended."))


def note_joining(session: Session, place: Place, now: datetime) -> None:
    """Open a stay, unless one is open. Two presses at once are one stay: the unique index decides between them."""
    last_left, is_inside = session.execute(
        select(func.max(JoinLog.left_at), func.count().filter(JoinLog.left_at.is_(None))).where(
            place.owns(JoinLog), JoinLog.source == StaySource.TOOL
        )
    ).one()
    if is_inside:
        if open_stays(session, place):  # waits for a leaving that is under way
            return
        last_left = session.scalar(
            select(func.max(JoinLog.left_at)).where(place.owns(JoinLog), JoinLog.source == StaySource.TOOL)
        )
    # After the last stay, even if the clock was set back in between: stays of one source never overlap.
    joined_at = now if last_left is None else max(now, last_left)
    session.execute(
        insert_for(session, JoinLog).on_conflict_do_nothing(),
        [{"meeting_id": place.meeting.id, **place.whose, "source": StaySource.TOOL, "joined_at": joined_at}],
    )


def open_stays(session: Session, place: Place) -> list[JoinLog]:
    """Return the stays that somebody has not left, locked."""
    return list(
        session.scalars(select(JoinLog).where(place.owns(JoinLog), JoinLog.left_at.is_(None)).with_for_update())
    )


def close(stay: JoinLog, meeting: Meeting, at: datetime, how: str) -> None:
    """End a stay.

    Who leaves after the end was there until the end; a stay never ends before it began (the clock may be set back, or
    the meeting moved).
    """
    stay.left_at = max(stay.joined_at, min(at, meeting.ends_at))
    stay.left_how = how


def _key_of(office: RoomsOffice, place: Place) -> str:
    if place.trainee_id is not None:
        return office.trainee_key(place.meeting.id, place.trainee_id)
    return office.guest_key(place.meeting.id, place.guest_id or 0)
