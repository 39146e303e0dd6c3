"""Find people of the lists by what somebody types: beginnings of the names in any order, or an e-mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.errors import DomainError
from lti_app.people.models import Person

SHOWN = 20
ESCAPE = "\\"


def starts(column: Any, word: str) -> ColumnElement[bool]:
    """Tell whether ``column`` begins with ``word``, whatever the case; an index over ``lower(column)`` serves it."""
    plain = word.lower().replace(ESCAPE, ESCAPE * 2).replace("%", f"{ESCAPE}%").replace("_", f"{ESCAPE}_")
    return func.lower(column).like(f"{plain}%", escape=ESCAPE)


def named_like(text: str) -> ColumnElement[bool]:
    """Return the condition that a person is called so: each word begins one of the names, the first the last name.

    A text with @ is the beginning of an e-mail.
    """
    if "@" in text:
        return starts(Person.email, text.strip())
    words = text.split()
    every = [or_(starts(Person.first_name, word), starts(Person.middle_name, word)) for word in words[1:]]
    return and_(starts(Person.last_name, words[0]), *every)


def find_people(session: Session, text: str, limit: int = SHOWN) -> Sequence[Person]:
    """Return the people who are called so, by name. One query; nobody for an empty text."""
    if not text.strip():
        return []
    return session.scalars(
        select(Person)
        .where(named_like(text))
        .options(joinedload(Person.organisation))
        .order_by(Person.last_name, Person.first_name, Person.id)
        .limit(limit)
    ).all()


@dataclass(frozen=True)
class Choice:
    """Hold who was chosen, and who else fits what was typed."""

    person_id: int | None
    text: str
    matches: Sequence[Person] = ()


def choose_person(session: Session, *, chosen_id: int | None, text: str, field: str) -> Choice:
    """Return who is meant: the one chosen, else the only one who is called so.

    Raises DomainError at ``field`` where nobody or several fit a text; who they are, ``find_people`` says.
    """
    if chosen_id is not None:
        return Choice(chosen_id, text)
    if not text.strip():
        return Choice(None, "")
    matches = find_people(session, text)
    if len(matches) == 1:
        return Choice(matches[0].id, text, matches)
    raise DomainError(
        "several_people" if matches else "nobody_called_so",
        _l("Several people are called so.") if matches else _l("Nobody on the list is called so."),
        remedy=_l("Choose the one you mean below.")
        if matches
        else _l("Check the name, or ask the centre to put the person on the list."),
        field=field,
    )
