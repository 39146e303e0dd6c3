"""BigBlueButton's API: what is asked and how it is signed, answers in XML and JSON, and the one door to a server.

After its documentation, "API Reference" (docs.bigbluebutton.org/development/api), versions 2.4 to 3.0.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, ParseError

import jwt
import requests
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from lti_app.lti.http import BoundedSession
from lti_app.meetings.room_models import ChecksumKind

log = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
READ_SECONDS = 3.0
WHOLE_SECONDS = 5.0
"""Somebody waits for each of these calls."""
LARGEST_ANSWER = 4 * 1024 * 1024
NOT_FOUND = "notFound"
"""What a server says of a room that is not there, or not any more."""
JWT_ALGORITHM = "HS512"
MOST_ATTENDEES = 20_000


class BigBlueButtonError(Exception):
    """Say what went wrong with a server: ``code`` for machines, ``remedy`` for the administrator; no secret in it."""

    code = "room_server_error"
    remedy = ""


class NoAnswer(BigBlueButtonError):
    """Say that the server can't be reached, or is too slow."""

    code = "room_server_silent"
    remedy = "check the address and that the server runs (bbb-conf --status); a firewall may be in between"


class NotBigBlueButton(BigBlueButtonError):
    """Say that something else answers at that address."""

    code = "room_server_other"
    remedy = "give the address that bbb-conf --secret prints as URL"


class SecretRefused(BigBlueButtonError):
    """Say that the server doesn't accept how requests are signed."""

    code = "room_server_secret"
    remedy = (
        "store the secret anew as bbb-conf --secret prints it; if it is right, the server may know another digest:"
        " --checksum sha1 or sha512"
    )


class CallRefused(BigBlueButtonError):
    """Say that the server understood a call and refused it; ``key`` is its messageKey."""

    code = "room_server_refused"
    remedy = "look into the server's log; its message key says why"

    def __init__(self, call: str, key: str) -> None:
        super().__init__(f"{call} was refused: {key}")
        self.key = key


@dataclass(frozen=True)
class Made:
    """Say that a room is there; ``create_time`` tells it from earlier ones of the same name (the server's ms)."""

    create_time: int


@dataclass(frozen=True)
class Attended:
    """Hold of one participant, by the id that joining gave, when they were in the room (UTC)."""

    user_id: str
    spans: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class Report:
    """Hold what a server tells after a meeting: of which room, and who was there."""

    room_key: str
    attended: tuple[Attended, ...]


class ReportRefused(Exception):
    """Say why what came to the callback is not believed."""


def base_address(url: str) -> str:
    """Return a server's address as it is stored: without the slash and the /api at its end."""
    return url.strip().rstrip("/").removesuffix("/api").rstrip("/")


def signed(call: str, params: Mapping[str, str], secret: str, kind: ChecksumKind) -> str:
    """Return the query of a call with its checksum: the digest of the call's name, the query and the secret."""
    query = urlencode(params)
    return f"{query}{'&' if query else ''}checksum={checksum(call, query, secret, kind)}"


def checksum(call: str, query: str, secret: str, kind: ChecksumKind) -> str:
    """Return the digest that proves a call, in hexadecimal."""
    return hashlib.new(kind.value, f"{call}{query}{secret}".encode()).hexdigest()


