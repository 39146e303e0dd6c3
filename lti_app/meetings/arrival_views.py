"""Coming to a meeting on site: the code on the host's screen, the phone that follows it, digits that are typed in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import segno
from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from lti_app.core.edge import actor, db_session, now, signed_in, tool
from lti_app.core.errors import DomainError, Forbidden, NotFound, NotSignedIn
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.lti.links import launch_address
from lti_app.meetings.arrival_codes import OPENS_BEFORE, Codes, arrivals_from, takes_arrivals
from lti_app.meetings.arrival_notes import leave_note
from lti_app.meetings.arriving import (
    Expected,
    arrive,
    arrive_typed,
    expected_at,
    hosted_meeting,
    mark_arrivals,
    own_arrival,
    place_at,
    require_time,
    unmark_arrival,
)
from lti_app.meetings.models import Meeting
from lti_app.meetings.onsite_models import ArrivalHow
from lti_app.meetings.service import find_meeting
from lti_app.programmes.models import Mode

blueprint = Blueprint("arrivals", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
QUIET_ZONE = 2
"""Modules of white around the QR code; the page around it is white as well."""


def codes() -> Codes:
    """Return the codes of this installation."""
    return Codes(tool().settings.secret_key, tool().settings.arrival_code_seconds)


@blueprint.get("/meetings/<int:meeting_id>/code")
@needs(Permission.SIGNED_IN)
def code(meeting_id: int) -> str:
    """Show the code on the host's screen, how many have come, and the list for those without a phone."""
    return code_page(meeting_id)


def code_page(meeting_id: int, *, ticked: Iterable[str] = (), refusal: DomainError | None = None) -> str:
    """Show the page; ``ticked`` keeps a refused choice of those who came."""
    meeting = hosted_meeting(db_session(), meeting_id, actor=actor())
    people = expected_at(db_session(), meeting)
    return render_template(
        "meetings/code.html",
        **_screen(meeting, people),
        people=people,
        ticked=set(ticked),
        refusal=refusal,
        leads=meeting.intake.version.programme.site_id in actor().led_site_ids,
        ArrivalHow=ArrivalHow,
    )


@blueprint.get("/meetings/<int:meeting_id>/code/part")
@needs(Permission.SIGNED_IN)
def code_part(meeting_id: int) -> str:
    """Give the part of that page that changes: the code and the count."""
    meeting = hosted_meeting(db_session(), meeting_id, actor=actor())
    return render_template("meetings/_code.html", **_screen(meeting, expected_at(db_session(), meeting)))


def _screen(meeting: Meeting, people: list[Expected]) -> dict[str, Any]:
    """Return what the screen shows. ``standing``: before, open, over, or never (at a distance, cancelled)."""
    opens = arrivals_from(meeting)
    moment = now()
    if opens is None:
        standing = "never"
    elif moment < opens:
        standing = "before"
    else:
        standing = "open" if moment < meeting.ends_at else "over"
    seconds = tool().settings.arrival_code_seconds
    shown: dict[str, Any] = {
        "meeting": meeting,
        "standing": standing,
        "was": request.args.get("was", standing),
        "opens_at": opens,
        "came": sum(one.at is not None for one in people),
        "awaited": len(people),
        "seconds": seconds,
    }
    if standing == "open":
        address = f"{tool().settings.public_url}/here/{codes().token(meeting.id, moment)}"
        typed = codes().typed(meeting.id, moment)
        shown |= {"picture": qr_picture(address), "address": address, "typed": f"{typed[:4]} {typed[4:]}"}
    return shown


def qr_picture(address: str) -> Markup:
    """Draw an address as a QR code: an SVG that fills its place, black on white, without styles of its own."""
    drawn = segno.make(address, error="m", boost_error=False)
    # segno writes it; the address has nothing in it but our own host, digits and letters.
    return Markup(drawn.svg_inline(border=QUIET_ZONE, omitsize=True, light="#fff", svgclass="qr", lineclass=None))  # noqa: S704


@blueprint.post("/meetings/<int:meeting_id>/arrivals")
@needs(Permission.SIGNED_IN)
def mark(meeting_id: int) -> Response:
    """Mark who has come without a phone, or take back such a mark."""
    chosen = request.form.getlist("arrived")
    keep_form(lambda refusal: code_page(meeting_id, ticked=chosen, refusal=refusal))
    back = request.form.get("take_back")
    if back:
        ((kind, number),) = _read([back])
        unmark_arrival(
            db_session(),
            meeting_id=meeting_id,
            trainee_id=number if kind == "t" else None,
            guest_id=number if kind == "g" else None,
            actor=actor(),
            now=now(),
        )
        flash(gettext("The mark is taken back."), "success")
        return see_other(url_for("arrivals.code", meeting_id=meeting_id, _anchor="by-hand"))
    read = _read(chosen)
    marked = mark_arrivals(
        db_session(),
        meeting_id=meeting_id,
        trainee_ids={number for kind, number in read if kind == "t"},
        guest_ids={number for kind, number in read if kind == "g"},
        actor=actor(),
        now=now(),
    )
    flash(
        ngettext("Marked as here: %(num)s person.", "Marked as here: %(num)s people.", marked),
        "success",
    )
    return see_other(url_for("arrivals.code", meeting_id=meeting_id, _anchor="by-hand"))


