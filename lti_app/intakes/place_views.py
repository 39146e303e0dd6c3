"""Places: asked for by a trainee, confirmed by a head, waited for in order."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.paging import asked_page
from lti_app.core.permissions import Permission, needs
from lti_app.intakes.models import PlaceRequest, RequestState
from lti_app.intakes.openings import count_to_confirm, heads_anything, openings_page, own_requests, to_confirm
from lti_app.intakes.requests import LONGEST_REASON, ask, confirm, decline, standing_request, withdraw
from lti_app.intakes.words import STANDING_NAMES

blueprint = Blueprint("places", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = (
    NavItem("places.index", _l("Open intakes"), "calendar-event", Permission.ASK_FOR_PLACE, 60, for_known=True),
    NavItem("places.confirming", _l("Requests without a head"), "person-check", Permission.KEEP_PEOPLE, 45),
)


@blueprint.get("/places")
@needs(Permission.ASK_FOR_PLACE)
def index() -> Response:
    """Show the intakes open to this person, and their own requests."""
    actor().require_person()
    return make_response(places_page())


def places_page(refusal: DomainError | None = None) -> str:
    """Show open intakes and own requests; ``refusal`` says why the last step wasn't taken."""
    session, who, today = db_session(), actor(), _today()
    return render_template(
        "intakes/places.html",
        page=openings_page(session, actor=who, today=today, asked_page=request.args.get("page", type=asked_page)),
        requests=own_requests(session, actor=who, today=today),
        confirming=count_to_confirm(session, actor=who, today=today),
        standing_names=STANDING_NAMES,
        refusal=refusal,
    )


@blueprint.post("/places/<int:intake_id>/ask")
@needs(Permission.ASK_FOR_PLACE)
def ask_for(intake_id: int) -> Response:
    """Ask for a place for oneself."""
    keep_form(places_page)
    made = _asked(intake_id)
    said = {
        RequestState.GRANTED: gettext(
            "The place is yours. The Moodle course opens to you on the first day of the internship."
        ),
        RequestState.WAITING: gettext("All places are taken: you are on the waiting list and will be told."),
        RequestState.WITH_HEAD: gettext("Your request waits for the word of the head of your organisation."),
    }
    flash(said[made.state], "success")
    return see_other(url_for("places.index"))


def _asked(intake_id: int) -> PlaceRequest:
    """Ask for a place; asked twice, as by a double click, where the first request stands is the answer."""
    try:
        return ask(db_session(), intake_id, actor=actor(), now=now(), zone=tool().settings.zone)
    except Conflict as refusal:
        known = standing_request(db_session(), intake_id, actor=actor())
        if known is None or refusal.code not in ("asked_already", "has_place"):
            raise
        return known


@blueprint.post("/places/requests/<int:request_id>/withdraw")
@needs(Permission.ASK_FOR_PLACE)
def take_back(request_id: int) -> Response:
    """Take one's own request back, or give the place back before the start."""
    keep_form(places_page)
    session = db_session()
    before = session.scalar(select(PlaceRequest.state).where(PlaceRequest.id == request_id))
    withdraw(session, request_id, actor=actor(), now=now(), zone=tool().settings.zone)
    flash(
        gettext("You have given the place back.")
        if before is RequestState.GRANTED
        else gettext("Your request is taken back."),
        "success",
    )
    return see_other(url_for("places.index"))


@blueprint.get("/places/to-confirm")
@needs(Permission.CONFIRM_PLACES)
def confirming() -> Response:
    """Show the requests that wait for the word of this head, or of the centre where no head is on the list."""
    return make_response(confirming_page())


def confirming_page(refusal: DomainError | None = None) -> str:
    """Show the requests; ``refusal`` says why the last step wasn't taken."""
    session, who, today = db_session(), actor(), _today()
    return render_template(
        "intakes/to_confirm.html",
        page=to_confirm(session, actor=who, today=today, asked_page=request.args.get("page", type=asked_page)),
        headed=heads_anything(session, actor=who, today=today),
        is_centre=who.may(Permission.KEEP_PEOPLE),
        at_fault=(request.view_args or {}).get("request_id"),
        typed=request.form.get("reason", ""),
        longest=LONGEST_REASON,
        refusal=refusal,
    )


@blueprint.post("/places/requests/<int:request_id>/confirm")
@needs(Permission.CONFIRM_PLACES)
def agree(request_id: int) -> Response:
    """Confirm that one's teacher may learn."""
    keep_form(confirming_page)
    made = confirm(db_session(), request_id, actor=actor(), now=now(), zone=tool().settings.zone)
    flash(
        gettext("Confirmed: the place is given.")
        if made.state is RequestState.GRANTED
        else gettext("Confirmed: all places are taken, the request is on the waiting list."),
        "success",
    )
    return see_other(url_for("places.confirming"))


@blueprint.post("/places/requests/<int:request_id>/decline")
@needs(Permission.CONFIRM_PLACES)
def refuse(request_id: int) -> Response:
    """Decline a request with a reason."""
    keep_form(confirming_page)
    reason = request.form.get("reason", "")
    decline(db_session(), request_id, reason=reason, actor=actor(), now=now(), zone=tool().settings.zone)
    flash(gettext("Declined; the person is told why."), "success")
    return see_other(url_for("places.confirming"))


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()
