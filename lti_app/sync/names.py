"""Names for the numbers in a run's changes and notes: the run itself keeps no personal data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.people.models import MoodleAccount, Person

TARGET = re.compile(r"course (?P<course>.+?)(?:, user (?P<user>\d+), (?P<role>\w+)|, meeting (?P<meeting>\d+))?")
"""How a plan names what a change is about (moodle_sync.plan, ``target``)."""
NOT_FOUND = "person_not_found"


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
    """Return the names of the persons whom notes could not find in Moodle. One query."""
    keys = {note["subject"] for note in notes if isinstance(note, dict) and note.get("code") == NOT_FOUND}
    if not keys:
        return {}
    return {person.id: person.full_name for person in session.scalars(select(Person).where(Person.id.in_(keys)))}
