"""Rooms of meetings: the way in, the host's page with checks and the end, the choice of a room."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.meetings import checks, hosts, joining
from lti_app.meetings.bigbluebutton import BigBlueButtonError
from lti_app.meetings.hosting import host_page
from lti_app.meetings.models import RoomKind
from lti_app.meetings.rooms import choosing, opening, reports
from lti_app.meetings.rooms.office import office_of
from lti_app.meetings.rooms.opening import RoomNotReady
from lti_app.meetings.rooms.servers import servers

blueprint = Blueprint("rooms", __name__, template_folder="templates")
NAVIGATION: Sequence[NavItem] = ()
ACCEPTED = 202
FIRST_WAIT, LONGEST_WAIT = 3, 30
"""Seconds until the page that waits for a room tries again: longer each time, and not everybody at once."""
MOST_TURNS = 10

Told = TypeVar("Told")


def enter(meeting_id: int) -> Response:
    """Let the trainee or guest of this request into a room, or show the page that waits for it.

    The first who comes to a room on a server makes it; the server is asked between two transactions, and everybody else
    waits on a page of their own meanwhile, not in a request.
    """
    try:
        return see_other(_join(meeting_id))
    except RoomNotReady as not_ready:
        if not not_ready.mine:
            return _waiting(meeting_id, not_ready)
        room = not_ready.room
        try:
            made = _ask_server(meeting_id, room.make)
        except DomainError:
            return _waiting(meeting_id, not_ready)
        opening.note_made(db_session(), meeting_id=meeting_id, made=made, now=now())
        return see_other(_join(meeting_id))


def _join(meeting_id: int) -> str:
    return joining.join(db_session(), meeting_id=meeting_id, actor=actor(), now=now(), office=office_of(tool()))


def _ask_server(meeting_id: int, ask: Callable[[], Told]) -> Told:
    """Ask a server while no transaction is open. Raises Unavailable, and puts down that the server failed."""
    db_session().commit()
    try:
        return ask()
    except BigBlueButtonError as error:
        opening.note_failure(db_session(), meeting_id=meeting_id, error=error, now=now())
        db_session().commit()
        raise opening.server_away(error) from None


def _waiting(meeting_id: int, refusal: RoomNotReady) -> Response:
    turn = min(request.form.get("turn", type=row_number) or 0, MOST_TURNS)
    seconds = min(LONGEST_WAIT, FIRST_WAIT * 2**turn)
    page = render_template(
        "meetings/waiting.html",
        meeting_id=meeting_id,
        refusal=refusal,
        turn=turn + 1,
        seconds=seconds + random.uniform(0, seconds / 2),  # noqa: S311 - no secret depends on it
    )
    return make_response(page, ACCEPTED)


@blueprint.get("/rooms/left")
@needs(Permission.PUBLIC)
def left() -> str:
    """Say to who comes out of a room on a server that they may close the tab."""
    return render_template("meetings/left.html")


@blueprint.get("/meetings/<int:meeting_id>/host")
@needs(Permission.SIGNED_IN)
def host(meeting_id: int) -> str:
    """Show the host who is in, the check under way, the room."""
    return _host_page("meetings/host.html", meeting_id)


@blueprint.get("/meetings/<int:meeting_id>/host/now")
@needs(Permission.SIGNED_IN)
def host_now(meeting_id: int) -> str:
    """Give the part of the host's page that changes by itself."""
    return _host_page("meetings/_host_now.html", meeting_id)


def _host_page(template: str, meeting_id: int, refusal: DomainError | None = None) -> str:
    page = host_page(db_session(), meeting_id=meeting_id, actor=actor(), now=now(), rules=office_of(tool()).rules)
    return render_template(template, page=page, refusal=refusal)


