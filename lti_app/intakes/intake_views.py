"""Intakes as the leader makes and publishes them (4.2), and as the centre and the council look at them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.history import history_of
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.core.saving import Saved
from lti_app.intakes.filling_views import blueprint
from lti_app.intakes.fullness import fullness_of, intake_to_see
from lti_app.intakes.making import (
    LONGEST_NOTE,
    MOST_PLACES,
    IntakeTerms,
    create_intake,
    edit_intake,
    intake_to_edit,
    organisations_of,
    programme_to_run,
)
from lti_app.intakes.models import Admission, Intake
from lti_app.intakes.publishing import publish
from lti_app.intakes.words import ADMISSION_NAMES, HISTORY, STANDING_NAMES
from lti_app.lti.models import Moodle
from lti_app.people.models import Organisation
from lti_app.programmes.models import ProgrammeVersion, VersionState
from lti_app.programmes.service import version_for_intake

NAVIGATION: tuple[NavItem, ...] = ()

PLACES_AT_FIRST = 15
FIELDS = ("starts_on", "ends_on", "capacity", "moodle", "admission", "requests_until", "note")
MARKS = ("needs_head", "keeps_waiting_list")

__all__ = ["NAVIGATION", "blueprint"]


@blueprint.route("/intakes/new", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def new() -> Response:
    """Make an intake of the programme that the address names."""
    programme_id = request.values.get("programme", 0, type=row_number)
    if request.method == "GET":
        return make_response(new_page(programme_id))
    keep_form(lambda refusal: new_page(programme_id, refusal))
    made = create_intake(db_session(), programme_id, _terms(), actor=actor(), now=now(), zone=tool().settings.zone)
    flash(gettext("The intake %(code)s is made. Publish it once everything is right.", code=made.code), "success")
    return see_other(url_for("intake_pages.edit", intake_id=made.id))


def new_page(programme_id: int, refusal: DomainError | None = None) -> str:
    """Show the form of a new intake."""
    programme = programme_to_run(db_session(), programme_id, actor=actor())
    starts_on = _today() + timedelta(days=30)
    preset = {
        "starts_on": starts_on.isoformat(),
        "ends_on": (starts_on + timedelta(days=60)).isoformat(),
        "capacity": str(PLACES_AT_FIRST),
        "moodle": str(actor().moodle_id or ""),
        "admission": Admission.MUNICIPALITY.value,
        "keeps_waiting_list": "yes",
    }
    version = version_for_intake(programme)
    return _form_page(version, None, preset, refusal, programme_id=programme_id)


@blueprint.route("/intakes/<int:intake_id>/settings", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def edit(intake_id: int) -> Response:
    """Edit an intake."""
    if request.method == "GET":
        return make_response(edit_page(intake_id))
    keep_form(lambda refusal: edit_page(intake_id, refusal))
    session, zone = db_session(), tool().settings.zone
    saved = edit_intake(
        session,
        intake_id,
        _terms(),
        seen=request.form.get("revision", type=row_number),
        planned=tool().services["planned_days"](session, intake_id, zone),
        actor=actor(),
        now=now(),
        zone=zone,
    )
    words = gettext("Nothing was changed.") if saved is Saved.UNCHANGED else gettext("The intake is saved.")
    flash(words, "info" if saved is Saved.UNCHANGED else "success")
    return see_other(url_for("intake_pages.edit", intake_id=intake_id))


def edit_page(intake_id: int, refusal: DomainError | None = None) -> str:
    """Show the form of an intake, with its history."""
    session = db_session()
    intake = intake_to_edit(session, intake_id, actor=actor())
    preset = {
        "starts_on": intake.starts_on.isoformat(),
        "ends_on": intake.ends_on.isoformat(),
        "capacity": str(intake.capacity),
        "moodle": str(intake.moodle_id),
        "admission": intake.admission.value,
        "requests_until": intake.requests_until.isoformat() if intake.requests_until else "",
        "note": intake.note or "",
        "needs_head": "yes" if intake.needs_head else "",
        "keeps_waiting_list": "yes" if intake.keeps_waiting_list else "",
    }
    return _form_page(intake.version, intake, preset, refusal)


def _form_page(
    version: ProgrammeVersion,
    intake: Intake | None,
    preset: dict[str, str],
    refusal: DomainError | None,
    *,
    programme_id: int | None = None,
) -> str:
    session = db_session()
    typed = request.method == "POST" and "starts_on" in request.form
    organisations = session.scalars(select(Organisation).order_by(Organisation.name, Organisation.id)).all()
    chosen = request.form.getlist("organisations", type=row_number) if typed else []
    if not typed and intake is not None:
        chosen = [one.id for one in organisations_of(session, intake.id)]
    return render_template(
        "intakes/settings.html",
        intake=intake,
        version=version,
        programme_id=programme_id,
        values={name: request.form.get(name, "") for name in (*FIELDS, *MARKS)} if typed else preset,
        organisations=organisations,
        chosen=chosen,
        moodles=session.scalars(select(Moodle).order_by(Moodle.name)).all(),
        admission_names=ADMISSION_NAMES,
        is_approved=version.state is VersionState.APPROVED,
        has_begun=intake is not None and intake.starts_on <= _today(),
        revision=refusal.revision if isinstance(refusal, EditedMeanwhile) else _revision(intake),
        history=history_of(session, intake, words=HISTORY) if intake is not None else [],
        most=MOST_PLACES,
        longest_note=LONGEST_NOTE,
        refusal=refusal,
    )


def _revision(intake: Intake | None) -> int | None:
    """Return the revision that the form shows: what was typed belongs to the one that it was filled from."""
    typed = request.form.get("revision", type=row_number)
    return typed if typed is not None else intake.revision if intake is not None else None


@blueprint.post("/intakes/<int:intake_id>/publish")
@needs(Permission.RUN_INTAKES)
def publish_it(intake_id: int) -> Response:
    """Publish an intake of an approved version (4.2)."""
    keep_form(lambda refusal: edit_page(intake_id, refusal))
    publish(db_session(), intake_id, actor=actor(), now=now(), zone=tool().settings.zone)
    flash(gettext("Published. Its course in Moodle appears after the next night."), "success")
    return see_other(url_for("intake_pages.edit", intake_id=intake_id))


@blueprint.get("/intakes/<int:intake_id>/overview")
@needs(Permission.SEE_INTAKES)
def overview(intake_id: int) -> Response:
    """Show what an intake says and how full it is, to those who don't run it."""
    session = db_session()
    intake = intake_to_see(session, intake_id, actor=actor())
    return make_response(
        render_template(
            "intakes/overview.html",
            intake=intake,
            fullness=fullness_of(session, intake),
            organisations=organisations_of(session, intake.id),
            admission_names=ADMISSION_NAMES,
            standing_names=STANDING_NAMES,
            may_fill=actor().may(Permission.KEEP_PEOPLE) or intake.version.programme.site_id in actor().led_site_ids,
            history=history_of(session, intake, words=HISTORY),
        )
    )


def _terms() -> IntakeTerms:
    form = request.form
    return IntakeTerms(
        starts_on=_required(_day("starts_on"), "starts_on"),
        ends_on=_required(_day("ends_on"), "ends_on"),
        capacity=_required(form.get("capacity", type=row_number), "capacity"),
        moodle_id=form.get("moodle", 0, type=row_number),
        admission=_required(form.get("admission", type=Admission), "admission"),
        organisation_ids=frozenset(form.getlist("organisations", type=row_number)),
        needs_head=bool(form.get("needs_head")),
        keeps_waiting_list=bool(form.get("keeps_waiting_list")),
        requests_until=_optional_day("requests_until"),
        note=form.get("note", "").strip().replace("\r\n", "\n") or None,
    )


def _required(value: Any, name: str) -> Any:
    if value is None:
        raise DomainError(
            "field_missing",
            _l("A field is empty, or what stands there can't be read."),
            remedy=_l("Fill the field in."),
            field=name,
        )
    return value


def _day(name: str) -> date | None:
    return request.form.get(name, type=date.fromisoformat)


def _optional_day(name: str) -> date | None:
    return _required(_day(name), name) if request.form.get(name) else None


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()
