"""Applications for a site, from the draft to the order (3.2)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from lti_app.core.attachments import STORE, Upload, add_attachment, attachments_of, remove_attachment
from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.history import history_of
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.paging import PAGE_SIZE, Page, page_number
from lti_app.core.permissions import Permission, needs
from lti_app.papers.page import paper_answer
from lti_app.people.finding import choose_person, find_people, is_meant
from lti_app.people.models import Organisation, Person
from lti_app.sites.applications import (
    EDITABLE,
    TEXTS,
    ApplicationFacts,
    accept_application,
    application_of,
    applications_seen,
    begin_application,
    change_application,
    is_leading_position,
    lacks,
    may_withdraw,
    own_organisation,
    return_application,
    submit_application,
    withdraw_application,
)
from lti_app.sites.files import EXPERIENCE, attach_to_application
from lti_app.sites.models import ApplicationState, Site, SiteApplication
from lti_app.sites.papers import application_asks, application_paper
from lti_app.sites.words import APPLICATION_FIELDS, APPLICATION_STATES, HISTORY

blueprint = Blueprint("applications", __name__, template_folder="templates")

NAVIGATION = (
    NavItem("applications.mine", _l("Applications"), "inbox", Permission.KEEP_SITES, place=10),
    NavItem(
        "applications.mine",
        _l("Applications for the status of a site"),
        "inbox",
        Permission.APPLY_FOR_SITE,
        place=70,
        for_known=True,
        unless=Permission.KEEP_SITES,
    ),
)
ACTIONS = {"submit", "withdraw", "return", "accept"}


def today() -> date:
    """Return the municipality's date."""
    return now().astimezone(tool().settings.zone).date()


