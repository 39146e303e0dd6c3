"""What of Moodle and of the tool has to be the same with a fault and without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from lti_app.core.edge import Tool
from lti_app.credits.models import CreditProposal, ScoreState
from lti_app.intakes.models import Intake, MoodleProgress, Trainee
from lti_app.people.models import MoodleAccount, Person, PersonQuestion
from lti_app.sync.models import OwnedEnrolment, OwnedEvent
from moodle_sync.sandbox.state import State

Rows = list[tuple[Any, ...]]


def state_of(tool: Tool, state: State) -> dict[str, Rows]:
    """Return what Moodle has and what the tool knows, without numbers that depend on the tries, and without times."""
    return {**_of_moodle(state), **_of_tool(tool, state)}


def _of_moodle(state: State) -> dict[str, Rows]:
    with state.lock:
        dump = state.dump()
        courses = {course["id"]: course["shortname"] for course in dump["courses"]}
        users = {user["id"]: user["username"] for user in dump["users"]}
        categories = {row["id"]: row["idnumber"] for row in dump["categories"]}
        modules = {row["id"]: (courses[row["course"]], row["name"]) for row in dump["modules"]}
        items = {
            row["id"]: (courses[row["course"]], row["name"], row["maximum"], row["itemtype"])
            for row in dump["grade_items"]
        }
        course = ("shortname", "idnumber", "fullname", "startdate", "enddate", "visible")
        return {
            "categories": _rows(dump["categories"], lambda row: (row["idnumber"], row["name"], row["parent"])),
            "users": _rows(
                dump["users"], lambda row: tuple(row[name] for name in ("username", "email", "idnumber", "lastname"))
            ),
            "courses": _rows(
                dump["courses"], lambda row: (*(row[name] for name in course), categories.get(row["category"]))
            ),
            "modules": sorted(modules.values()),
            "enrolments": _rows(
                dump["enrolments"],
                lambda row: (
                    courses[row["course"]],
                    users[row["user"]],
                    row["method"],
                    tuple(row["roles"]),
                    *(row[name] for name in ("suspended", "timestart", "timeend")),
                ),
            ),
            "groups": _rows(
                dump["groups"],
                lambda row: (
                    courses[row["course"]],
                    row["name"],
                    row["idnumber"],
                    tuple(sorted(users[one] for one in row["members"])),
                ),
            ),
            "events": _rows(
                dump["events"],
                lambda row: (
                    courses[row["course"]],
                    *(row[name] for name in ("name", "description", "timestart", "timeduration")),
                ),
            ),
            "grades": _rows(dump["grades"], lambda row: (items[row["of"]], users[row["user"]], row["value"])),
            "columns": sorted(items.values(), key=str),
        }


def _of_tool(tool: Tool, state: State) -> dict[str, Rows]:
    courses = {course.id: course.shortname for course in state.courses.values()}
    users = {user.id: user.username for user in state.users.values()}
    with tool.database.session(writes=False) as session:
        people = {person.id: person.email for person in session.scalars(select(Person))}
        trainees = {row.id: (row.intake.code, people[row.person_id]) for row in session.scalars(select(Trainee))}
        return {
            "accounts": _rows(
                session.scalars(select(MoodleAccount)),
                lambda row: (users.get(row.user_id), people[row.person_id], row.not_shown_since is None),
            ),
            "questions": _rows(
                session.scalars(select(PersonQuestion).where(PersonQuestion.closed_at.is_(None))),
                lambda row: (people[row.person_id], row.reason),
            ),
            "ties": _rows(session.scalars(select(Intake)), lambda row: (row.code, courses.get(row.course_id))),
            "owned enrolments": _rows(
                session.scalars(select(OwnedEnrolment)),
                lambda row: (
                    courses[row.course_id],
                    users[row.user_id],
                    row.role,
                    row.starts,
                    row.ends,
                    row.suspended,
                    row.pending,
                    row.drift,
                ),
            ),
            "owned events": _rows(
                session.scalars(select(OwnedEvent).where((OwnedEvent.event_id != 0) | OwnedEvent.pending)),
                lambda row: (courses[row.course_id], row.meeting_id, row.event_id in state.events, row.pending),
            ),
            "progress": _rows(
                session.scalars(select(MoodleProgress)),
                lambda row: (trainees[row.trainee_id], row.activities_total, row.activities_complete),
            ),
            "proposals": _rows(session.scalars(select(CreditProposal)), lambda row: (trainees[row.trainee_id],)),
            "scores": _rows(
                session.scalars(select(ScoreState)),
                lambda row: (trainees[row.trainee_id], Decimal(row.posted_hours or 0), row.posted_stamp is None),
            ),
        }


def _rows(rows: Any, told: Callable[[Any], tuple[Any, ...]]) -> Rows:
    return sorted((told(row) for row in rows), key=str)


def doubles(state: State) -> list[Any]:
    """Name what is there twice in Moodle: categories, courses, accounts, groups, and events of one meeting and time."""
    there = [
        *(("category", one.idnumber) for one in state.categories.values()),
        *(("course", one.idnumber) for one in state.courses.values() if one.idnumber),
        *(("number", one.idnumber) for one in state.users.values() if one.idnumber),
        *(("e-mail", one.email.casefold()) for one in state.users.values()),
        *(("group", one.course, one.idnumber) for one in state.groups.values()),
        *(("event", one.course, one.description, one.timestart) for one in state.events.values()),
    ]
    return [one for one, number in Counter(there).items() if number > 1]
