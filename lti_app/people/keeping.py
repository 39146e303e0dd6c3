"""The centre's lists of organisations and people: kept on pages, with heads over time (1.3, 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError, validate
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.editing import Difference, require_unchanged
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor, Permission
from lti_app.people.models import Category, Organisation, OrganisationHead, Person
from lti_app.people.words import CATEGORY_NAMES, FIELD_NAMES

ORGANISATION_TEXTS = ("code", "name", "short_name", "type", "address")
PERSON_TEXTS = ("last_name", "first_name", "middle_name", "email", "moodle_idnumber", "position")
_email = validate.Email()
NEEDED = frozenset({"code", "name", "last_name", "first_name"})


@dataclass(frozen=True)
class OrganisationPage:
    """Hold what the page of an organisation says."""

    texts: Mapping[str, str]
    licensed: bool = False
    is_authority: bool = False


@dataclass(frozen=True)
class PersonPage:
    """Hold what the page of a person says; local dates."""

    texts: Mapping[str, str]
    organisation_id: int | None = None
    category: Category | None = None
    category_since: date | None = None
    category_until: date | None = None


def _texts(
    typed: Mapping[str, str], names: tuple[str, ...], model: type[Organisation | Person]
) -> dict[str, str | None]:
    found = {name: " ".join(typed.get(name, "").split()) or None for name in names}
    require_fitting(model, found)
    for name in names:
        if name in NEEDED and found[name] is None:
            raise DomainError(
                "field_missing",
                _l("“%(field)s” is empty.", field=FIELD_NAMES[name]),
                remedy=_l("Fill it in."),
                field=name,
            )
    return found


def organisation_of(session: Session, organisation_id: int, *, actor: Actor) -> Organisation:
    """Return an organisation. Raises Forbidden to who doesn't keep the lists, NotFound."""
    actor.require(Permission.KEEP_PEOPLE)
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound("no_such_organisation", _l("There is no such organisation."))
    return organisation


def person_of(session: Session, person_id: int, *, actor: Actor) -> Person:
    """Return a person. Raises Forbidden to who doesn't keep the lists, NotFound."""
    actor.require(Permission.KEEP_PEOPLE)
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound("no_such_person", _l("There is no such person."))
    return person


def keep_organisation(
    session: Session,
    existing: Organisation | None,
    page: OrganisationPage,
    *,
    seen: int | None,
    actor: Actor,
    now: datetime,
) -> Organisation:
    """Make an organisation of any type (1.3), or bring ``existing`` to what its page says.

    Raises EditedMeanwhile, DomainError for what is empty or too long, Conflict for a code that another one has.
    """
    actor.require(Permission.KEEP_PEOPLE)
    values: dict[str, Any] = _texts(page.texts, ORGANISATION_TEXTS, Organisation)
    values |= {"licensed": page.licensed, "is_authority": page.is_authority}
    if existing is not None:
        require_unchanged(session, existing, seen, lambda: _compared(session, existing, values))
    twin = session.scalar(
        select(Organisation).where(
            Organisation.code == values["code"], Organisation.id != (existing.id if existing else 0)
        )
    )
    if twin is not None:
        raise Conflict(
            "code_taken",
            _l("This code belongs to %(name)s.", name=twin.label),
            remedy=_l("Give another code."),
            field="code",
        )
    if existing is None:
        existing = Organisation(**values)
        saving.add(session, existing, actor=actor, now=now, action="create_organisation")
    else:
        saving.change(session, existing, values, actor=actor, now=now, action="change_organisation")
    return existing


def keep_person(
    session: Session, existing: Person | None, page: PersonPage, *, seen: int | None, actor: Actor, now: datetime
) -> Person:
    """Put a person on the list, or bring ``existing`` to what the page says.

    Raises EditedMeanwhile, DomainError for what is empty, too long or contradicts itself, Conflict for another's key.
    """
    actor.require(Permission.KEEP_PEOPLE)
    values: dict[str, Any] = _texts(page.texts, PERSON_TEXTS, Person)
    values |= {
        "organisation_id": page.organisation_id,
        "category": page.category,
        "category_since": page.category_since,
        "category_until": page.category_until,
    }
    if existing is not None:
        require_unchanged(session, existing, seen, lambda: _compared(session, existing, values))
    _check_category(page)
    if existing is None or existing.email != values["email"]:
        _check_email(values["email"])
    if values["email"] is None and values["moodle_idnumber"] is None:
        raise DomainError(
            "person_without_key",
            _l("Neither the number in Moodle nor the e-mail is given."),
            remedy=_l("Give at least one of them: by it the person is found in Moodle."),
            field="email",
        )
    if page.organisation_id is not None and session.get(Organisation, page.organisation_id) is None:
        raise DomainError(
            "no_such_organisation",
            _l("There is no such organisation."),
            remedy=_l("Choose it of the list."),
            field="organisation",
        )
    _check_keys(session, existing, values)
    if existing is None:
        existing = Person(**values)
        saving.add(session, existing, actor=actor, now=now, action="create_person")
    else:
        saving.change(session, existing, values, actor=actor, now=now, action="change_person")
    return existing