@blueprint.post("/meetings/<int:meeting_id>/host/join")
@needs(Permission.SIGNED_IN)
def host_join(meeting_id: int) -> Response:
    """Send the host on to the room; one on a server is made first, or found."""
    keep_form(lambda refusal: _host_page("meetings/host.html", meeting_id, refusal))
    asked = {"meeting_id": meeting_id, "actor": actor(), "now": now(), "office": office_of(tool())}
    door = hosts.host_door(db_session(), **asked)  # type: ignore[arg-type]
    if door.is_on_server:
        hosts.claim_for_host(db_session(), meeting_id=meeting_id, now=now())
        made = _ask_server(meeting_id, door.room.make)
        opening.note_made(db_session(), meeting_id=meeting_id, made=made, now=now())
        door = hosts.host_door(db_session(), **asked)  # type: ignore[arg-type]
    return see_other(door.address())


@blueprint.post("/meetings/<int:meeting_id>/host/end")
@needs(Permission.SIGNED_IN)
def host_end(meeting_id: int) -> Response:
    """End the room on its server: everybody is sent out."""
    keep_form(lambda refusal: _host_page("meetings/host.html", meeting_id, refusal))
    room = hosts.room_to_end(db_session(), meeting_id=meeting_id, actor=actor(), now=now(), office=office_of(tool()))
    _ask_server(meeting_id, room.end)
    reports.end_opening(db_session(), meeting_id=meeting_id, create_time=room.create_time, now=now())
    flash(gettext("The room is ended. Only you can open it again, by entering it."), "success")
    return see_other(url_for("rooms.host", meeting_id=meeting_id))


@blueprint.post("/meetings/<int:meeting_id>/checks")
@needs(Permission.SIGNED_IN)
def start_check(meeting_id: int) -> Response:
    """Show a new code for two minutes."""
    keep_form(lambda refusal: _host_page("meetings/host.html", meeting_id, refusal))
    checks.start_check(db_session(), meeting_id=meeting_id, actor=actor(), now=now())
    return see_other(url_for("rooms.host", meeting_id=meeting_id, _anchor="check"))


@blueprint.post("/meetings/<int:meeting_id>/check")
@needs(Permission.SIGNED_IN)
def answer_check(meeting_id: int) -> Response:
    """Take the code that somebody saw on the host's screen."""
    code = request.form.get("code", "")
    answer = checks.answer_check(db_session(), meeting_id=meeting_id, code=code, actor=actor(), now=now())
    intake_id = answer.place.meeting.intake_id
    back = (
        url_for("site.home")
        if answer.place.trainee_id is None
        else url_for("credits.intake", intake_id=intake_id) + "?as=trainee"
    )
    if answer.refusal is not None:
        db_session().commit()  # false codes are counted
        keep_form(
            lambda refusal: render_template(
                "meetings/check.html", meeting_id=meeting_id, refusal=refusal, code=code, back=back
            )
        )
        raise answer.refusal
    flash(gettext("Noted: you answered the check."), "success")
    return see_other(back)


@blueprint.route("/meetings/<int:meeting_id>/room", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def room(meeting_id: int) -> Response:
    """Choose the room of a meeting: an address, or one on a server."""
    if request.method == "GET":
        return make_response(_room_page(meeting_id))
    keep_form(lambda refusal: _room_page(meeting_id, refusal))
    is_link = request.form.get("room") == RoomKind.LINK
    choosing.choose_room(
        db_session(),
        meeting_id=meeting_id,
        server_id=None if is_link else request.form.get("room", type=row_number) or 0,
        url=request.form.get("room_url", ""),
        seen=request.form.get("revision", type=row_number),
        actor=actor(),
        now=now(),
    )
    flash(gettext("The room is saved."), "success")
    return see_other(url_for("credits.meeting", meeting_id=meeting_id))


def _room_page(meeting_id: int, refusal: DomainError | None = None) -> str:
    meeting = choosing.meeting_to_furnish(db_session(), meeting_id=meeting_id, actor=actor())
    known = servers(db_session())
    on_server = meeting.room_kind is RoomKind.BIGBLUEBUTTON
    current = next((str(one.id) for one in known if on_server and one.url == meeting.room_url), RoomKind.LINK.value)
    return render_template(
        "meetings/room.html",
        meeting=meeting,
        servers=known,
        chosen=request.form.get("room", current),
        url=request.form.get("room_url", "" if on_server else meeting.room_url or ""),
        revision=getattr(refusal, "revision", None) or request.form.get("revision") or meeting.revision,
        refusal=refusal,
    )
