"""The places of an intake, for its leader and the centre: who has one, who waits, who is added, who left."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.numbers import row_number
from lti_app.core.paging import asked_page
from lti_app.core.permissions import Permission, needs
from lti_app.intakes.finding import MOST_LINES, find_people, match_lines
from lti_app.intakes.fullness import (
    Standing,
    all_lines,
    fullness_of,
    intake_to_fill,
    invited_people,
    lines_page,
)
from lti_app.intakes.listing import Listed, add_people, invite, say_left
from lti_app.intakes.models import Admission
from lti_app.intakes.words import STANDING_NAMES
from lti_app.intakes.workbook import places_workbook

blueprint = Blueprint("intake_pages", __name__, template_folder="templates")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("/intakes/<int:intake_id>/places")
@needs(Permission.FILL_PLACES)
def places(intake_id: int) -> Response:
    """Show one of the lists of an intake, how full it is, and people found to be added."""
    return make_response(filling_page(intake_id))


def filling_page(intake_id: int, refusal: DomainError | None = None) -> str:
    """Show the places of an intake; ``refusal`` says why the last step wasn't taken."""
    session = db_session()
    intake = intake_to_fill(session, intake_id, actor=actor())
    fullness = fullness_of(session, intake)
    shown = request.args.get("list", Standing.ENROLLED, type=Standing)
    pasted, query = request.form.get("pasted", ""), request.args.get("who", "").strip()
    today = now().astimezone(tool().settings.zone).date()
    return render_template(
        "intakes/filling.html",
        intake=intake,
        fullness=fullness,
        shown=shown,
        standings=list(Standing),
        standing_names=STANDING_NAMES,
        page=lines_page(
            session,
            intake,
            shown,
            asked_page=request.args.get("page", type=asked_page),
            total=fullness.lists[shown],
        ),
        query=query,
        found=find_people(session, query),
        pasted=pasted,
        lines=match_lines(session, pasted) if pasted else [],
        most_lines=MOST_LINES,
        chosen=request.form.getlist("person", type=row_number),
        invited=invited_people(session, intake.id) if intake.admission is Admission.INVITATION else None,
        has_begun=intake.starts_on <= today,
        is_over=intake.ends_on < today or intake.broken_off_on is not None,
        leads=intake.version.programme.site_id in actor().led_site_ids,
        refusal=refusal,
    )


@blueprint.post("/intakes/<int:intake_id>/places/match")
@needs(Permission.FILL_PLACES)
def match(intake_id: int) -> Response:
    """Show whom the lines of a pasted list name; nothing is written."""
    return make_response(filling_page(intake_id))


@blueprint.post("/intakes/<int:intake_id>/places/add")
@needs(Permission.FILL_PLACES)
def add(intake_id: int) -> Response:
    """Give the chosen people places, or invite them to ask for one."""
    keep_form(lambda refusal: filling_page(intake_id, refusal))
    people = request.form.getlist("person", type=row_number)
    if request.form.get("step") == "invite":
        number = invite(db_session(), intake_id, people, actor=actor(), now=now())
        flash(gettext("Invited to ask for a place: %(people)s.", people=number), "success")
    else:
        _say(add_people(db_session(), intake_id, people, actor=actor(), now=now(), zone=tool().settings.zone))
    return see_other(url_for("intake_pages.places", intake_id=intake_id))


def _say(listed: Listed) -> None:
    if listed.granted:
        flash(gettext("Places given: %(people)s.", people=", ".join(listed.granted)), "success")
    if listed.waiting:
        flash(gettext("On the waiting list: %(people)s.", people=", ".join(listed.waiting)), "info")
    if listed.left_out:
        people = "; ".join(f"{name} — {reason}" for name, reason in listed.left_out)
        flash(gettext("Left out: %(people)s.", people=people), "warning")


@blueprint.post("/intakes/<int:intake_id>/places/left")
@needs(Permission.FILL_PLACES)
def left(intake_id: int) -> Response:
    """Say which trainees left."""
    keep_form(lambda refusal: filling_page(intake_id, refusal))
    chosen = request.form.getlist("trainee", type=row_number)
    gone = say_left(db_session(), intake_id, chosen, actor=actor(), now=now(), zone=tool().settings.zone)
    names = ", ".join(trainee.person.full_name for trainee in gone)
    flash(
        gettext("Noted that they left: %(people)s. Enrolment in the course ends with the night.", people=names),
        "success",
    )
    return see_other(url_for("intake_pages.places", intake_id=intake_id))


@blueprint.get("/intakes/<int:intake_id>/places.xlsx")
@needs(Permission.FILL_PLACES)
def export(intake_id: int) -> Response:
    """Give all lists of the intake as a workbook."""
    intake = intake_to_fill(db_session(), intake_id, actor=actor())
    response = make_response(places_workbook(intake, all_lines(db_session(), intake), tool().settings.zone))
    response.mimetype = XLSX
    response.headers.set("Content-Disposition", "attachment", filename=f"{_ascii(intake.code)}-{_today()}.xlsx")
    return response


def _ascii(code: str) -> str:
    return code.encode("ascii", "ignore").decode() or "intake"


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()
