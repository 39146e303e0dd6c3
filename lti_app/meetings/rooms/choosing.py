"""Which room a meeting has: an address that somebody made, or one on a server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.editing import differences, require_unchanged
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor
from lti_app.meetings.models import Meeting, MeetingState, RoomKind
from lti_app.meetings.planning import is_web_address
from lti_app.meetings.room_models import RoomOpening, RoomServer
from lti_app.meetings.service import find_meeting
from lti_app.programmes.models import Mode

FIELDS = {"room_kind": _l("Room"), "room_url": _l("Address of the room")}


def meeting_to_furnish(session: Session, *, meeting_id: int, actor: Actor) -> Meeting:
    """Return a meeting whose room its leader may choose. Raises NotFound, Forbidden, DomainError on site."""
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    if meeting.mode is not Mode.DISTANCE:
        raise DomainError(
            "meeting_on_site",
            _l("This meeting takes place on site; there is no room to join."),
            remedy=_l("A room is chosen for meetings at a distance."),
            clause="5.1",
        )
    return meeting


def choose_room(
    session: Session,
    *,
    meeting_id: int,
    server_id: int | None,
    url: str,
    seen: int | None,
    actor: Actor,
    now: datetime,
) -> saving.Saved:
    """Give a meeting a room on a server, or (``server_id`` None) behind the address ``url``.

    ``seen`` is the revision that the form was filled from. Raises NotFound, Forbidden (4.1), DomainError for a false
    address or server, Conflict where the meeting is over or cancelled, or its room on a server is open;
    EditedMeanwhile.
    """
    meeting = meeting_to_furnish(session, meeting_id=meeting_id, actor=actor)
    values: Mapping[str, Any]
    if server_id is None:
        url = url.strip()
        require_fitting(Meeting, {"room_url": url})
        if not is_web_address(url):
            raise DomainError(
                "no_link",
                _l("A meeting at a distance needs the link to its room."),
                remedy=_l("Give an address that begins with https:// (or http://)."),
                field="room_url",
            )
        values = {"room_kind": RoomKind.LINK, "room_url": url}
    else:
        server = session.get(RoomServer, server_id)
        if server is None:
            raise DomainError(
                "no_such_room_server",
                _l("There is no such server."),
                remedy=_l("Choose one of the list."),
                field="room",
            )
        values = {"room_kind": RoomKind.BIGBLUEBUTTON, "room_url": server.url}
    require_unchanged(session, meeting, seen, lambda: differences(meeting, values, FIELDS))
    if meeting.state is MeetingState.CANCELLED or now >= meeting.ends_at:
        raise Conflict(
            "meeting_is_over",
            _l("This meeting is over: its room can't be changed any more."),
            remedy=_l("Choose the room of a meeting that is still to come."),
        )
    opening = session.get(RoomOpening, meeting_id)
    if opening is not None and opening.opened_at is not None and values["room_url"] != meeting.room_url:
        raise Conflict(
            "room_is_open",
            _l("The room is open: people may be in it."),
            remedy=_l("End the room first, then choose another one."),
        )
    return saving.change(session, meeting, values, actor=actor, now=now, action="choose_room")
