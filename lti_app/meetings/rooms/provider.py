"""What a room has to do for a meeting, and how the installation's rooms are found."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Protocol

from itsdangerous import BadSignature, URLSafeSerializer

from lti_app.core.vault import Vault
from lti_app.meetings.bigbluebutton import Made
from lti_app.meetings.stays import USUAL, StayRules

CALLBACK_SALT = "room-callback"


@dataclass(frozen=True)
class Visitor:
    """Say who comes into a room: their name, an id that says nothing to others, and whether they host it."""

    name: str
    user_id: str
    is_host: bool = False


class Room(Protocol):
    """A meeting's room, as it stands now."""

    @property
    def is_open(self) -> bool:
        """Tell whether it is there, so that ``address`` leads into it."""

    def address(self, visitor: Visitor) -> str:
        """Return the address by which a visitor enters. No network."""

    def make(self) -> Made:
        """Make the room on its server, or find it made. Asks the network; raises BigBlueButtonError."""

    def end(self) -> None:
        """Send everybody out and close it. Asks the network; raises BigBlueButtonError."""

    def is_there(self) -> bool:
        """Tell whether the server has the room. Asks the network; raises BigBlueButtonError."""


@dataclass(frozen=True)
class RoomsOffice:
    """Hold what rooms are made from: keys for what is sealed, where callbacks come to, when rooms open."""

    vault: Vault
    secret_key: str = field(repr=False)
    public_url: str
    rules: StayRules = USUAL

    def room_key(self, meeting_id: int) -> str:
        """Return the name of a meeting's room on a server: always the same, and nobody guesses it."""
        return self._digest(f"room {meeting_id}")

    def trainee_key(self, meeting_id: int, trainee_id: int) -> str:
        """Return what a trainee is called in a room, to know them again in what the server tells."""
        return self._digest(f"trainee {trainee_id} in {meeting_id}")

    def guest_key(self, meeting_id: int, guest_id: int) -> str:
        """Return what a guest is called in a room."""
        return self._digest(f"guest {guest_id} in {meeting_id}")

    def host_key(self, meeting_id: int, person_id: int) -> str:
        """Return what a host is called in a room."""
        return self._digest(f"host {person_id} of {meeting_id}")

    def callback(self, meeting_id: int, server_id: int) -> str:
        """Return the sealed part of the addresses to which a server tells of a meeting's room."""
        return str(self._sealer().dumps([meeting_id, server_id]))

    def opened_callback(self, token: str) -> tuple[int, int] | None:
        """Return meeting id and server id of a sealed part, or None where it isn't ours."""
        try:
            meeting_id, server_id = self._sealer().loads(token)
            return int(meeting_id), int(server_id)
        except (BadSignature, TypeError, ValueError):
            return None

    def _sealer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret_key, salt=CALLBACK_SALT)

    def _digest(self, text: str) -> str:
        return hmac.new(self.secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()[:40]


@dataclass(frozen=True)
class LinkRoom:
    """A room behind an address that somebody made: there is nothing to make and nothing to end."""

    url: str
    is_open: bool = True

    def address(self, visitor: Visitor) -> str:
        """Return the address as it is: it knows no names."""
        return self.url

    def make(self) -> Made:
        """Do nothing."""
        return Made(0)

    def end(self) -> None:
        """Do nothing."""

    def is_there(self) -> bool:
        """Say that it is: nobody knows better."""
        return True
