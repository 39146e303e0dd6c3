"""Rooms on a BigBlueButton server, made on demand."""

from __future__ import annotations

from dataclasses import dataclass

from lti_app.meetings.bigbluebutton import Made, Server
from lti_app.meetings.models import Meeting
from lti_app.meetings.room_models import RoomOpening, RoomServer
from lti_app.meetings.rooms.provider import RoomsOffice, Visitor

GRACE_MINUTES = 30
"""How long a room outlives the end of its meeting: the server ends it then, if nobody did."""
LONGEST_NAME = 120


@dataclass(frozen=True)
class BigBlueButtonRoom:
    """A meeting's room on a server. ``create_time`` is None until it has been made."""

    office: RoomsOffice
    meeting: Meeting
    server_id: int
    server: Server
    create_time: int | None

    @property
    def key(self) -> str:
        """Return what the room is called on the server."""
        return self.office.room_key(self.meeting.id)

    @property
    def is_open(self) -> bool:
        """Tell whether the room has been made and has not ended."""
        return self.create_time is not None

    def address(self, visitor: Visitor) -> str:
        """Return the signed address for one visitor, good for the room of this very ``create_time``."""
        return self.server.address(
            "join",
            {
                "fullName": visitor.name,
                "meetingID": self.key,
                "role": "MODERATOR" if visitor.is_host else "VIEWER",
                "userID": visitor.user_id,
                "createTime": str(self.create_time),
            },
        )

    def making(self) -> dict[str, str]:
        """Return the parameters of ``create``: always the same for a meeting, so that it may be called again."""
        minutes = int(self.office.rules.opens_before.total_seconds() // 60) + self.meeting.minutes + GRACE_MINUTES
        callbacks = f"{self.office.public_url}/rooms/{self.office.callback(self.meeting.id, self.server_id)}"
        return {
            "name": self.meeting.topic.title[:LONGEST_NAME],
            "meetingID": self.key,
            "record": "false",
            "duration": str(minutes),
            # A room that is empty for a while must not end: who comes then would find nothing.
            "meetingExpireIfNoUserJoinedInMinutes": str(minutes),
            "meetingExpireWhenLastUserLeftInMinutes": str(minutes),
            "logoutURL": f"{self.office.public_url}/rooms/left",
            # Without it a server forgets a meeting that isn't recorded, and has nothing to tell.
            "meetingKeepEvents": "true",
            "meta_endCallbackUrl": f"{callbacks}/ended",
            "meta_analytics-callback-url": f"{callbacks}/attendance",
        }

    def make(self) -> Made:
        """Make the room, or find it made. Raises BigBlueButtonError."""
        return self.server.create(self.making())

    def end(self) -> None:
        """End the room. Raises BigBlueButtonError."""
        self.server.end(self.key)

    def is_there(self) -> bool:
        """Tell whether the server has the room. Raises BigBlueButtonError."""
        return self.server.is_there(self.key)


def bigbluebutton_room(
    office: RoomsOffice, meeting: Meeting, server: RoomServer, opening: RoomOpening | None
) -> BigBlueButtonRoom:
    """Return the room of a meeting on ``server``."""
    return BigBlueButtonRoom(
        office,
        meeting,
        server.id,
        Server(server.url, office.vault.open(server.secret_encrypted), server.checksum),
        opening.create_time if opening else None,
    )