def read_answer(call: str, body: bytes) -> Element:
    """Return the root of an answer that says SUCCESS. Raises NotBigBlueButton, SecretRefused, CallRefused."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise NotBigBlueButton(f"{call} was not answered in XML ({type(error).__name__})") from None
    code = _text(root, "returncode")
    if root.tag != "response" or code not in ("SUCCESS", "FAILED"):
        raise NotBigBlueButton(f"{call} was answered without a return code")
    if code == "FAILED":
        key = _text(root, "messageKey")[:60] or "no key"
        if key == "checksumError":
            raise SecretRefused(f"{call} was refused: the checksum does not match")
        raise CallRefused(call, key)
    return root


def read_report(body: Any, bearer: str | None, secret: str, now: datetime) -> Report:
    """Return what the analytics callback tells, once its token proves that the server sent it.

    ``bearer`` is the Authorization header: a JWT with ``exp``, signed by HS512 with the shared secret. Raises
    ReportRefused.
    """
    scheme, _, token = (bearer or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ReportRefused("no token")
    try:
        claims = jwt.decode(
            token.strip(),
            secret,
            algorithms=[JWT_ALGORITHM],
            options={"require": ["exp"], "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        is_late = float(claims["exp"]) <= now.timestamp()  # by the tool's clock, as everything here
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise ReportRefused(type(error).__name__) from None
    if is_late:
        raise ReportRefused("the token has run out")
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise ReportRefused("no data")
    attendees = body["data"].get("attendees")
    if not isinstance(attendees, list) or len(attendees) > MOST_ATTENDEES:
        raise ReportRefused("no list of attendees")
    finish = _moment(body["data"].get("finish"))
    return Report(
        str(body.get("meeting_id", "")),
        tuple(_attended(one, finish) for one in attendees if isinstance(one, dict)),
    )


def _attended(attendee: dict[str, Any], finish: datetime | None) -> Attended:
    joins, leaves = _moments(attendee.get("joins")), _moments(attendee.get("leaves"))
    if finish is not None and len(leaves) < len(joins):
        leaves = [*leaves, finish]  # who stayed to the end left with it
    spans = tuple((begin, end) for begin, end in zip(joins, leaves, strict=False) if end > begin)
    return Attended(str(attendee.get("ext_user_id") or ""), spans)


def _moments(values: Any) -> list[datetime]:
    listed: Sequence[Any] = values if isinstance(values, list) else []
    return [moment for moment in map(_moment, listed) if moment is not None]


def _moment(value: Any) -> datetime | None:
    """Read a time as Ruby writes it, with Rails or without: ``2026-12-10T15:00:00.000+07:00``, ``… 15:00:00 +0700``."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    day, rest = text[:10], text[11:].replace("UTC", "Z").replace(" ", "")
    try:
        moment = datetime.fromisoformat(f"{day}T{rest}")
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


def _text(root: Element, name: str) -> str:
    return (root.findtext(name) or "").strip()


class Server:
    """Call one BigBlueButton server. The secret stands in no address, log or error; checksums alone do in addresses."""

    def __init__(self, url: str, secret: str, kind: ChecksumKind = ChecksumKind.SHA256) -> None:
        self.url = url
        self._secret = secret
        self._kind = kind

    def __repr__(self) -> str:
        return f"Server({self.url!r})"

    def address(self, call: str, params: Mapping[str, str]) -> str:
        """Return the signed address of a call, for a browser or for ``call``."""
        return f"{self.url}/api/{call}?{signed(call, params, self._secret, self._kind)}"

    def create(self, params: Mapping[str, str]) -> Made:
        """Make a room, or find that it is there already (idempotent). Raises BigBlueButtonError."""
        root = self._call("create", params)
        try:
            return Made(int(_text(root, "createTime")))
        except ValueError:
            raise NotBigBlueButton("create was answered without createTime") from None

    def end(self, room_key: str) -> None:
        """End a room; one that is not there has ended already. Raises BigBlueButtonError."""
        try:
            self._call("end", {"meetingID": room_key})
        except CallRefused as error:
            if error.key != NOT_FOUND:
                raise

    def is_there(self, room_key: str) -> bool:
        """Tell whether a room is there. Raises BigBlueButtonError."""
        try:
            self._call("getMeetingInfo", {"meetingID": room_key})
        except CallRefused as error:
            if error.key == NOT_FOUND:
                return False
            raise
        return True

    def count_rooms(self) -> int:
        """Return how many rooms there are: a call that needs the secret and changes nothing."""
        return len(self._call("getMeetings", {}).findall("meetings/meeting"))

    def _call(self, call: str, params: Mapping[str, str]) -> Element:
        with BoundedSession(
            largest_answer=LARGEST_ANSWER,
            connect_seconds=CONNECT_SECONDS,
            read_seconds=READ_SECONDS,
            whole_seconds=WHOLE_SECONDS,
        ) as session:
            try:
                response = session.get(self.address(call, params))
            except (requests.RequestException, OSError, ValueError) as error:
                # Messages of requests quote the address with its checksum: the type alone is passed on.
                raise NoAnswer(f"{call} got no answer ({type(error).__name__})") from None
        if response.status_code != requests.codes.ok:
            raise NotBigBlueButton(f"{call} was answered with status {response.status_code}")
        return read_answer(call, response.content)


def same(one: str, other: str) -> bool:
    """Compare two texts in a time that doesn't tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
