"""Rooms on a server, from the first who comes to the end: who makes them, what is kept of that.

The network is never asked here. ``claim`` lets one request at a time try to make a room; it asks the server between two
transactions and puts down what came of it (docs/decisions/0006).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from lti_app.core.db import insert_for
from lti_app.core.errors import Conflict, DomainError, Unavailable
from lti_app.meetings.bigbluebutton import BigBlueButtonError, Made
from lti_app.meetings.models import Meeting, RoomKind
from lti_app.meetings.room_models import RoomOpening, RoomServer
from lti_app.meetings.rooms.bigbluebutton import BigBlueButtonRoom, bigbluebutton_room
from lti_app.meetings.rooms.provider import LinkRoom, Room, RoomsOffice

TRIES_FOR = timedelta(seconds=10)
"""How long one request may take to make a room before another one tries; a call ends within 5 s."""
RESTS_FOR = timedelta(seconds=5)
"""How long nobody but the host tries after a failure."""


class RoomNotReady(Conflict):
    """Say that the room is being made. ``mine``: whoever is told so has the claim, and is to make it now."""

    def __init__(self, room: Room, meeting_id: int, *, mine: bool) -> None:
        super().__init__(
            "room_not_ready",
            _l("The room is being opened."),
            remedy=_l("Wait a moment: this page tries again by itself."),
        )
        self.room = room
        self.meeting_id = meeting_id
        self.mine = mine


def room_of(session: Session, meeting: Meeting, office: RoomsOffice) -> tuple[Room, RoomOpening | None]:
    """Return a distance meeting's room, and what is kept of its opening. Raises Conflict where its server is unknown.

    One query where it is on a server, none for a link.
    """
    if meeting.room_kind is not RoomKind.BIGBLUEBUTTON:
        return LinkRoom(meeting.room_url or ""), None
    server, opening = server_of(session, meeting)
    return bigbluebutton_room(office, meeting, server, opening), opening


def server_of(session: Session, meeting: Meeting) -> tuple[RoomServer, RoomOpening | None]:
    """Return the server of a meeting's room, and what is kept of its opening. Raises Conflict."""
    row = session.execute(
        select(RoomServer, RoomOpening)
        .outerjoin(RoomOpening, and_(RoomOpening.meeting_id == meeting.id, RoomOpening.server_id == RoomServer.id))
        .where(RoomServer.url == meeting.room_url)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise Conflict(
            "no_such_room_server",
            _l("The server of this meeting's room is not connected any more."),
            remedy=_l("The leader gives another room on the meeting's page."),
        )
    return row[0], row[1]


def require_open_room(
    session: Session, room: Room, opening: RoomOpening | None, meeting: Meeting, *, now: datetime
) -> None:
    """Refuse whoever comes to a room that is not there.

    Raises Conflict where the host has ended it; RoomNotReady where it is still to be made, with the claim where nobody
    else has it.
    """
    if room.is_open:
        return
    if opening is not None and opening.ended_at is not None:
        raise Conflict(
            "room_ended",
            _l("The host has ended the room."),
            remedy=_l("If the meeting goes on, the host opens it again; then press the button once more."),
        )
    is_free = opening is None or opening.tried_until is None or opening.tried_until <= now
    mine = is_free and claim(session, meeting, now=now)
    raise RoomNotReady(room, meeting.id, mine=mine)


def claim(session: Session, meeting: Meeting, *, now: datetime, by_host: bool = False) -> bool:
    """Take the right to make a meeting's room; it lapses after ten seconds. The host waits for nobody.

    Returns False where somebody else has it. Raises Conflict where the server is unknown.
    """
    server, opening = server_of(session, meeting)
    until = now + TRIES_FOR
    if opening is None:
        # A row of another server is of the time before the meeting's room was changed.
        session.execute(
            update(RoomOpening)
            .where(RoomOpening.meeting_id == meeting.id, RoomOpening.server_id != server.id)
            .values(server_id=server.id, **NOTHING)
        )
        statement = insert_for(session, RoomOpening).on_conflict_do_nothing()
        session.execute(statement, [{"meeting_id": meeting.id, "server_id": server.id}])
    free = or_(RoomOpening.tried_until.is_(None), RoomOpening.tried_until <= now)
    taken = session.execute(
        update(RoomOpening)
        .where(RoomOpening.meeting_id == meeting.id, *(() if by_host else (free, RoomOpening.opened_at.is_(None))))
        .values(tried_until=until)
    )
    return bool(getattr(taken, "rowcount", 0))


NOTHING: dict[str, None] = {
    "tried_until": None,
    "create_time": None,
    "opened_at": None,
    "ended_at": None,
    "last_error": None,
}
"""What is kept of a room that nobody has tried to make yet."""


def note_made(session: Session, *, meeting_id: int, made: Made, now: datetime) -> None:
    """Put down that the room is there: from now on nobody asks the server to enter it."""
    session.execute(
        update(RoomOpening)
        .where(RoomOpening.meeting_id == meeting_id)
        .values(create_time=made.create_time, opened_at=now, ended_at=None, tried_until=None, last_error=None)
    )


def note_failure(session: Session, *, meeting_id: int, error: BigBlueButtonError, now: datetime) -> None:
    """Put down that the room could not be made: the next one tries a few seconds later."""
    session.execute(
        update(RoomOpening)
        .where(RoomOpening.meeting_id == meeting_id, RoomOpening.opened_at.is_(None))
        .values(tried_until=now + RESTS_FOR, last_error=error.code)
    )


def strangers_at(session: Session, meeting: Meeting) -> int:
    """Return of how many people the room's server told whom the intake doesn't know; no query for a link."""
    if meeting.room_kind is not RoomKind.BIGBLUEBUTTON:
        return 0
    return session.scalar(select(RoomOpening.strangers).where(RoomOpening.meeting_id == meeting.id)) or 0


def server_away(error: BigBlueButtonError) -> Unavailable:
    """Return what the host is told where the server fails."""
    return Unavailable(
        error.code,
        _l("The server of the room does not answer as it should."),
        remedy=_l(
            "Nothing is lost: try again in a minute. If it lasts, give another room on the meeting's page and tell "
            "the administrator (rooms check)."
        ),
    )


def require_server_room(room: Room) -> BigBlueButtonRoom:
    """Return the room if it is one on a server. Raises DomainError for a link, which nobody here can end."""
    if not isinstance(room, BigBlueButtonRoom):
        raise DomainError(
            "room_is_a_link",
            _l("This room is an address from elsewhere: it can't be ended from here."),
            remedy=_l("End it where it was made."),
        )
    return room