@blueprint.get("/applications")
@needs(Permission.APPLY_FOR_SITE)
def mine() -> str:
    """Show the applications that one may see, newest first; the centre filters by state."""
    session, who = db_session(), actor()
    query = applications_seen(session, actor=who)
    state = request.args.get("state", type=ApplicationState)
    if state is not None:
        query = query.where(SiteApplication.state == state)
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    number = page_number(request.args.get("page", type=row_number), total)
    rows = session.scalars(
        query.order_by(SiteApplication.id.desc()).offset((number - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    ).all()
    return render_template(
        "sites/applications.html",
        page=Page(rows, number, total),
        state=state,
        states=APPLICATION_STATES,
        is_centre=who.may(Permission.KEEP_SITES),
    )


@blueprint.route("/applications/new", methods=["GET", "POST"])
@needs(Permission.APPLY_FOR_SITE)
def new() -> Response:
    """Begin an application."""
    if request.method == "GET":
        return make_response(form_page(None))
    keep_form(lambda refusal: form_page(None, refusal))
    applicant = request.form.get("applicant", type=row_number)
    made = begin_application(db_session(), _facts(), applicant_id=applicant, actor=actor(), now=now())
    flash(gettext("Saved as a draft."), "success")
    return see_other(url_for("applications.application", application_id=made.id))


def _facts() -> ApplicationFacts:
    form = request.form
    leader = choose_person(
        db_session(), chosen_id=form.get("leader", type=row_number), text=form.get("leader_name", ""), field="leader"
    )
    texts = {name: form.get(name) for name in TEXTS}
    return ApplicationFacts(
        host_id=form.get("host", type=row_number) or 0,
        leader_id=leader.person_id,
        term_years=form.get("term_years", type=row_number) or 0,
        renews_id=form.get("renews", type=row_number),
        **texts,
    )


def form_page(application: SiteApplication | None, refusal: DomainError | None = None) -> str:
    """Show the form of an application, with what was typed."""
    session, who = db_session(), actor()
    is_centre = who.may(Permission.KEEP_SITES)
    applicant = application.applicant if application else None if is_centre else own_organisation(session, who)
    chooses_host = is_centre or (applicant is not None and applicant.is_authority)
    values = _typed(application, refusal)
    name = str(values.get("leader_name") or "")
    chosen = _named(str(values.get("leader") or ""), name)
    return render_template(
        "sites/application_form.html",
        application=application,
        applicant=applicant,
        organisations=_organisations() if chooses_host else [],
        sites=_renewable(),
        values=values,
        matches=find_people(session, name) if refusal is not None and chosen is None else [],
        chosen=chosen,
        refusal=refusal,
        names=APPLICATION_FIELDS,
    )


def _named(number: str, text: str) -> Person | None:
    try:
        chosen = db_session().get(Person, row_number(number))
    except ValueError:  # what was typed is no row's number
        return None
    return chosen if chosen is not None and is_meant(db_session(), chosen.id, text) else None


def _organisations() -> list[Organisation]:
    return list(db_session().scalars(select(Organisation).order_by(Organisation.name, Organisation.id)))


def _renewable() -> list[Site]:
    who = actor()
    return list(
        db_session().scalars(
            select(Site).where(Site.id.in_(who.led_site_ids), Site.ended_on.is_(None)).order_by(Site.direction)
        )
    )


def _typed(application: SiteApplication | None, refusal: DomainError | None) -> dict[str, Any]:
    if refusal is not None:
        typed = {name: request.form.get(name, "") for name in request.form}
        if isinstance(refusal, EditedMeanwhile):
            typed["revision"] = str(refusal.revision)
        return typed
    if application is None:
        return {"term_years": "3"}
    stored: dict[str, Any] = {name: getattr(application, name) or "" for name in TEXTS}
    return stored | {
        "host": str(application.host_id),
        "leader": str(application.leader_id or ""),
        "leader_name": application.leader.full_name if application.leader else "",
        "term_years": str(application.term_years),
        "renews": str(application.renews_id or ""),
        "revision": str(application.revision),
    }


@blueprint.get("/applications/<int:application_id>")
@needs(Permission.APPLY_FOR_SITE)
def application(application_id: int) -> str:
    """Show an application, with what can be done with it."""
    return application_page(application_id)


def application_page(application_id: int, refusal: DomainError | None = None) -> str:
    """Show an application, with its files and its history."""
    session, who = db_session(), actor()
    shown = application_of(session, application_id, actor=who)
    is_centre = who.may(Permission.KEEP_SITES)
    return render_template(
        "sites/application.html",
        application=shown,
        states=APPLICATION_STATES,
        names=APPLICATION_FIELDS,
        is_centre=is_centre,
        is_editable=shown.state in EDITABLE,
        may_withdraw=shown.state in (*EDITABLE, ApplicationState.SUBMITTED) and may_withdraw(session, shown, who),
        lacking=lacks(shown, today()) if shown.state in (*EDITABLE, ApplicationState.SUBMITTED) else [],
        odd_position=shown.leader is not None and not is_leading_position(shown.leader.position),
        files=attachments_of(session, shown, EXPERIENCE),
        history=history_of(session, shown, words=HISTORY),
        refusal=refusal,
        remarks=request.form.get("remarks", ""),
    )


@blueprint.get("/applications/<int:application_id>/paper")
@needs(Permission.APPLY_FOR_SITE)
def paper(application_id: int) -> Response:
    """Print an application (3.2)."""
    session = db_session()
    shown = application_of(session, application_id, actor=actor())
    submitted = shown.submitted_at
    day = submitted.astimezone(tool().settings.zone).date() if submitted else today()
    return paper_answer(
        lambda typed: application_paper(session, shown, day, typed),
        application_asks(session, shown, day, tool().settings.centre_name),
        back=url_for("applications.application", application_id=shown.id),
    )


@blueprint.route("/applications/<int:application_id>/edit", methods=["GET", "POST"])
@needs(Permission.APPLY_FOR_SITE)
def edit(application_id: int) -> Response:
    """Show the form of an application; save it."""
    shown = application_of(db_session(), application_id, actor=actor())
    if request.method == "GET":
        return make_response(form_page(shown))
    keep_form(lambda refusal: form_page(application_of(db_session(), application_id, actor=actor()), refusal))
    seen = request.form.get("revision", type=row_number)
    change_application(db_session(), application_id, _facts(), seen=seen, actor=actor(), now=now())
    flash(gettext("Saved."), "success")
    return see_other(url_for("applications.application", application_id=application_id))


@blueprint.post("/applications/<int:application_id>/step")
@needs(Permission.APPLY_FOR_SITE)
def step(application_id: int) -> Response:
    """Put an application in or withdraw it, as its author; return or accept it, as the centre."""
    keep_form(lambda refusal: application_page(application_id, refusal))
    session, who = db_session(), actor()
    match request.form.get("step"):
        case "submit":
            submit_application(session, application_id, actor=who, now=now(), today=today())
            said = gettext("The application is put in: it is with the centre now.")
        case "withdraw":
            withdraw_application(session, application_id, actor=who, now=now())
            said = gettext("The application is withdrawn.")
        case "return":
            remarks = request.form.get("remarks", "")
            return_application(session, application_id, remarks=remarks, actor=who, now=now())
            said = gettext("The application is returned with the remarks.")
        case "accept":
            accept_application(session, application_id, actor=who, now=now())
            said = gettext("The application is accepted; an order is to follow.")
        case _:
            raise DomainError("nothing_chosen", _l("Nothing is chosen."), remedy=_l("Use one of the buttons."))
    flash(said, "success")
    return see_other(url_for("applications.application", application_id=application_id))


@blueprint.post("/applications/<int:application_id>/files")
@needs(Permission.APPLY_FOR_SITE)
def attach(application_id: int) -> Response:
    """Attach a file that shows the experience in innovation."""
    keep_form(lambda refusal: application_page(application_id, refusal))
    shown = attach_to_application(db_session(), application_id, actor=actor())
    upload = request.files.get(EXPERIENCE)
    add_attachment(
        db_session(),
        tool().services[STORE],
        owner=shown,
        purpose=EXPERIENCE,
        upload=Upload(upload.filename or "", upload.read()) if upload else Upload("", b""),
        actor=actor(),
        now=now(),
    )
    return see_other(url_for("applications.application", application_id=application_id) + "#files")


@blueprint.post("/applications/<int:application_id>/files/<int:attachment_id>/remove")
@needs(Permission.APPLY_FOR_SITE)
def detach(application_id: int, attachment_id: int) -> Response:
    """Remove a file of an application that is still its author's."""
    keep_form(lambda refusal: application_page(application_id, refusal))
    shown = attach_to_application(db_session(), application_id, actor=actor())
    remove_attachment(db_session(), attachment_id, owner=shown, actor=actor(), now=now())
    return see_other(url_for("applications.application", application_id=application_id) + "#files")
