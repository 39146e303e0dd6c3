"""Find people of the lists by what somebody types: beginnings of the names in any order, or an e-mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.errors import DomainError
from lti_app.core.words import plain
from lti_app.people.models import Person

SHOWN = 20
AFTER = "\U0010ffff"
"""Sorts after every letter: what begins with a text lies between it and it with this."""


def begins(column: Any, text: str) -> ColumnElement[bool]:
    """Tell whether ``column``, sorted by code points, begins with ``text``; written so that an index serves it."""
    return and_(column >= text, column < text + AFTER)


def named_like(text: str) -> ColumnElement[bool]:
    """Return the condition that a person is called so: each word begins one of the names, the first the last name.

    A text with @ is the beginning of an e-mail.
    """
    if "@" in text:
        return func.lower(Person.email).startswith(text.strip().lower(), autoescape=True)
    first, *others = plain(text).split() or [""]
    inside = [Person.name_key.contains(f" {word}", autoescape=True) for word in others]
    return and_(begins(Person.name_key, first), *inside)


def find_people(session: Session, text: str, limit: int = SHOWN) -> Sequence[Person]:
    """Return the people who are called so, by name. One query; nobody for an empty text."""
    if not text.strip():
        return []
    return session.scalars(
        select(Person)
        .where(named_like(text))
        .options(joinedload(Person.organisation))
        .order_by(Person.name_key, Person.id)
        .limit(limit)
    ).all()


@dataclass(frozen=True)
class Choice:
    """Hold who was chosen, and who else fits what was typed."""

    person_id: int | None
    text: str
    matches: Sequence[Person] = ()


def is_meant(session: Session, person_id: int, text: str) -> bool:
    """Tell whether a chosen person fits what is typed beside; without a text they do."""
    if not text.strip():
        return True
    return session.scalar(select(Person.id).where(Person.id == person_id, named_like(text))) is not None


def choose_person(session: Session, *, chosen_id: int | None, text: str, field: str) -> Choice:
    """Return who is meant: the one chosen, unless another name was typed since; else the only one who is called so.

    Raises DomainError at ``field`` where nobody or several fit a text; who they are, ``find_people`` says.
    """
    if chosen_id is not None and is_meant(session, chosen_id, text):
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
