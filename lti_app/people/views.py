"""Organisations and people, as the centre keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.history import history_of
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.paging import PAGE_SIZE, Page, page_number
from lti_app.core.permissions import Permission, needs
from lti_app.people.finding import choose_person, find_people, named_like
from lti_app.people.keeping import (
    ORGANISATION_TEXTS,
    PERSON_TEXTS,
    OrganisationPage,
    PersonPage,
    keep_organisation,
    keep_person,
    name_head,
    organisation_of,
    person_of,
)
from lti_app.people.models import Category, MoodleAccount, Organisation, OrganisationHead, Person
from lti_app.people.words import CATEGORY_NAMES, FIELD_NAMES, HISTORY

blueprint = Blueprint("people_pages", __name__, template_folder="templates")

NAVIGATION = (NavItem("people_pages.people", _l("People"), "people", Permission.KEEP_PEOPLE, place=40),)
MOST_COUNTED = 1000
"""A list of people is counted up to this: beyond it nobody pages, they search."""


@blueprint.get("/people")
@needs(Permission.KEEP_PEOPLE)
def people() -> str:
    """Show the list of people: searched by names or e-mail, filtered by organisation and category."""
    session, args = db_session(), request.args
    query = select(Person)
    text = args.get("q", "").strip()
    if text:
        query = query.where(named_like(text))
    organisation_id = args.get("organisation", type=row_number)
    if organisation_id is not None:
        query = query.where(Person.organisation_id == organisation_id)
    category = args.get("category", "")
    if category == "none":
        query = query.where(Person.category.is_(None))
    elif category in {one.value for one in Category}:
        query = query.where(Person.category == Category(category))
    counted = select(func.count()).select_from(query.with_only_columns(Person.id).limit(MOST_COUNTED).subquery())
    total = session.scalar(counted) or 0
    number = page_number(args.get("page", type=row_number), total)
    rows = session.scalars(
        query.options(joinedload(Person.organisation))
        .order_by(Person.name_key, Person.id)
        .offset((number - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE)
    ).all()
    return render_template(
        "people/people.html",
        page=Page(rows, number, total),
        is_cut=total == MOST_COUNTED,
        organisations=session.execute(
            select(Organisation.id, func.coalesce(Organisation.short_name, Organisation.name)).order_by(
                Organisation.name, Organisation.id
            )
        ).all(),
        asked={name: args[name] for name in ("q", "organisation", "category") if args.get(name)},
        categories=CATEGORY_NAMES,
    )


@blueprint.route("/people/new", methods=["GET", "POST"])
@needs(Permission.KEEP_PEOPLE)
def new_person() -> Response:
    """Put a person on the list."""
    if request.method == "GET":
        return make_response(person_page(None))
    keep_form(lambda refusal: person_page(None, refusal))
    made = keep_person(db_session(), None, _person(), seen=None, actor=actor(), now=now())
    flash(gettext("Saved."), "success")
    return see_other(url_for("people_pages.person", person_id=made.id))


@blueprint.route("/people/<int:person_id>", methods=["GET", "POST"])
@needs(Permission.KEEP_PEOPLE)
def person(person_id: int) -> Response:
    """Show a person; save what the page says."""
    shown = person_of(db_session(), person_id, actor=actor())
    if request.method == "GET":
        return make_response(person_page(shown))
    keep_form(lambda refusal: person_page(person_of(db_session(), person_id, actor=actor()), refusal))
    seen = request.form.get("revision", type=row_number)
    keep_person(db_session(), shown, _person(), seen=seen, actor=actor(), now=now())
    flash(gettext("Saved."), "success")
    return see_other(url_for("people_pages.person", person_id=person_id))


def _person() -> PersonPage:
    form = request.form
    return PersonPage(
        {name: form.get(name, "") for name in PERSON_TEXTS},
        organisation_id=form.get("organisation", type=row_number),
        category=form.get("category", type=Category),
        category_since=_day("category_since"),
        category_until=_day("category_until"),
    )


def _day(name: str) -> date | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DomainError(
            "day_missing", _l("A date is missing, or it isn't one."), remedy=_l("Give it."), field=name
        ) from error


def person_page(shown: Person | None, refusal: DomainError | None = None) -> str:
    """Show a person's page, with what was typed."""
    session = db_session()
    accounts: Sequence[MoodleAccount] = ()
    if shown is not None:
        accounts = session.scalars(select(MoodleAccount).where(MoodleAccount.person_id == shown.id)).all()
    return render_template(
        "people/person.html",
        person=shown,
        values=_typed(shown, PERSON_TEXTS, refusal),
        organisations=session.scalars(select(Organisation).order_by(Organisation.name, Organisation.id)).all(),
        categories=CATEGORY_NAMES,
        names=FIELD_NAMES,
        accounts=accounts,
        history=history_of(session, shown, words=HISTORY) if shown is not None else [],
        refusal=refusal,
    )


