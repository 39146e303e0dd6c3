"""Open seminars: those to come, one of them with signing up and the door to its room; and the leader's opening."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.paging import asked_page, page_of
from lti_app.core.permissions import Permission, needs
from lti_app.meetings import service
from lti_app.meetings.guest_lists import Filters, own_seminars, seminar_page, seminars_to_come
from lti_app.meetings.guest_words import STATE_NAMES
from lti_app.meetings.guests import cancel, places_taken, sign_up, under_way
from lti_app.meetings.models import GuestState, Meeting
from lti_app.meetings.opening import LONGEST_NOTICE, MOST_PLACES, OpenTerms, set_open
from lti_app.meetings.stays import StayRules
from lti_app.programmes.models import FORM_NAMES, Form, Mode
from lti_app.programmes.words import MODE_NAMES

OWN_SHOWN = 5
"""Own seminars above the list; the rest stand on their own page."""

blueprint = Blueprint("seminars", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = (
    NavItem("seminars.index", _l("Open seminars"), "people", Permission.ASK_FOR_PLACE, 62, for_known=True),
)


@blueprint.get("/seminars")
@needs(Permission.ASK_FOR_PLACE)
def index() -> Response:
    """Show the open seminars to come, narrowed by the address, and the nearest that this person signed up for."""
    actor().require_person()
    found = seminars_to_come(db_session(), actor=actor(), now=now())
    filters = asked_filters()
    own = [
        one
        for one in own_seminars(db_session(), actor=actor(), now=now())
        if not one.is_over and one.state is not GuestState.CANCELLED
    ]
    page = render_template(
        "meetings/seminars.html",
        page=page_of([one for one in found if filters.fit(one)], request.args.get("page", type=asked_page)),
        is_anything_open=bool(found),
        directions=[(name, name) for name in sorted({one.direction for one in found})],
        forms=[(form.value, words) for form, words in FORM_NAMES.items()],
        modes=[(mode.value, words) for mode, words in MODE_NAMES.items()],
        filters=filters,
        asked={name: value for name, value in request.args.items() if value and name != "page"},
        own=own[:OWN_SHOWN],
        states={one.seminar.meeting_id: one for one in own},
        state_names=STATE_NAMES,
    )
    return make_response(page)


def asked_filters() -> Filters:
    """Read what the list is narrowed to from the address; what makes no sense narrows nothing."""
    form, mode = request.args.get("form", ""), request.args.get("mode", "")
    return Filters(
        words=request.args.get("q", "").strip()[:200],
        direction=request.args.get("direction", ""),
        form=Form(form) if form in set(Form) else None,
        mode=Mode(mode) if mode in set(Mode) else None,
        only_free=bool(request.args.get("free")),
    )


@blueprint.get("/seminars/<int:meeting_id>")
@needs(Permission.ASK_FOR_PLACE)
def seminar(meeting_id: int) -> Response:
    """Show an open seminar: what, when, where, places; sign up, cancel, join."""
    return make_response(page_of_seminar(meeting_id))


def page_of_seminar(meeting_id: int, refusal: DomainError | None = None) -> str:
    """Show an open seminar; ``refusal`` says why the last step wasn't taken."""
    return render_template(
        "meetings/seminar.html",
        seen=seminar_page(db_session(), meeting_id, actor=actor(), now=now(), rules=StayRules.of(tool().settings)),
        state_names=STATE_NAMES,
        refusal=refusal,
    )


@blueprint.post("/seminars/<int:meeting_id>/sign-up")
@needs(Permission.ASK_FOR_PLACE)
def sign_up_for(meeting_id: int) -> Response:
    """Sign up for an open seminar; done twice, as by a double click, it stays as it is."""
    keep_form(lambda refusal: page_of_seminar(meeting_id, refusal))
    try:
        guest = sign_up(db_session(), meeting_id, actor=actor(), now=now())
    except Conflict as refusal:
        if refusal.code != "signed_up_already":
            raise
    else:
        if guest.state is GuestState.SIGNED_UP:
            flash(gettext("You are signed up: the place is yours."), "success")
        else:
            flash(
                gettext("All places are taken: you are on the waiting list and will be told if one becomes free."),
                "success",
            )
    return see_other(url_for("seminars.seminar", meeting_id=meeting_id))


@blueprint.post("/seminars/<int:meeting_id>/cancel")
@needs(Permission.ASK_FOR_PLACE)
def cancel_it(meeting_id: int) -> Response:
    """Give one's own place back, or leave the waiting list."""
    keep_form(lambda refusal: page_of_seminar(meeting_id, refusal))
    guest = cancel(db_session(), meeting_id, actor=actor(), now=now(), zone=tool().settings.zone)
    flash(
        gettext("You have left the waiting list.")
        if guest.signed_up_at is None
        else gettext("You have given the place back."),
        "success",
    )
    return see_other(url_for("seminars.seminar", meeting_id=meeting_id))


@blueprint.route("/meetings/<int:meeting_id>/open", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def open_it(meeting_id: int) -> Response:
    """Let the leader open a meeting to teachers from outside, change the places, or close it."""
    if request.method == "GET":
        return make_response(opening_page(meeting_id))
    keep_form(lambda refusal: opening_page(meeting_id, refusal))
    what_followed = set_open(
        db_session(),
        meeting_id,
        OpenTerms(
            is_open=bool(request.form.get("is_open")),
            guest_places=_number("guest_places"),
            cancel_hours=_number("cancel_hours") or 0,
        ),
        seen=request.form.get("revision", type=int),
        lets_guests_go=bool(request.form.get("lets_guests_go")),
        actor=actor(),
        now=now(),
        zone=tool().settings.zone,
    )
    flash(gettext("Saved."), "success")
    if what_followed.promoted:
        words = ngettext(
            "%(num)s guest got a place from the waiting list and is told.",
            "%(num)s guests got a place from the waiting list and are told.",
            what_followed.promoted,
        )
        flash(words, "success")
    if what_followed.let_go:
        words = ngettext(
            "%(num)s guest is taken off and told.", "%(num)s guests are taken off and told.", what_followed.let_go
        )
        flash(words, "warning")
    return see_other(url_for("credits.meeting", meeting_id=meeting_id, _anchor="guests"))


def opening_page(meeting_id: int, refusal: DomainError | None = None) -> str:
    """Show the form; after a refusal with what was typed."""
    meeting = service.find_meeting(db_session(), meeting_id)
    actor().require_site(meeting.intake.version.programme.site_id)
    typed = request.form if request.method == "POST" else None
    revision = refusal.revision if isinstance(refusal, EditedMeanwhile) else meeting.revision
    return render_template(
        "meetings/opening.html",
        meeting=meeting,
        is_open=meeting.is_open if typed is None else bool(typed.get("is_open")),
        guest_places=_shown(meeting) if typed is None else typed.get("guest_places", ""),
        cancel_hours=meeting.cancel_hours if typed is None else typed.get("cancel_hours", ""),
        revision=revision,
        taken=places_taken(db_session(), meeting.id),
        guests=len(under_way(db_session(), meeting.id)),
        most_places=MOST_PLACES,
        longest_notice=LONGEST_NOTICE,
        refusal=refusal,
    )


def _shown(meeting: Meeting) -> str:
    return "" if meeting.guest_places is None else str(meeting.guest_places)


def _number(field: str) -> int | None:
    """Read a whole number from a field; empty is none. Raises DomainError for what is no number."""
    text = request.form.get(field, "").strip()
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise DomainError(
            "not_a_number", _l("This is no whole number."), remedy=_l("Type digits only."), field=field
        ) from None
