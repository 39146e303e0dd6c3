"""People in courses of ours whom nobody put on a list: found in what a night read, described once, then forgotten."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_app.core.edge import Tool
from lti_app.intakes.models import Intake, Outsider, Trainee
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount
from lti_app.sync.looking import Seen
from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError
from moodle_sync.outsiders import CoursePerson, Place, read_course_people

log = logging.getLogger(__name__)

MOST_A_NIGHT = 200
"""People described in one night; the others wait for the next full reading of their course."""
ROWS_PER_QUERY = 500


def keep_outsiders(tool: Tool, moodle: Moodle, client: MoodleClient, seen: Seen) -> None:
    """Keep who is in the course of an intake that isn't over and on no list of it; forget who isn't any more.

    Nothing is written to Moodle. Only of people who are new in a course that was read in full is anything asked.
    """
    today = tool.clock().astimezone(tool.settings.zone).date()
    with tool.database.session(writes=False) as session:
        courses = set(
            session.scalars(
                select(Intake.course_id).where(
                    Intake.moodle_id == moodle.id,
                    Intake.course_id.is_not(None),
                    Intake.published_at.is_not(None),
                    Intake.ends_on >= today,
                )
            )
        )
        here = _outsiders(session, moodle.id, seen, {course for course in courses if course is not None})
        known = {
            (row.course_id, row.user_id): row.id
            for row in session.execute(
                select(Outsider.id, Outsider.course_id, Outsider.user_id).where(Outsider.moodle_id == moodle.id)
            )
        }
    # Of a course whose roster could not be read tonight nothing is known to have changed.
    gone = [
        number
        for (course, user), number in known.items()
        if course not in courses or (course in here and user not in here[course])
    ]
    new = [
        Place(course, before, user)
        for course, users in sorted(here.items())
        if course not in seen.observed.assumed
        for user, before in _places(seen, course, {user for user in users if (course, user) not in known})
    ]
    try:
        described = read_course_people(client, new[:MOST_A_NIGHT])
    except MoodleError as error:
        log.warning("moodle %s: people enrolled by other means can't be read: %s", moodle.id, error)
        described = []
    if not gone and not described:
        return
    with tool.database.transaction() as session:
        for start in range(0, len(gone), ROWS_PER_QUERY):
            session.execute(delete(Outsider).where(Outsider.id.in_(gone[start : start + ROWS_PER_QUERY])))
        # Who got a place while Moodle was read is no outsider any more.
        listed = set(_listed(session, moodle.id, {person.course_id for person in described}))
        session.add_all(
            _row(moodle, person, tool)
            for person in described
            if (person.course_id, person.account.user_id) not in listed
        )


def _places(seen: Seen, course_id: int, wanted: set[int]) -> list[tuple[int, int]]:
    """Return (user, how many stand before them) of those wanted."""
    if not wanted:
        return []
    everybody = sorted(seen.observed.rosters[course_id].enrolled)
    return [(user, before) for before, user in enumerate(everybody) if user in wanted]


def _outsiders(session: Session, moodle_id: int, seen: Seen, courses: set[int]) -> Mapping[int, set[int]]:
    """Return who is active in each of these courses, as far as it was read, and neither ours nor on a list there."""
    here = {
        course: set(seen.observed.rosters[course].enrolled - seen.observed.rosters[course].inactive)
        for course in courses & seen.observed.rosters.keys()
    }
    for row in seen.scope.owned:
        if row.course_id in here:
            here[row.course_id].discard(row.user_id)
    by_key = {key: course.course_id for key, course in seen.observed.courses.items()}
    for want in seen.scope.desired.enrolments:
        course_id, user_id = by_key.get(want.course_key), seen.observed.users.get(want.person_key)
        if course_id in here and user_id is not None:
            here[course_id].discard(user_id)
    for course_id, user_id in _listed(session, moodle_id, {course for course, users in here.items() if users}):
        here[course_id].discard(user_id)
    return here


def _listed(session: Session, moodle_id: int, courses: set[int]) -> list[tuple[int, int]]:
    """Return (course, user) of everybody who has, or had, a place in an intake of one of these courses."""
    found: list[tuple[int, int]] = []
    ordered = sorted(courses)
    for start in range(0, len(ordered), ROWS_PER_QUERY):
        rows = session.execute(
            select(Intake.course_id, MoodleAccount.user_id)
            .join(Trainee, Trainee.intake_id == Intake.id)
            .join(
                MoodleAccount,
                (MoodleAccount.person_id == Trainee.person_id) & (MoodleAccount.moodle_id == Intake.moodle_id),
            )
            .where(Intake.moodle_id == moodle_id, Intake.course_id.in_(ordered[start : start + ROWS_PER_QUERY]))
        )
        found += [(course_id, user_id) for course_id, user_id in rows if course_id is not None]
    return found


def _row(moodle: Moodle, person: CoursePerson, tool: Tool) -> Outsider:
    account = person.account
    offered = moodle.trainee_role_id in person.role_ids and moodle.leader_role_id not in person.role_ids
    return Outsider(
        moodle_id=moodle.id,
        course_id=person.course_id,
        user_id=account.user_id,
        is_offered=offered,
        last_name=account.last_name[:255] if offered else "",
        first_name=account.first_name[:255] if offered else "",
        email=account.email[:255] or None if offered else None,
        idnumber=account.idnumber[:255] or None if offered else None,
        first_seen_at=tool.clock(),
    )