def _typed(row: Any, texts: tuple[str, ...], refusal: DomainError | None) -> dict[str, Any]:
    if refusal is not None:
        typed: dict[str, Any] = dict(request.form.items())
        if isinstance(refusal, EditedMeanwhile):
            typed["revision"] = refusal.revision
        return typed
    if row is None:
        return {}
    stored: dict[str, Any] = {name: getattr(row, name) or "" for name in texts}
    if isinstance(row, Person):
        stored |= {
            "organisation": str(row.organisation_id or ""),
            "category": row.category.value if row.category else "",
            "category_since": row.category_since.isoformat() if row.category_since else "",
            "category_until": row.category_until.isoformat() if row.category_until else "",
        }
    else:
        stored |= {"licensed": row.licensed, "is_authority": row.is_authority}
    return stored | {"revision": row.revision}


@blueprint.get("/organisations")
@needs(Permission.KEEP_PEOPLE)
def organisations() -> str:
    """Show the list of organisations, searched by code and name."""
    session = db_session()
    text = request.args.get("q", "").strip()
    query = select(Organisation)
    if text:
        query = query.where(
            or_(
                *(
                    column.contains(form, autoescape=True)
                    for column in (Organisation.code, Organisation.name, Organisation.short_name)
                    for form in {text, text.lower(), text.capitalize(), text.upper()}
                )
            )
        )
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    number = page_number(request.args.get("page", type=row_number), total)
    rows = session.scalars(
        query.order_by(Organisation.name, Organisation.id).offset((number - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    ).all()
    return render_template("people/organisations.html", page=Page(rows, number, total), q=text)


@blueprint.route("/organisations/new", methods=["GET", "POST"])
@needs(Permission.KEEP_PEOPLE)
def new_organisation() -> Response:
    """Put an organisation down."""
    if request.method == "GET":
        return make_response(organisation_page(None))
    keep_form(lambda refusal: organisation_page(None, refusal))
    made = keep_organisation(db_session(), None, _organisation(), seen=None, actor=actor(), now=now())
    flash(gettext("Saved."), "success")
    return see_other(url_for("people_pages.organisation", organisation_id=made.id))


@blueprint.route("/organisations/<int:organisation_id>", methods=["GET", "POST"])
@needs(Permission.KEEP_PEOPLE)
def organisation(organisation_id: int) -> Response:
    """Show an organisation with its heads; save what the page says."""
    shown = organisation_of(db_session(), organisation_id, actor=actor())
    if request.method == "GET":
        return make_response(organisation_page(shown))
    keep_form(lambda refusal: organisation_page(organisation_of(db_session(), organisation_id, actor=actor()), refusal))
    seen = request.form.get("revision", type=row_number)
    keep_organisation(db_session(), shown, _organisation(), seen=seen, actor=actor(), now=now())
    flash(gettext("Saved."), "success")
    return see_other(url_for("people_pages.organisation", organisation_id=organisation_id))


def _organisation() -> OrganisationPage:
    form = request.form
    return OrganisationPage(
        {name: form.get(name, "") for name in ORGANISATION_TEXTS},
        licensed=bool(form.get("licensed")),
        is_authority=bool(form.get("is_authority")),
    )


@blueprint.post("/organisations/<int:organisation_id>/head")
@needs(Permission.KEEP_PEOPLE)
def head(organisation_id: int) -> Response:
    """Say who heads the organisation."""
    keep_form(lambda refusal: organisation_page(organisation_of(db_session(), organisation_id, actor=actor()), refusal))
    form = request.form
    chosen = choose_person(
        db_session(), chosen_id=form.get("head", type=row_number), text=form.get("head_name", ""), field="head"
    )
    since = _day("since") or now().astimezone(tool().settings.zone).date()
    name_head(db_session(), organisation_id, person_id=chosen.person_id, since=since, actor=actor(), now=now())
    flash(gettext("Saved."), "success")
    return see_other(url_for("people_pages.organisation", organisation_id=organisation_id))


def organisation_page(shown: Organisation | None, refusal: DomainError | None = None) -> str:
    """Show an organisation's page, with what was typed."""
    session = db_session()
    heads: Sequence[OrganisationHead] = ()
    if shown is not None:
        heads = session.scalars(
            select(OrganisationHead)
            .where(OrganisationHead.organisation_id == shown.id)
            .options(joinedload(OrganisationHead.person))
            .order_by(OrganisationHead.since.desc())
        ).all()
    names_head = "head_name" in request.form
    return render_template(
        "people/organisation.html",
        organisation=shown,
        values=_typed(shown, ORGANISATION_TEXTS, None if names_head else refusal),
        names=FIELD_NAMES,
        heads=heads,
        head_name=request.form.get("head_name", ""),
        since=request.form.get("since", "") or now().astimezone(tool().settings.zone).date().isoformat(),
        matches=find_people(session, request.form.get("head_name", "")) if names_head and refusal else [],
        history=history_of(session, shown, *heads, words=HISTORY) if shown is not None else [],
        refusal=refusal,
    )