def _read(keys: Iterable[str]) -> list[tuple[str, int]]:
    try:
        return [(key[:1], row_number(key[1:])) for key in keys]
    except ValueError:
        raise NotFound("no_such_trainee", _l("There is no such trainee in this intake.")) from None


@blueprint.get("/here/<token>")
@needs(Permission.PUBLIC)
def here(token: str) -> Response:
    """Take a phone that followed the code: mark who is known here, send the others through Moodle, with a note."""
    session = db_session()
    meeting_id = codes().meeting_of(token, now())
    if meeting_id is None:
        raise NotFound(
            "arrival_code_over",
            _l("This code has changed already, or it was not read whole."),
            remedy=_l("Point the camera at the host's screen once more and open the address at once."),
        )
    meeting = find_meeting(session, meeting_id)
    require_time(meeting, now())
    if _marked_at_once(meeting):
        return see_other(url_for("arrivals.arrived", meeting_id=meeting.id))
    intake = meeting.intake
    address = launch_address(session, moodle_id=intake.moodle_id, course_id=intake.course_id)
    if address is not None:
        response = see_other(address)
    else:
        response = make_response(render_template("meetings/arrive_by_hand.html", moodle_url=intake.moodle.url))
    leave_note(response, meeting.id, secret_key=tool().settings.secret_key, now=now())
    return response


def _marked_at_once(meeting: Meeting) -> bool:
    """Mark who is signed in in this window and has a place. A visit that has ended is one that goes through Moodle."""
    if signed_in() is None:
        return False
    try:
        person_id = actor().person_id
    except NotSignedIn:
        return False
    if place_at(db_session(), meeting, person_id) is None:
        return False
    # The code proves that they mean it. The request itself only reads: what it writes is a transaction of its own.
    with tool().database.transaction() as session:
        arrive(session, meeting_id=meeting.id, person_id=person_id, how=ArrivalHow.CODE, at=now())
    return True


@blueprint.post("/meetings/<int:meeting_id>/arrive")
@needs(Permission.SIGNED_IN)
def type_in(meeting_id: int) -> Response:
    """Mark who typed the digits of the host's screen."""
    typed = request.form.get("code", "")
    keep_form(lambda refusal: typing_page(meeting_id, typed=typed, refusal=refusal))
    arrive_typed(db_session(), meeting_id=meeting_id, code=typed, codes=codes(), actor=actor(), now=now())
    return see_other(url_for("arrivals.arrived", meeting_id=meeting_id))


def typing_page(meeting_id: int, *, typed: str, refusal: DomainError) -> str:
    """Show the form again with what was typed. Raises Forbidden to who has no place at the meeting."""
    meeting = find_meeting(db_session(), meeting_id)
    if place_at(db_session(), meeting, actor().person_id) is None:
        raise (
            refusal if isinstance(refusal, Forbidden) else NotFound("no_such_meeting", _l("There is no such meeting."))
        )
    return render_template(
        "meetings/arrive.html",
        meeting=meeting,
        typed=typed,
        refusal=refusal,
        is_open=takes_arrivals(meeting, now()),
    )


@blueprint.get("/meetings/<int:meeting_id>/arrived")
@needs(Permission.SIGNED_IN)
def arrived(meeting_id: int) -> str:
    """Confirm to somebody that they are marked; or say why they aren't."""
    meeting, arrival = own_arrival(db_session(), meeting_id=meeting_id, actor=actor())
    return render_template(
        "meetings/arrived.html",
        meeting=meeting,
        arrival=arrival,
        name=actor().name,
        is_trainee=arrival.trainee_id is not None,
        is_late=arrival.at > meeting.starts_at,
    )


@blueprint.app_template_test("taking_arrivals")
def _is_taking_arrivals(meeting: Any) -> bool:
    """Tell of a line of the schedule whether one can arrive now."""
    is_held = meeting.mode is Mode.ON_SITE and meeting.phase.value != "cancelled"
    return bool(is_held and meeting.starts_at - OPENS_BEFORE <= now() < meeting.ends_at)


@blueprint.app_template_filter("arrivals_from")
def _arrivals_open(meeting: Any) -> Any:
    """Return when arrivals begin to be taken."""
    return meeting.starts_at - OPENS_BEFORE
