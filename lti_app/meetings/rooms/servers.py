"""BigBlueButton servers that the installation knows, and which of them a meeting's room is on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_app.core import audit, saving
from lti_app.core.errors import DomainError
from lti_app.core.permissions import Actor
from lti_app.core.vault import Vault
from lti_app.meetings.bigbluebutton import base_address
from lti_app.meetings.models import Meeting, RoomKind
from lti_app.meetings.planning import is_web_address
from lti_app.meetings.room_models import ChecksumKind, RoomServer
from lti_app.programmes.models import Mode

LONGEST_NAME = 60
LONGEST_URL = 500
LONGEST_SECRET = 255
ASKED_FOR = frozenset({"bbb", "bigbluebutton"})
"""What a list of meetings says for a room on the usual server."""


def save_server(
    session: Session,
    vault: Vault,
    *,
    name: str,
    url: str,
    secret: str,
    kind: ChecksumKind | None = None,
    actor: Actor,
    now: datetime,
) -> saving.Saved:
    """Store a server under ``name``, or update what is stored; meetings in its rooms move with its address.

    Raises DomainError for a name, address or secret at fault.
    """
    url = base_address(url)
    if not name or len(name) > LONGEST_NAME:
        raise DomainError("server_name", f"the name must have 1 to {LONGEST_NAME} characters", field="name")
    if not is_web_address(url) or len(url) > LONGEST_URL or "?" in url or "#" in url or "@" in url:
        raise DomainError(
            "server_address",
            "this is not the address of a server",
            remedy="give what bbb-conf --secret prints as URL, such as https://bbb.example.org/bigbluebutton/",
            field="url",
        )
    if not secret or len(secret) > LONGEST_SECRET or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise DomainError(
            "server_secret",
            "this is not a server's shared secret",
            remedy="give what bbb-conf --secret prints as Secret",
            field="secret",
        )
    other = session.scalar(select(RoomServer.name).where(RoomServer.url == url, RoomServer.name != name))
    if other is not None:
        raise DomainError("server_known", f"{url} is stored already, as {other!r}", field="url")
    row = session.scalar(select(RoomServer).where(RoomServer.name == name))
    if row is None:
        row = RoomServer(
            name=name,
            url=url,
            secret_encrypted=vault.seal(secret),
            checksum=kind or ChecksumKind.SHA256,
            created_at=now,
        )
        return saving.add(session, row, actor=actor, now=now, action="add_room_server")
    if row.url != url:
        session.execute(
            update(Meeting)
            .where(Meeting.room_kind == RoomKind.BIGBLUEBUTTON, Meeting.room_url == row.url)
            .values(room_url=url)
        )
    values = {"url": url} | ({"checksum": kind} if kind is not None else {})
    outcome = saving.change(session, row, values, actor=actor, now=now, action="update_room_server")
    if vault.open(row.secret_encrypted) != secret:
        row.secret_encrypted = vault.seal(secret)
        # The audit says that the secret changed, never what it is.
        audit.record(session, actor=actor, now=now, action="update_room_secret", on=row)
        outcome = saving.Saved.CHANGED
    return outcome


def server_named(session: Session, name: str) -> RoomServer:
    """Return the server stored under ``name``. Raises DomainError."""
    row = session.scalar(select(RoomServer).where(RoomServer.name == name))
    if row is None:
        raise DomainError(
            "no_such_server", f"no server is called {name!r}", remedy="list them with: rooms list", field="name"
        )
    return row


def servers(session: Session) -> list[RoomServer]:
    """Return all servers, the one that was stored first before the others: rooms are made there unless told."""
    return list(session.scalars(select(RoomServer).order_by(RoomServer.id)))


def usual_server(session: Session) -> RoomServer | None:
    """Return the server on which rooms are made unless told otherwise, or None where none is known."""
    return session.scalar(select(RoomServer).order_by(RoomServer.id).limit(1))


def room_asked_for(session: Session, mode: Mode, place_or_url: str) -> tuple[str, RoomKind]:
    """Return the address and kind of the room that a list of meetings asks for: ``bbb`` stands for the usual server.

    Where no server is known, the word stays as it is, which is no link and is refused as such.
    """
    if mode is Mode.DISTANCE and place_or_url.strip().casefold() in ASKED_FOR:
        server = usual_server(session)
        if server is not None:
            return server.url, RoomKind.BIGBLUEBUTTON
    return place_or_url, RoomKind.LINK
