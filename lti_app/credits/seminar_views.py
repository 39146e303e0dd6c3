"""Guests of open meetings: the leader's word on them and their hours; and each guest's own seminars and hours."""

from __future__ import annotations

from decimal import Decimal

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext, ngettext

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.numbers import row_number
from lti_app.core.paging import asked_page, page_of
from lti_app.core.permissions import Permission, needs
from lti_app.credits.models import EntryKind
from lti_app.credits.seminar_models import SeminarCredit
from lti_app.credits.seminar_section import RefusedGuests
from lti_app.credits.seminars import entries_of, give_hours, reverse_hours, standing, standing_credit
from lti_app.credits.views import meeting_page
from lti_app.meetings.guest_lists import own_seminars
from lti_app.meetings.guest_presence import LONGEST_REASON, confirm_guests
from lti_app.meetings.guest_words import STATE_NAMES
from lti_app.meetings.guests import take_off
from lti_app.meetings.models import GuestState

blueprint = Blueprint("seminar_hours", __name__, template_folder="templates")


@blueprint.get("/seminars/mine")
@needs(Permission.ASK_FOR_PLACE)
def mine() -> Response:
    """Show a person the open seminars that they signed up for, and the hours credited at them."""
    person_id = actor().require_person()
    own = own_seminars(db_session(), actor=actor(), now=now())
    entries = entries_of(db_session(), person_id=person_id)
    credits = standing(entries)
    ahead = [one for one in own if not one.is_over and one.state is not GuestState.CANCELLED and not one.has_lapsed]
    past = [one for one in reversed(own) if one not in ahead]
    page = render_template(
        "credits/own_seminars.html",
        ahead=ahead,
        page=page_of(past, request.args.get("page", type=asked_page)),
        credits=credits,
        reversals=_last_reversals(entries),
        total=sum((entry.hours for entry in credits.values()), Decimal(0)),
        state_names=STATE_NAMES,
    )
    return make_response(page)


def _last_reversals(entries: list[SeminarCredit]) -> dict[int, SeminarCredit]:
    return {entry.guest_id: entry for entry in entries if entry.kind is EntryKind.REVERSAL}


@blueprint.post("/meetings/<int:meeting_id>/guests/attendance")
@needs(Permission.RUN_INTAKES)
def attendance(meeting_id: int) -> Response:
    """Confirm the whole list of guests at once: those ticked were there, the others not."""
    present, reason = set(request.form.getlist("guest", type=row_number)), request.form.get("reason", "")
    typed = RefusedGuests("attendance", frozenset(present), reason)
    keep_form(lambda refusal: meeting_page(meeting_id, refusal=refusal, refused_guests=typed))
    confirm_guests(
        db_session(),
        meeting_id=meeting_id,
        present=present,
        reason=reason,
        actor=actor(),
        now=now(),
    )
    flash(gettext("The attendance of the guests is confirmed."), "success")
    return see_other(url_for("credits.meeting", meeting_id=meeting_id, _anchor="guests"))


@blueprint.post("/meetings/<int:meeting_id>/guests/credit")
@needs(Permission.RUN_INTAKES)
def credit(meeting_id: int) -> Response:
    """Credit the meeting's hours to the guests ticked."""
    chosen = set(request.form.getlist("credit", type=row_number))
    typed = RefusedGuests("credit", frozenset(chosen))
    keep_form(lambda refusal: meeting_page(meeting_id, refusal=refusal, refused_guests=typed))
    given = give_hours(
        db_session(),
        meeting_id=meeting_id,
        guest_ids=chosen,
        actor=actor(),
        now=now(),
        zone=tool().settings.zone,
    )
    words = ngettext(
        "Hours are credited to %(num)s guest, who is told.",
        "Hours are credited to %(num)s guests, who are told.",
        given,
    )
    flash(words, "success")
    return see_other(url_for("credits.meeting", meeting_id=meeting_id, _anchor="guests"))


@blueprint.post("/meetings/guests/<int:guest_id>/take-off")
@needs(Permission.RUN_INTAKES)
def take_guest_off(guest_id: int) -> Response:
    """Take a guest off the list before the start."""
    guest = take_off(db_session(), guest_id, actor=actor(), now=now(), zone=tool().settings.zone)
    flash(gettext("%(name)s is taken off the list and told.", name=guest.person.full_name), "success")
    return see_other(url_for("credits.meeting", meeting_id=guest.meeting_id, _anchor="guests"))


@blueprint.route("/meetings/guests/credits/<int:credit_id>/reversal", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def reverse(credit_id: int) -> Response:
    """Say what taking a guest's hours back would do, and take them back for a reason."""
    if request.method == "GET":
        return make_response(reversal_page(credit_id))
    reason = request.form.get("reason", "")
    keep_form(lambda refusal: reversal_page(credit_id, reason=reason, refusal=refusal))
    entry = reverse_hours(
        db_session(), credit_id=credit_id, reason=reason, actor=actor(), now=now(), zone=tool().settings.zone
    )
    flash(gettext("The hours are taken back; the guest is told."), "success")
    return see_other(url_for("credits.meeting", meeting_id=entry.meeting_id, _anchor="guests"))


def reversal_page(credit_id: int, *, reason: str = "", refusal: DomainError | None = None) -> str:
    """Show the form that takes hours back; ``reason`` keeps what was typed."""
    return render_template(
        "credits/seminar_reversal.html",
        entry=standing_credit(db_session(), credit_id=credit_id, actor=actor()),
        reason=reason,
        refusal=refusal,
        longest_reason=LONGEST_REASON,
    )
