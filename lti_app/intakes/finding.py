"""Find people for an intake's list: by the beginning of a name, or line by line from a list. Nobody is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, joinedload

from lti_app.people.models import Person

SHORTEST_QUERY = 2
MOST_FOUND = 20
MOST_LINES = 300
EMAIL = re.compile(r"[^\s,;<>()\"']+@[^\s,;<>()\"']+")
NUMBERING = re.compile(r"^\s*\d+\s*[.)]\s*")


@dataclass(frozen=True)
class Line:
    """Show a pasted line: the one person whom it names for certain, or who may be meant, to be chosen by hand."""

    text: str
    person: Person | None
    candidates: Sequence[Person]


def find_people(session: Session, query: str) -> Sequence[Person]:
    """Return people whose names begin as the words of ``query`` do, the last name first; or with that e-mail."""
    words = query.split()
    if not words or len(query.strip()) < SHORTEST_QUERY:
        return []
    if "@" in query:
        wanted: ColumnElement[bool] = func.lower(Person.email) == query.strip().lower()
    else:
        wanted = _begins(Person.last_name, words[0])
        for column, word in zip((Person.first_name, Person.middle_name), words[1:3], strict=False):
            wanted &= _begins(column, word)
    return session.scalars(
        select(Person)
        .where(wanted)
        .options(joinedload(Person.organisation))
        .order_by(Person.last_name, Person.first_name, Person.middle_name, Person.id)
        .limit(MOST_FOUND)
    ).all()


def _begins(column: Any, word: str) -> ColumnElement[bool]:
    # SQLite folds no Cyrillic: a name typed in small letters is looked for with a capital one, too.
    return or_(*(column.startswith(spelt, autoescape=True) for spelt in _spellings(word)))


def _spellings(word: str) -> list[str]:
    return list(dict.fromkeys((word, word.lower().title(), word.upper())))


def match_lines(session: Session, text: str) -> list[Line]:
    """Match each line that isn't empty: by its e-mail, else by the exact full name. Two queries."""
    lines = [NUMBERING.sub("", line).strip() for line in text.splitlines()]
    lines = [line for line in lines if line][:MOST_LINES]
    emails = {line: found[0].rstrip(".").lower() for line in lines if (found := EMAIL.search(line))}
    by_email = {str(person.email).lower(): person for person in _with_emails(session, emails.values())}
    names = [line for line in lines if line not in emails]
    by_last_name = _with_last_names(session, [line.split()[0] for line in names])
    return [
        _by_email(line, by_email.get(emails[line])) if line in emails else _by_name(line, by_last_name)
        for line in lines
    ]


def _by_email(line: str, person: Person | None) -> Line:
    return Line(line, person, ())


def _by_name(line: str, by_last_name: dict[str, list[Person]]) -> Line:
    name = _folded(line)
    namesakes = by_last_name.get(name.split()[0], [])
    exact = [person for person in namesakes if _folded(person.full_name) == name]
    if len(exact) == 1:
        return Line(line, exact[0], ())
    near = [person for person in namesakes if _begins_alike(_folded(person.full_name), name)]
    return Line(line, None, exact or near)


def _begins_alike(full: str, typed: str) -> bool:
    """Tell whether the names fit as far as they go: «Иванова А. П.» and «Иванова Анна» fit «Иванова Анна Петровна»."""
    pairs = zip(full.split(), typed.replace(".", " ").split(), strict=False)
    return all(one.startswith(other) or other.startswith(one) for one, other in pairs)


def _folded(name: str) -> str:
    return " ".join(name.casefold().replace("ё", "е").split())


def _with_emails(session: Session, emails: Iterable[str]) -> Sequence[Person]:
    wanted = set(emails)
    if not wanted:
        return []
    query = select(Person).where(func.lower(Person.email).in_(wanted)).options(joinedload(Person.organisation))
    return session.scalars(query).all()


def _with_last_names(session: Session, names: Iterable[str]) -> dict[str, list[Person]]:
    spellings = {one for name in names for spelt in _spellings(name) for one in (spelt, *_with_yo(spelt))}
    if not spellings:
        return {}
    query = (
        select(Person)
        .where(Person.last_name.in_(spellings))
        .options(joinedload(Person.organisation))
        .order_by(Person.last_name, Person.first_name, Person.id)
    )
    found: dict[str, list[Person]] = {}
    for person in session.scalars(query):
        found.setdefault(_folded(person.last_name), []).append(person)
    return found


def _with_yo(name: str) -> list[str]:
    """Return the name with each single е written as ё, and with every ё as е: lists write both."""
    spelt = [name[:place] + "ё" + name[place + 1 :] for place, letter in enumerate(name) if letter == "е"]
    return [*spelt, name.replace("ё", "е")]
