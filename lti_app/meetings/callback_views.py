"""What servers of rooms tell the tool. Open to anybody; what is told is believed only with its proof."""

from __future__ import annotations

from flask import Blueprint, Response, request

from lti_app.core.edge import db_session, deliver_in_background, now, tool
from lti_app.core.outbox import QUEUED
from lti_app.core.permissions import Permission, needs
from lti_app.meetings.rooms import reports
from lti_app.meetings.rooms.office import office_of

blueprint = Blueprint("room_callbacks", __name__)


@blueprint.get("/rooms/<sealed>/ended")
@needs(Permission.PUBLIC)
def ended(sealed: str) -> Response:
    """Take note that a room is said to have ended (BigBlueButton's ``meta_endCallbackUrl``, by GET)."""
    with tool().database.transaction() as session:  # a GET that writes
        reports.note_ending(session, token=sealed, office=office_of(tool()), now=now())
        is_news = session.info.pop(QUEUED, False)
    if is_news:
        deliver_in_background(tool())
    return _heard()


@blueprint.post("/rooms/<sealed>/attendance")
@needs(Permission.PUBLIC)
def attendance(sealed: str) -> Response:
    """Put down who was in a room (BigBlueButton's ``meta_analytics-callback-url``)."""
    reports.note_report(
        db_session(),
        token=sealed,
        bearer=request.headers.get("Authorization"),
        body=request.get_json(silent=True, force=True),
        office=office_of(tool()),
        now=now(),
    )
    return _heard()


def _heard() -> Response:
    return Response("ok\n", mimetype="text/plain")
