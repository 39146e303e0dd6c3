"""Competences as a trainee and the leader rate them, and how they changed (6.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext, ngettext
from openpyxl import Workbook
from openpyxl.styles import Font

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.paging import asked_page, page_of
from lti_app.core.permissions import Permission, needs
from lti_app.core.sheets import cells
from lti_app.intakes.models import Intake, Trainee
from lti_app.intakes.places import site_of
from lti_app.plans.dynamics import Rating, dynamics
from lti_app.plans.models import RatingMoment, Side
from lti_app.plans.rating import Window, competences_of, hours_reached, rate, ratings_of, window_of
from lti_app.plans.seats import Seat, enrolled, led_intake, led_seat, own_seat
from lti_app.plans.words import MOMENTS, SIDES
from lti_app.programmes.models import Competence
from lti_app.programmes.scale import scale_of

blueprint = Blueprint("competences", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Values = dict[tuple[int, int, RatingMoment, Side], int]
"""Places on the scale by trainee id, competence id, moment and side."""


@dataclass(frozen=True)
class MomentForm:
    """Show the ratings of one moment: whether this side may rate it now, and in which days."""

    moment: RatingMoment
    window: Window
    is_open: bool
    is_ahead: bool


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()


def by_place(ratings: list[Rating]) -> Values:
    """Return ratings by whose and what they are."""
    return {(one.trainee_id, one.competence_id, one.moment, one.side): one.value for one in ratings}


@blueprint.route("/intakes/<int:intake_id>/competences", methods=["GET", "POST"])
@needs(Permission.SIGNED_IN)
def index(intake_id: int) -> Response:
    """Show the leader the table of an intake, a trainee their own ratings (``?as=trainee`` where both); take them."""
    if request.method == "POST":
        return _rated(lambda: own_seat(db_session(), intake_id, actor=actor()))
    leads = site_of(db_session(), intake_id) in actor().led_site_ids
    if leads and request.args.get("as") != "trainee":
        return make_response(table_page(intake_id))
    return make_response(rating_page(own_seat(db_session(), intake_id, actor=actor())))


@blueprint.route("/trainees/<int:trainee_id>/competences", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def trainee(trainee_id: int) -> Response:
    """Show the leader the ratings of one trainee, and take the leader's own."""

    def seat() -> Seat:
        return led_seat(db_session(), trainee_id, actor=actor())

    return _rated(seat) if request.method == "POST" else make_response(rating_page(seat()))


def _rated(find: Callable[[], Seat]) -> Response:
    keep_form(lambda refusal: rating_page(find(), refusal))
    session, form, seat = db_session(), request.form, find()
    known = competences_of(session, seat.intake.version_id)
    changed = 0
    for moment in RatingMoment:
        values = {one.id: form.get(f"{moment.value}_{one.id}", type=row_number) for one in known}
        if any(value is not None for value in values.values()):
            changed += rate(session, seat, moment, values, actor=actor(), now=now(), zone=tool().settings.zone)
    words = ngettext("%(num)s rating is saved.", "%(num)s ratings are saved.", changed)
    flash(words if changed else gettext("Nothing was changed."), "success" if changed else "info")
    return see_other(_address(seat))


def _address(seat: Seat) -> str:
    if seat.is_leader:
        return url_for("competences.index", intake_id=seat.intake.id)
    return url_for("competences.index", intake_id=seat.intake.id) + "?as=trainee"


def rating_page(seat: Seat, refusal: DomainError | None = None) -> str:
    """Show the ratings of a trainee, those of this side as a form while its days last."""
    session, today = db_session(), _today()
    has_hours = hours_reached(session, seat)
    forms = []
    for moment in RatingMoment:
        window = window_of(seat.intake, seat.side, moment, has_hours=has_hours)
        forms.append(MomentForm(moment, window, seat.is_open and window.is_open(today), today < window.opens_on))
    return render_template(
        "plans/rating.html",
        seat=seat,
        competences=competences_of(session, seat.intake.version_id),
        scale=scale_of(seat.version),
        values=by_place(ratings_of(session, trainee_id=seat.trainee.id)),
        forms=forms,
        is_open=any(one.is_open for one in forms),
        moments=MOMENTS,
        sides=SIDES,
        Side=Side,
        typed=request.form if request.method == "POST" else {},
        refusal=refusal,
    )


def table_page(intake_id: int) -> str:
    """Show the leader who was rated how at the start and at the end, and the dynamics."""
    session = db_session()
    intake = led_intake(session, intake_id, actor=actor())
    ratings = ratings_of(session, intake_id=intake_id)
    people = enrolled(session, intake_id)
    here = {one.id for one in people}
    counted = [one for one in ratings if one.trainee_id in here]
    return render_template(
        "plans/competences.html",
        intake=intake,
        page=page_of(people, request.args.get("page", type=asked_page)),
        people=people,
        competences=competences_of(session, intake.version_id),
        scale=scale_of(intake.version),
        values=by_place(ratings),
        dynamics={side: dynamics(counted, side) for side in (Side.LEADER, Side.TRAINEE)},
        RatingMoment=RatingMoment,
        Side=Side,
        own_person=actor().person_id,
    )


@blueprint.get("/intakes/<int:intake_id>/competences.xlsx")
@needs(Permission.RUN_INTAKES)
def workbook(intake_id: int) -> Response:
    """Save the ratings of an intake as a workbook."""
    session = db_session()
    intake = led_intake(session, intake_id, actor=actor())
    content = _workbook(
        intake,
        list(competences_of(session, intake.version_id)),
        list(enrolled(session, intake_id)),
        by_place(ratings_of(session, intake_id=intake_id)),
    )
    response = Response(content, mimetype=XLSX)
    response.headers["Content-Disposition"] = f'attachment; filename="competences-{intake.id}.xlsx"'
    return response


def _workbook(intake: Intake, competences: list[Competence], people: list[Trainee], values: Values) -> bytes:
    book = Workbook()
    sheet = book.create_sheet(gettext("Planned results"), 0)
    sheet.append(cells([f"{intake.version.title} ({intake.code})"]))
    sheet.append(cells([" · ".join(f"{place} {step}" for place, step in enumerate(scale_of(intake.version)))]))
    columns = [(one, side, moment) for one in competences for side in Side for moment in RatingMoment]
    heads = [f"{one.position}. {one.text} – {SIDES[side]}, {MOMENTS[moment]}" for one, side, moment in columns]
    sheet.append(cells([gettext("Full name"), *heads]))
    for person in people:
        marks: list[Any] = [values.get((person.id, one.id, moment, side)) for one, side, moment in columns]
        sheet.append(cells([person.person.full_name, *marks]))
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # a name that begins with "=" is no formula
    for cell in (*sheet[1], *sheet[3]):
        cell.font = Font(bold=True)
    sheet.column_dimensions["A"].width = 38
    sheet.freeze_panes = "B4"
    file = BytesIO()
    book.save(file)
    return file.getvalue()
