"""Into the room and out of it."""

from __future__ import annotations

from flask import Blueprint, Response, flash, url_for
from flask_babel import gettext

from lti_app.core.edge import actor, db_session, now
from lti_app.core.forms import see_other
from lti_app.core.permissions import Permission, needs
from lti_app.meetings import service
from lti_app.meetings.room_views import enter

blueprint = Blueprint("meetings", __name__)


@blueprint.post("/meetings/<int:meeting_id>/join")
@needs(Permission.SIGNED_IN)
def join(meeting_id: int) -> Response:
    """Note that a trainee or guest has come and send them on to the room; the form opens it in a new tab."""
    return enter(meeting_id)


@blueprint.post("/meetings/<int:meeting_id>/leave")
@needs(Permission.SIGNED_IN)
def leave(meeting_id: int) -> Response:
    """Note that a trainee or guest has left."""
    place = service.leave(db_session(), meeting_id=meeting_id, actor=actor(), now=now())
    flash(gettext("Your leaving is noted. You can come back until the end of the meeting."), "success")
    if place.trainee_id is None:
        return see_other(url_for("seminars.seminar", meeting_id=meeting_id))
    return see_other(url_for("credits.intake", intake_id=place.meeting.intake_id) + "?as=trainee")


@blueprint.post("/meetings/<int:meeting_id>/stays/<int:trainee_id>/close")
@needs(Permission.RUN_INTAKES)
def close_stay(meeting_id: int, trainee_id: int) -> Response:
    """Note for a trainee that they have left."""
    service.close_stay(db_session(), meeting_id=meeting_id, trainee_id=trainee_id, actor=actor(), now=now())
    flash(gettext("The time of leaving is noted."), "success")
    return see_other(url_for("credits.meeting", meeting_id=meeting_id))
