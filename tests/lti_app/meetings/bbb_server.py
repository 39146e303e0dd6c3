"""A small BigBlueButton: a real HTTP server that checks every checksum, keeps rooms, and calls back."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests

SECRET = "ECCJZNJWLPEA3YB6Y2LTQGQD3GJZ3F93ECCJZNJWLPEA3YB6Y2LTQGQD3GJZ3F93"
LENGTHS = {40: "sha1", 64: "sha256", 128: "sha512"}


def xml(code: str, **fields: object) -> str:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f"<response><returncode>{code}</returncode>{inner}</response>"


def failed(key: str) -> str:
    return xml("FAILED", messageKey=key, message="…")


class BigBlueButton:
    """Rooms by meetingID with the parameters of their making; what was asked; what the server is told to do wrong."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, str]] = {}
        self.entered: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.known_digests = {"sha1", "sha256", "sha512"}
        self.answer: str | None = None
        """What it answers to every call instead, where set."""
        self.status = 200
        self.silent_seconds = 0.0
        self._clock = 1_700_000_000_000
        self._lock = threading.Lock()
        self.url = ""

    def handle(self, path: str) -> tuple[int, str]:
        """Answer a call."""
        parts = urlsplit(path)
        call = parts.path.rpartition("/")[2]
        self.calls.append(call)
        time.sleep(self.silent_seconds)
        if self.answer is not None or self.status != 200:
            return self.status, self.answer or ""
        query, _, checksum = parts.query.rpartition("checksum=")
        digest = LENGTHS.get(len(checksum), "")
        wanted = f"{call}{query.removesuffix('&')}{SECRET}".encode()
        if digest not in self.known_digests or hashlib.new(digest, wanted).hexdigest() != checksum:
            return 200, failed("checksumError")
        params = {name: values[0] for name, values in parse_qs(query).items()}
        with self._lock:
            answer = {
                "create": self._create,
                "join": self._join,
                "end": self._end,
                "getMeetingInfo": self._info,
                "getMeetings": self._all,
            }[call]
            return 200, answer(params)

    def _create(self, params: dict[str, str]) -> str:
        key = params["meetingID"]
        if key in self.rooms:
            same = {name: value for name, value in self.rooms[key].items() if name != "createTime"} == params
            if not same:
                return failed("idNotUnique")
        else:
            self._clock += 1000
            self.rooms[key] = {**params, "createTime": str(self._clock)}
        return xml("SUCCESS", meetingID=key, createTime=self.rooms[key]["createTime"])

    def _join(self, params: dict[str, str]) -> str:
        room = self.rooms.get(params["meetingID"])
        if room is None:
            return failed("invalidMeetingIdentifier")
        if params["createTime"] != room["createTime"]:
            return failed("mismatchCreateTimeParam")
        self.entered.append(params)
        return xml("SUCCESS", messageKey="successfullyJoined")

    def _end(self, params: dict[str, str]) -> str:
        return (
            xml("SUCCESS", messageKey="sentEndMeetingRequest")
            if self.rooms.pop(params["meetingID"], None)
            else failed("notFound")
        )

    def _info(self, params: dict[str, str]) -> str:
        return xml("SUCCESS") if params["meetingID"] in self.rooms else failed("notFound")

    def _all(self, _params: dict[str, str]) -> str:
        rooms = "".join(f"<meeting><meetingID>{key}</meetingID></meeting>" for key in self.rooms)
        return xml("SUCCESS", meetings=rooms)

    @property
    def room(self) -> dict[str, str]:
        """Return the one room that is there."""
        (room,) = self.rooms.values()
        return room

    def enter(self, address: str) -> str:
        """Follow an address to join, as a browser would."""
        return requests.get(address, timeout=5).text

    def report(self, room: dict[str, str], attendees: Sequence[dict[str, Any]], *, finish: datetime) -> dict[str, Any]:
        """Return what the analytics callback sends of a room."""
        return {
            "version": "1.0",
            "meeting_id": room["meetingID"],
            "internal_meeting_id": f"abc-{room['createTime']}",
            "data": {"finish": finish.isoformat(), "attendees": list(attendees)},
        }


def bearer(exp: float, *, secret: str = SECRET, algorithm: str = "HS512") -> str:
    """Return the header by which the analytics callback proves itself."""
    return f"Bearer {jwt.encode({'exp': int(exp)}, secret, algorithm=algorithm)}"


def attendee(user_id: str, *spans: tuple[datetime, datetime | None], moderator: bool = False) -> dict[str, Any]:
    """Return of one participant what bbb-events makes of them."""
    return {
        "ext_user_id": user_id,
        "name": "…",
        "moderator": moderator,
        "joins": [begin.isoformat() for begin, _end in spans],
        "leaves": [end.isoformat() for _begin, end in spans if end],
    }


@contextmanager
def bigbluebutton() -> Iterator[BigBlueButton]:
    """Serve one on this machine for the length of the block."""
    rooms = BigBlueButton()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = rooms.handle(self.path)
            self.send_response(status)
            self.end_headers()
            with suppress(BrokenPipeError):  # who asked has stopped waiting
                self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    rooms.url = f"http://127.0.0.1:{server.server_port}/bigbluebutton"
    try:
        yield rooms
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
