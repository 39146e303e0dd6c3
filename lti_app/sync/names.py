"""Names for the numbers in a run's changes and notes: the run itself keeps no personal data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.people.models import MoodleAccount, Person

TARGET = re.compile(r"person (?P<person>\d+)|course (?P<course>.+?)(?:, user (?P<user>\d+), (?P<role>\w+))?")
"""How a plan names what a change is about (moodle_sync.plan, ``target``)."""
ABOUT_PEOPLE = frozenset(
    {
        "person_not_found",
        "account_not_shown",
        "account_suspended",
        "name_taken_over",
        "name_differs",
        "email_taken_over",
        "email_differs",
    }
)
"""Notes whose subject is a person of ours, not a Moodle user."""


def users_in(targets: Iterable[str]) -> set[int]:
    """Return the Moodle user ids that changes are about."""
    matches = (TARGET.fullmatch(target) for target in targets)
    return {int(match["user"]) for match in matches if match and match["user"]}


def names_of_users(session: Session, moodle_id: int, user_ids: set[int]) -> dict[int, str]:
    """Return the names of those users of a Moodle whom the tool knows. One query."""
    if not user_ids:
        return {}
    rows = session.execute(
        select(MoodleAccount.user_id, Person)
        .join(Person, Person.id == MoodleAccount.person_id)
        .where(MoodleAccount.moodle_id == moodle_id, MoodleAccount.user_id.in_(user_ids))
    )
    return {user_id: person.full_name for user_id, person in rows}


def names_of_persons(session: Session, notes: list[Any]) -> dict[int, str]:
    """Return the names of the persons whom notes are about."""
    return _names(session, {note["subject"] for note in notes if is_about_person(note)})


def names_of_targets(session: Session, targets: Iterable[str]) -> dict[int, str]:
    """Return the names of the persons for whom accounts are made."""
    matches = (TARGET.fullmatch(target) for target in targets)
    return _names(session, {int(match["person"]) for match in matches if match and match["person"]})


def is_about_person(note: Any) -> bool:
    """Tell whether a note's subject is a person of ours."""
    return isinstance(note, dict) and note.get("code") in ABOUT_PEOPLE


def _names(session: Session, keys: set[int]) -> dict[int, str]:
    asked = sorted(keys)
    found: dict[int, str] = {}
    for start in range(0, len(asked), 500):
        query = select(Person).where(Person.id.in_(asked[start : start + 500]))
        found |= {person.id: person.full_name for person in session.scalars(query)}
    return found
