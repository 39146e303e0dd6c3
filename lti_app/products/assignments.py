"""Assignments of an intake's Moodle course that stand for products: which are there, which are tied, their grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit
from lti_app.core.db import insert_for, lock_row
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake
from lti_app.products.models import CourseAssignment, GradeState, ProductAssignment, ProductGrade
from lti_app.programmes.models import ProductDemand, ProgrammeVersion

LONGEST_NAME = 255


@dataclass(frozen=True)
class Seen:
    """Hold what Moodle said of one trainee's work on one assignment."""

    trainee_id: int
    cmid: int
    grade: float | None
    grade_max: float | None
    submitted_at: datetime | None


def intake_to_tie(session: Session, intake_id: int, *, actor: Actor) -> Intake:
    """Return an intake of a site led, with its version's demands. Raises NotFound, Forbidden."""
    intake = session.scalar(
        select(Intake)
        .where(Intake.id == intake_id)
        .options(
            joinedload(Intake.version).joinedload(ProgrammeVersion.programme),
            joinedload(Intake.version).selectinload(ProgrammeVersion.demands),
        )
    )
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor.require_site(intake.version.programme.site_id)
    return intake


def offered(session: Session, intake: Intake) -> Sequence[CourseAssignment]:
    """Return the assignments of the intake's course, as the night saw them last, by name. One query."""
    return session.scalars(
        select(CourseAssignment)
        .where(CourseAssignment.moodle_id == intake.moodle_id, CourseAssignment.course_id == intake.course_id)
        .order_by(CourseAssignment.name, CourseAssignment.cmid)
    ).all()


def ties_of(session: Session, intake_id: int) -> dict[int, ProductAssignment]:
    """Return the assignments that are tied in an intake, by demand. One query."""
    rows = session.scalars(select(ProductAssignment).where(ProductAssignment.intake_id == intake_id))
    return {row.demand_id: row for row in rows}


def tie_assignments(
    session: Session, intake_id: int, chosen: Mapping[int, int | None], *, actor: Actor, now: datetime
) -> None:
    """Tie demands to assignments (demand id: course-module id, or None for none). Raises NotFound, DomainError."""
    intake = intake_to_tie(session, intake_id, actor=actor)
    lock_row(session, intake)
    names = {one.cmid: one.name for one in offered(session, intake)}
    demands = {one.id: one for one in intake.version.demands}
    known = ties_of(session, intake_id)
    wanted: dict[int, int] = {}
    for demand_id, cmid in chosen.items():
        if demand_id not in demands:
            raise NotFound("no_such_demand", _l("The programme asks for no such product."))
        if cmid is None:
            continue
        is_kept = demand_id in known and known[demand_id].cmid == cmid
        if cmid not in names and not is_kept:
            raise DomainError(
                "no_such_assignment",
                _l("The course had no such assignment when the night read it."),
                remedy=_l("Choose another one, or wait for the next night."),
                field=f"cmid_{demand_id}",
            )
        if cmid in wanted.values():
            raise DomainError(
                "assignment_tied_twice",
                _l("One assignment stands for two products."),
                remedy=_l("Make an assignment in the course for each of them."),
                field=f"cmid_{demand_id}",
            )
        wanted[demand_id] = cmid
    before = {demand_id: row.cmid for demand_id, row in known.items()}
    if before == wanted:
        return
    was = _said(demands, {demand_id: row.name for demand_id, row in known.items()})
    labels = {one: names.get(cmid) or known[one].name for one, cmid in wanted.items()}
    session.execute(delete(ProductAssignment).where(ProductAssignment.intake_id == intake_id))
    session.add_all(
        ProductAssignment(intake_id=intake_id, demand_id=demand_id, cmid=cmid, name=labels[demand_id])
        for demand_id, cmid in wanted.items()
    )
    session.flush()
    changes = {"assignments": [was, _said(demands, labels)]}
    audit.record(session, actor=actor, now=now, action="tie_assignments", on=intake, changes=changes)


def _said(demands: Mapping[int, ProductDemand], names: Mapping[int, str]) -> str:
    return "; ".join(f"{demands[one].title}: {name}" for one, name in names.items() if one in demands)


def keep_course_assignments(
    session: Session, *, moodle_id: int, course_id: int, names: Mapping[int, str], now: datetime
) -> None:
    """Keep which assignments a course has (course-module id: name), as the night saw them just now."""
    known = session.scalars(
        select(CourseAssignment).where(CourseAssignment.moodle_id == moodle_id, CourseAssignment.course_id == course_id)
    ).all()
    for row in known:
        if row.cmid not in names:
            session.delete(row)
        else:
            row.name, row.seen_at = names[row.cmid][:LONGEST_NAME], now
    there = {row.cmid for row in known}
    session.add_all(
        CourseAssignment(moodle_id=moodle_id, course_id=course_id, cmid=cmid, name=name[:LONGEST_NAME], seen_at=now)
        for cmid, name in names.items()
        if cmid not in there
    )
    session.flush()


def keep_grades(session: Session, seen: Sequence[Seen], *, now: datetime) -> None:
    """Keep what Moodle said of trainees' work on assignments that are tied. A statement for each."""
    for one in seen:
        state = GradeState.GRADED if one.grade is not None else GradeState.NOTHING
        if one.grade is None and one.submitted_at is not None:
            state = GradeState.SUBMITTED
        values = {
            "grade": one.grade,
            "grade_max": one.grade_max,
            "state": state,
            "submitted_at": one.submitted_at,
            "read_at": now,
        }
        statement = insert_for(session, ProductGrade).values(trainee_id=one.trainee_id, cmid=one.cmid, **values)
        session.execute(statement.on_conflict_do_update(index_elements=["trainee_id", "cmid"], set_=values))
