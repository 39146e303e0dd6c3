"""Assignments that stand for products: offered to leaders, their grades kept; read with the night's other grades."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lti_app.core.edge import Tool
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount
from lti_app.products.assignments import Seen, keep_course_assignments, keep_grades
from lti_app.products.models import Product, ProductAssignment, ProductState
from lti_app.programmes.models import ProductDemand
from lti_app.sync.desired import KEPT_AFTER_END
from lti_app.sync.lock import Heart
from moodle_sync.assignments import AssignmentGrade, read_assignments
from moodle_sync.client import MoodleClient

log = logging.getLogger(__name__)

AT_ONCE = 500
"""People whose grades are read and kept before the lock is looked at again."""
AssignmentsRead = dict[tuple[int, int], tuple[AssignmentGrade, ...]]
"""What the night has read of assignments, by Moodle course id and user id."""


@dataclass
class Wanted:
    """Hold what is to be known of a course whose programme asks for products."""

    shows: int
    """A user in whose grade report the course's assignments stand, for the leader to choose from."""
    grades: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """By user id: trainee and course-module id of each assignment whose product isn't accepted yet."""


def wanted_of(session: Session, moodle: Moodle, tool: Tool) -> dict[int, Wanted]:
    """Return, by Moodle course id, what is to be known of courses whose programme asks for products. Two queries.

    Those are courses of intakes that run or ended lately; grades only on assignments that are tied, and only of
    trainees with a place whose product isn't accepted yet.
    """
    found: dict[int, Wanted] = {}
    asks = select(ProductDemand.id).where(ProductDemand.version_id == Intake.version_id).exists()
    people = _joined(select(Intake.course_id, MoodleAccount.user_id).where(asks), moodle, tool)
    for course_id, user_id in session.execute(people.order_by(Intake.course_id, Trainee.id)):
        found.setdefault(course_id, Wanted(user_id))
    ties = _joined(select(Intake.course_id, MoodleAccount.user_id, Trainee.id, ProductAssignment.cmid), moodle, tool)
    for course_id, user_id, trainee_id, cmid in session.execute(
        ties.join(ProductAssignment, ProductAssignment.intake_id == Intake.id).where(~_is_accepted())
    ):
        found[course_id].grades[user_id].append((trainee_id, cmid))
    return found


def _joined(query: Any, moodle: Moodle, tool: Tool) -> Any:
    today = tool.clock().astimezone(tool.settings.zone).date()
    return (
        query.select_from(Intake)
        .join(Trainee, Trainee.intake_id == Intake.id)
        .join(
            MoodleAccount,
            (MoodleAccount.person_id == Trainee.person_id) & (MoodleAccount.moodle_id == Intake.moodle_id),
        )
        .where(
            Intake.moodle_id == moodle.id,
            Intake.published_at.is_not(None),
            Intake.course_id.is_not(None),
            Intake.ends_on >= today - KEPT_AFTER_END,
            Trainee.state == TraineeState.ENROLLED,
        )
    )


def _is_accepted() -> ColumnElement[bool]:
    return (
        select(Product.id)
        .where(
            Product.trainee_id == Trainee.id,
            Product.demand_id == ProductAssignment.demand_id,
            Product.state == ProductState.ACCEPTED,
        )
        .exists()
    )


def read_product_grades(
    tool: Tool, moodle: Moodle, client: MoodleClient, known: AssignmentsRead, *, heart: Heart
) -> None:
    """Read what ``known`` lacks of assignments, and keep them. Raises LockLost.

    Of a course without ties one person's grades are read, for the list alone. What can't be read stays as it was.
    """
    with tool.database.session(writes=False) as session:
        wanted = wanted_of(session, moodle, tool)
    shown = {course_id for course_id, _user_id in known}
    lacking = sorted(
        pair for course_id, course in wanted.items() for pair in _pairs(course_id, course, shown) if pair not in known
    )
    read = {pair: rows for pair, rows in known.items() if pair[0] in wanted}
    for start in range(0, len(lacking), AT_ONCE):
        heart.check()
        found, failures = read_assignments(client, lacking[start : start + AT_ONCE])
        if failures:
            log.warning("assignments of %d people: %s", len(failures), failures[0].error)
        read |= found
    by_course: dict[int, AssignmentsRead] = defaultdict(dict)
    for pair, rows in read.items():
        by_course[pair[0]][pair] = rows
    for course_id, rows_of in sorted(by_course.items()):
        heart.check()
        with tool.database.transaction() as session:
            _keep(session, moodle.id, course_id, wanted[course_id], read=rows_of, now=tool.clock())


def _pairs(course_id: int, course: Wanted, shown: set[int]) -> Iterable[tuple[int, int]]:
    if course.grades:
        return ((course_id, user_id) for user_id in course.grades)
    return () if course_id in shown else ((course_id, course.shows),)


def _keep(
    session: Session, moodle_id: int, course_id: int, course: Wanted, *, read: AssignmentsRead, now: datetime
) -> None:
    names = {row.cmid: row.name for rows in read.values() for row in rows}
    keep_course_assignments(session, moodle_id=moodle_id, course_id=course_id, names=names, now=now)
    seen: list[Seen] = []
    for user_id, ties in course.grades.items():
        by_cmid = {row.cmid: row for row in read.get((course_id, user_id), ())}
        seen += [_seen(trainee_id, by_cmid[cmid]) for trainee_id, cmid in ties if cmid in by_cmid]
    keep_grades(session, seen, now=now)


def _seen(trainee_id: int, row: AssignmentGrade) -> Seen:
    moment = datetime.fromtimestamp(row.submitted_at, UTC) if row.submitted_at else None
    return Seen(trainee_id, row.cmid, row.grade, row.grade_max, moment)