def _check_email(email: str | None) -> None:
    if email is None:
        return
    try:
        _email(email)
    except ValidationError:
        raise DomainError(
            "email_wrong",
            _l("This is not an e-mail address."),
            remedy=_l("Write one address such as ivanova@example.org."),
            field="email",
        ) from None


def _check_category(page: PersonPage) -> None:
    if page.category is None and (page.category_since or page.category_until):
        raise DomainError(
            "expiry_without_category",
            _l("Days are given for a category, but no category."),
            remedy=_l("Name the category (highest or first), or leave the days empty."),
            field="category",
            clause="4.1",
        )
    if page.category_since and page.category_until and page.category_until < page.category_since:
        raise DomainError(
            "category_backward",
            _l("The category ends before it was given."),
            remedy=_l("Check both days."),
            field="category_until",
            clause="4.1",
        )


def _check_keys(session: Session, existing: Person | None, values: Mapping[str, Any]) -> None:
    own = existing.id if existing else 0
    keys = (
        ("email", func.lower(Person.email) == (values["email"] or "").lower()),
        ("moodle_idnumber", Person.moodle_idnumber == values["moodle_idnumber"]),
    )
    for name, condition in keys:
        if values[name] is None:
            continue
        twin = session.scalar(select(Person).where(condition, Person.id != own))
        if twin is not None:
            raise Conflict(
                "key_of_another",
                _l("This belongs to another person: %(name)s.", name=twin.full_name),
                remedy=_l("Check whose it is; change the other person's first if it has passed on."),
                field=name,
            )


def _compared(session: Session, row: Any, values: Mapping[str, Any]) -> list[Difference]:
    def shown(name: str, value: Any) -> str:
        if value is None:
            return ""
        if name == "organisation_id":
            organisation = session.get(Organisation, value)
            return organisation.label if organisation else ""
        if isinstance(value, Category):
            return str(CATEGORY_NAMES[value])
        return f"{value:%d.%m.%Y}" if isinstance(value, date) else str(value)

    return [
        Difference(FIELD_NAMES.get(name, name), shown(name, getattr(row, name)), shown(name, value))
        for name, value in values.items()
        if getattr(row, name) != value
    ]


def name_head(
    session: Session, organisation_id: int, *, person_id: int | None, since: date, actor: Actor, now: datetime
) -> OrganisationHead:
    """Say who heads an organisation from ``since`` on; the one before heads it until the day before.

    Raises DomainError where nobody is named, or the present head began later.
    """
    organisation = organisation_of(session, organisation_id, actor=actor)
    session.execute(select(Organisation.id).where(Organisation.id == organisation.id).with_for_update())
    if person_id is None or session.get(Person, person_id) is None:
        raise DomainError(
            "head_missing", _l("Nobody is named as head."), remedy=_l("Choose a person of the list."), field="head"
        )
    present = session.scalar(
        select(OrganisationHead).where(
            OrganisationHead.organisation_id == organisation.id, OrganisationHead.until.is_(None)
        )
    )
    if present is not None and present.person_id == person_id:
        return present
    if present is not None and present.since >= since:
        raise DomainError(
            "heads_since_later",
            _l("The present head was named on %(day)s.", day=f"{present.since:%d.%m.%Y}"),
            remedy=_l("Let the new one begin after that day."),
            field="since",
        )
    if present is not None:
        values = {"until": since - timedelta(days=1)}
        saving.change(session, present, values, actor=actor, now=now, action="end_headship")
    head = OrganisationHead(organisation_id=organisation.id, person_id=person_id, since=since, until=None)
    saving.add(session, head, actor=actor, now=now, action="name_head")
    return head
