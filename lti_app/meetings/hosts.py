"""Who holds a meeting: into its room as moderator, and the end of the room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core import audit
from lti_app.core.errors import Forbidden
from lti_app.core.permissions import Actor, Permission
from lti_app.meetings.joining import require_open_time, require_room
from lti_app.meetings.models import Meeting
from lti_app.meetings.rooms.bigbluebutton import BigBlueButtonRoom
from lti_app.meetings.rooms.opening import claim, require_server_room, room_of
from lti_app.meetings.rooms.provider import Room, RoomsOffice, Visitor
from lti_app.meetings.service import find_meeting, person_of


def is_host(meeting: Meeting, actor: Actor) -> bool:
    """Tell whether ``actor`` holds the meeting: named there, or the leader of the site."""
    leads = meeting.intake.version.programme.site_id in actor.led_site_ids and actor.may(Permission.RUN_INTAKES)
    return leads or (actor.person_id is not None and meeting.host_id == actor.person_id)


def require_host(session: Session, *, meeting_id: int, actor: Actor) -> Meeting:
    """Return a meeting to its host. Raises NotFound, Forbidden."""
    meeting = find_meeting(session, meeting_id)
    if not is_host(meeting, actor):
        raise Forbidden(
            "not_the_host",
            _l("You do not hold this meeting."),
            remedy=_l("Its page is open to the leader of the site and to the host named in the schedule."),
            clause="4.1",
        )
    return meeting


@dataclass(frozen=True)
class HostDoor:
    """Hold the room that a host goes into, and as whom."""

    room: Room
    visitor: Visitor

    @property
    def is_on_server(self) -> bool:
        """Tell whether the server is to be asked first: making the room again finds it, or mends what it lost."""
        return isinstance(self.room, BigBlueButtonRoom)

    def address(self) -> str:
        """Return the address by which the host enters."""
        return self.room.address(self.visitor)


def host_door(session: Session, *, meeting_id: int, actor: Actor, now: datetime, office: RoomsOffice) -> HostDoor:
    """Let the host to the room, as moderator where the room knows such; it is no stay of a trainee.

    Raises NotFound, Forbidden, Conflict outside of the time in which rooms are open, DomainError on site.
    """
    meeting = require_host(session, meeting_id=meeting_id, actor=actor)
    require_room(meeting)
    require_open_time(meeting, now, office.rules)
    room, _opening = room_of(session, meeting, office)
    return HostDoor(room, Visitor(actor.name, office.host_key(meeting.id, person_of(actor)), is_host=True))


def claim_for_host(session: Session, *, meeting_id: int, now: datetime) -> None:
    """Let nobody else try to make the room while the host does. Raises NotFound, Conflict."""
    claim(session, find_meeting(session, meeting_id), now=now, by_host=True)


def room_to_end(
    session: Session, *, meeting_id: int, actor: Actor, now: datetime, office: RoomsOffice
) -> BigBlueButtonRoom:
    """Return the room that the host wants to end, and record who does.

    Raises NotFound, Forbidden, DomainError for a room that can't be ended from here.
    """
    meeting = require_host(session, meeting_id=meeting_id, actor=actor)
    require_room(meeting)
    found, _opening = room_of(session, meeting, office)
    room = require_server_room(found)
    audit.record(session, actor=actor, now=now, action="end_room", on=meeting)
    return room
