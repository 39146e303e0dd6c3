"""The first page, the page for those whose course or name says nothing, the language, and what pages are drawn with."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask import session as cookie

from lti_app.core.edge import actor, db_session, now, sign_out, signed_in, tool, visit_life
from lti_app.core.forms import see_other
from lti_app.core.permissions import ROLE_NAMES, Permission, Role, needs
from lti_app.credits.cards import IntakeCard, MeetingLine, due_today
from lti_app.credits.overview import leader_overview
from lti_app.intakes.launched import unseal
from lti_app.intakes.openings import ON_FIRST_PAGE, count_to_confirm, openings
from lti_app.intakes.places import contacts_of, own_places
from lti_app.lti.models import Moodle
from lti_app.meetings.guest_lists import seminars_to_come
from lti_app.web import i18n
from lti_app.web.icons import sprite
from lti_app.web.landing import standing_in, way_from
from lti_app.web.theme import stylesheet

LEFT = "left_moodle"
"""Where the session's cookie keeps, after signing out, the address of the Moodle to go back to: it names nobody."""

blueprint = Blueprint("site", __name__)


@blueprint.get("/")
@needs(Permission.SIGNED_IN)
def home() -> Response:
    """Show what waits for this person, or go straight there where it is one thing only."""
    who = actor()
    zone = tool().settings.zone
    leads = who.may(Permission.RUN_INTAKES)
    cards = leader_overview(db_session(), actor=who, now=now(), zone=zone) if leads else []
    today = now().astimezone(zone).date()
    places = own_places(db_session(), actor=who, today=today) if who.may(Permission.OWN_RECORD) else []
    is_known = who.person_id is not None
    confirming = count_to_confirm(db_session(), actor=who, today=today) if is_known else 0
    if who.roles == {Role.TRAINEE} and len(places) == 1 and not confirming:
        return see_other(url_for("credits.intake", intake_id=places[0].intake_id))
    if who.roles == {Role.ADMINISTRATOR}:
        return see_other(url_for("sync.runs"))
    if who.roles == {Role.CENTRE}:
        return see_other(url_for("centre.desk"))
    if who.roles == {Role.COUNCIL}:
        return see_other(url_for("council.desk"))
    granted = [ROLE_NAMES[role] for role in Role if role in who.roles and role in (Role.CENTRE, Role.COUNCIL)]
    page = render_template(
        "home.html",
        openings=openings(db_session(), actor=who, today=today, limit=ON_FIRST_PAGE) if is_known else [],
        seminars=seminars_to_come(db_session(), actor=who, now=now(), limit=ON_FIRST_PAGE) if is_known else [],
        confirming=confirming,
        is_known=is_known,
        cards=cards,
        today=by_time([(m, card) for card in cards for m in due_today(card.upcoming, now=now(), zone=zone)]),
        unconfirmed=by_time([(meeting, card) for card in cards for meeting in card.attendance_waiting]),
        places=places,
        granted=granted,
    )
    return make_response(page, 200 if who.roles or is_known else 403)


def by_time(rows: list[tuple[MeetingLine, IntakeCard]]) -> list[tuple[MeetingLine, IntakeCard]]:
    """Put meetings of several intakes, each with its card, in the order of time."""
    return sorted(rows, key=lambda row: row[0].starts_at)


@blueprint.get("/course")
@needs(Permission.SIGNED_IN)
def course() -> Response:
    """Say why a launch leads nowhere, and who can help; or lead on, once it does."""
    who = actor()
    launched = unseal(
        request.args.get("course", ""), tool().settings.secret_key, actor=who, now=now(), life=visit_life()
    )
    session = db_session()
    way = way_from(session, launched, who)
    if way is not None:
        return see_other(way)
    if who.roles & {Role.CENTRE, Role.COUNCIL}:
        return see_other(url_for("site.home"))
    standing = standing_in(session, launched, who)
    page = render_template(
        "course.html",
        course=launched,
        intake=standing.intake,
        known=who.person_id is not None,
        contacts=contacts_of(session, actor=who, intake=standing.intake),
    )
    return make_response(page, 403 if standing.intake is not None or who.person_id is None else 200)


@blueprint.post("/language")
@needs(Permission.SIGNED_IN)
def language() -> Response:
    """Remember the language that a person chose and return to the page they were on."""
    chosen = i18n.supported(request.form.get("language"))
    if chosen:
        cookie[i18n.CHOSEN] = chosen
    return see_other(own_address(request.form.get("next", "")))


@blueprint.post("/sign-out")
@needs(Permission.SIGNED_IN)
def leave() -> Response:
    """End the visit in this browser; the language and the way back to Moodle are remembered, nothing else."""
    moodle = db_session().get(Moodle, actor().moodle_id)
    spoken = i18n.language()
    sign_out()
    cookie[i18n.CHOSEN] = spoken
    if moodle is not None:
        cookie[LEFT] = moodle.url
    return see_other(url_for("site.left"))


@blueprint.get("/signed-out")
@needs(Permission.PUBLIC)
def left() -> Response:
    """Say that the visit has ended and how to come back; who has come back already is led on."""
    if signed_in() is not None:
        return see_other(url_for("site.home"))
    return make_response(render_template("left.html", moodle_url=cookie.get(LEFT)))


def own_address(address: str) -> str:
    """Return ``address`` if it is a path of this tool, else the first page: a form must not send anybody away."""
    parts = urlsplit(address)
    ours = not parts.scheme and not parts.netloc and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if ours else url_for("site.home")


@blueprint.get("/theme.css")
@needs(Permission.PUBLIC)
def theme() -> Response:
    """Give the rules that carry the accent colour."""
    return _kept(stylesheet(tool().settings.accent_colour), "text/css")


@blueprint.get("/icons.svg")
@needs(Permission.PUBLIC)
def icons() -> Response:
    """Give the sprite of the icons in use."""
    return _kept(sprite(), "image/svg+xml")


def _kept(text: str, mimetype: str) -> Response:
    response = Response(text, mimetype=mimetype)
    response.cache_control.public = True
    response.cache_control.max_age = 3600
    return response
