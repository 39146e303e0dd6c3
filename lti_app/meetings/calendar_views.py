"""Calendars: files of a meeting and of an intake, a private address for each person, and the page where it is kept."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.forms import see_other
from lti_app.core.navigation import NavItem
from lti_app.core.permissions import Permission, needs
from lti_app.meetings import calendar, feeds

blueprint = Blueprint("calendars", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = (
    NavItem("calendars.mine", _l("My calendar"), "calendar-event", Permission.SIGNED_IN, 58, for_known=True),
)


@blueprint.get("/calendar")
@needs(Permission.SIGNED_IN)
def mine() -> str:
    """Show one's private address, and how calendar programs take it."""
    feed = feeds.own_feed(db_session(), actor=actor())
    address = feeds.address_of(tool().settings, feed) if feed else None
    return render_template(
        "meetings/calendar.html",
        feed=feed,
        address=address,
        subscription=f"webcal://{address.partition('://')[2]}" if address else None,
    )


@blueprint.post("/calendar/open")
@needs(Permission.SIGNED_IN)
def open_it() -> Response:
    """Give the visitor an address."""
    feeds.open_feed(db_session(), actor=actor(), now=now())
    return see_other(url_for("calendars.mine"))


@blueprint.post("/calendar/replace")
@needs(Permission.SIGNED_IN)
def replace() -> Response:
    """Give the visitor another address in place of the one before."""
    feeds.replace_feed(db_session(), actor=actor(), now=now())
    flash(gettext("This is the new address; the one before leads nowhere any more."), "success")
    return see_other(url_for("calendars.mine"))


@blueprint.post("/calendar/revoke")
@needs(Permission.SIGNED_IN)
def revoke() -> Response:
    """Let the visitor's address lead nowhere."""
    feeds.revoke_feed(db_session(), actor=actor(), now=now())
    flash(gettext("The address is switched off; calendar programs get nothing there any more."), "success")
    return see_other(url_for("calendars.mine"))


@blueprint.get("/calendar/<token>.ics")
@needs(Permission.PUBLIC)
def feed(token: str) -> Response:
    """Give calendar programs the meetings of whose address this is; they come without a session."""
    settings = tool().settings
    person_id = feeds.person_behind(db_session(), token, settings=settings)
    return _file(calendar.of_person(db_session(), person_id, settings=settings, now=now()))


@blueprint.get("/intakes/<int:intake_id>/calendar.ics")
@needs(Permission.SIGNED_IN)
def of_intake(intake_id: int) -> Response:
    """Give the meetings of an intake as a file."""
    found = calendar.of_intake(db_session(), intake_id, actor=actor(), settings=tool().settings, now=now())
    return _file(found, f"intake-{intake_id}.ics")


@blueprint.get("/meetings/<int:meeting_id>/calendar.ics")
@needs(Permission.SIGNED_IN)
def of_meeting(meeting_id: int) -> Response:
    """Give one meeting as a file."""
    found = calendar.of_meeting(db_session(), meeting_id, actor=actor(), settings=tool().settings, now=now())
    return _file(found, f"meeting-{meeting_id}.ics")


def _file(found: bytes, name: str = "") -> Response:
    """Answer with a calendar, or with 304 to who has the same already (RFC 9110, 13.1.2)."""
    response = make_response(found)
    response.content_type = "text/calendar; charset=utf-8"
    if name:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    else:  # a calendar program keeps what it got, and asks whether it still holds
        response.cache_control.private = True
        response.cache_control.no_cache = True
    response.add_etag()
    response.make_conditional(request)
    return response
