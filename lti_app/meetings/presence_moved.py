"""What is known of who was there, when a meeting moves: it is of the old time, and must not count at the new one."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from lti_app.meetings.arrival_codes import OPENS_BEFORE
from lti_app.meetings.joining import close
from lti_app.meetings.models import JoinLog, Meeting
from lti_app.meetings.onsite_models import Arrival
from lti_app.meetings.room_models import RoomOpening
from lti_app.meetings.rooms.opening import NOTHING

WAITED_FOR = timedelta(hours=1)
"""Who is in the room waits there for a meeting that begins so much later, and is still inside."""


def let_go_of_presence(session: Session, meeting: Meeting, to: datetime, *, now: datetime) -> None:
    """Close the stays that are open, forget arrivals of another time, and let the room be made anew.

    ``meeting`` is about to move to ``to`` (aware) and still says its old time. A stay that nobody ended would count as
    presence from the first minute of the new time on, an arrival would tick the leader's list. A room on a server that
    is still there is found again when somebody comes.
    """
    ends_at = to + timedelta(minutes=meeting.minutes)
    if not to - WAITED_FOR <= now < ends_at:
        for stay in session.scalars(
            select(JoinLog).where(JoinLog.meeting_id == meeting.id, JoinLog.left_at.is_(None)).with_for_update()
        ):
            close(stay, meeting, now, "leader")
    session.execute(
        delete(Arrival).where(
            Arrival.meeting_id == meeting.id, or_(Arrival.at < to - OPENS_BEFORE, Arrival.at >= ends_at)
        )
    )
    session.execute(update(RoomOpening).where(RoomOpening.meeting_id == meeting.id).values(**NOTHING))
    session.flush()
