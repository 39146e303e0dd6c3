"""Joining a room from a frame: the form opens a new tab, to which browsers don't give the frame's partitioned cookie.

So the form itself carries a sealed ticket: who, which meeting, from which launch. It opens the doors of that one room
only, no longer than the visit lasts, and stands for the form's CSRF token as well, since nobody else can write one.
"""

from __future__ import annotations

from dataclasses import astuple

from flask import Flask, g, request
from itsdangerous import BadSignature, URLSafeSerializer

from lti_app.core.edge import SignedIn, db_session, now, signed_in, tool, visit_life

SALT = "join-ticket"
DOORS = frozenset({"meetings.join", "rooms.host_join"})
FIELD = "ticket"


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(tool().settings.secret_key, salt=SALT)


def join_ticket(meeting_id: int) -> str:
    """Write a ticket for the person of this request. Empty for nobody."""
    who = signed_in()
    return str(_serializer().dumps([meeting_id, *astuple(who)])) if who else ""


def read_ticket(text: str, meeting_id: int) -> SignedIn | None:
    """Return whom a ticket to this meeting lets in, or None where it is false, of another meeting, or too old."""
    try:
        meeting, *who = _serializer().loads(text)
        holder = SignedIn(*who)
    except (BadSignature, TypeError, ValueError):
        return None
    age = now().timestamp() - holder.since
    if meeting != meeting_id or age > visit_life().total_seconds():
        return None
    return holder


def install(app: Flask) -> None:
    """Let ticket holders through those doors; everybody else needs cookie and token there as anywhere."""

    @app.before_request
    def _admit() -> None:
        if request.endpoint not in DOORS:
            return
        holder = read_ticket(request.form.get(FIELD, ""), (request.view_args or {})["meeting_id"])
        if holder is not None:
            g.ticket_holder = holder
            g.actor = tool().resolve_actor(db_session(), holder, now())

    app.jinja_env.globals["join_ticket"] = join_ticket
