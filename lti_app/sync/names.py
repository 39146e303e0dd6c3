"""Names for the numbers in a run's changes and notes: the run itself keeps no personal data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.lti.registrations import moodle_named
from lti_app.people.models import MoodleAccount, Person

TARGET = re.compile(
    r"person (?P<person>\d+)"
    r"|course (?P<course>.+?)(?:, user (?P<user>\d+), (?P<role>\w+)|, meeting (?P<meeting>\d+))?"
)
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


@dataclass(frozen=True)
class Names:
    """Hold the names that a run's report is about: of persons by our number, of users by Moodle's."""

    persons: Mapping[int, str] = field(default_factory=dict)
    users: Mapping[int, str] = field(default_factory=dict)

    def of(self, note: Mapping[str, Any]) -> str:
        """Say whom a note is about: by name where it is known; nothing where it is about no person."""
        subject = note["subject"]
        if not subject:
            return ""
        if is_about_person(note):
            return self.person(subject)
        return self.user(subject)

    def person(self, person_id: int) -> str:
        """Name a person of ours, or give our number."""
        return self.persons.get(person_id) or f"person {person_id}"

    def user(self, user_id: int) -> str:
        """Name a Moodle user, who keeps the number: by that Moodle knows them."""
        name = self.users.get(user_id)
        return f"user {user_id} ({name})" if name else f"user {user_id}"

    def within(self, change: str) -> str:
        """Put the name behind the number in a change as a report tells it (``sync.service.report``)."""
        named = re.sub(r", user (\d+), ", lambda found: f", {self.user(int(found[1]))}, ", change)
        return re.sub(r" person (\d+)$", lambda found: f" {self.person(int(found[1]))}", named)


def names_in(session: Session, report: Mapping[str, Any]) -> Names:
    """Return the names of those whom a run's report is about."""
    targets = [row["change"].partition(" ")[2] for row in report["failures"]]
    users = users_in(targets)
    users |= {note["subject"] for note in report["notes"] if note["subject"] and not is_about_person(note)}
    persons = names_of_persons(session, report["notes"]) | names_of_targets(session, targets)
    return Names(persons, names_of_users(session, moodle_named(session, report["moodle"]).id, users))
