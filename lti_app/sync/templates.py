"""Which course those of an intake are copied from: its programme's template, its direction's, or the Moodle's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import audit, saving
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.permissions import Actor
from lti_app.lti.models import Moodle
from lti_app.lti.moodles import own_template
from lti_app.programmes.models import Programme
from lti_app.sites.models import Site
from lti_app.sync.models import CourseTemplate

LONGEST_COURSE = 255


@dataclass(frozen=True)
class Templates:
    """Hold the templates of one Moodle, each as an administrator named it: a course id or a shortname."""

    own: str | None
    by_direction: Mapping[str, str]
    """By the direction of sites."""
    by_programme: Mapping[str, str]
    """By the code of the programme."""

    def of(self, programme: Programme) -> str | None:
        """Return the template of a programme's intakes: the most particular one."""
        return self.by_programme.get(programme.code) or self.by_direction.get(programme.site.direction) or self.own

    @property
    def named(self) -> dict[str, str]:
        """Return what each template is for, by the name that it was given; one may serve several ends."""
        uses: dict[str, list[str]] = {}
        for scope, course in self.lines():
            uses.setdefault(course, []).append(scope)
        return {course: ", ".join(scopes) for course, scopes in uses.items()}

    def lines(self) -> list[tuple[str, str]]:
        """Return what for, and which course, from the most particular to the Moodle's own."""
        lines = [(f"programme {code}", course) for code, course in sorted(self.by_programme.items())]
        lines += [(f"direction «{direction}»", course) for direction, course in sorted(self.by_direction.items())]
        return lines if self.own is None else [*lines, ("all others", self.own)]


def templates_of(session: Session, moodle: Moodle) -> Templates:
    """Return the templates of a Moodle. One query."""
    rows = session.execute(
        select(CourseTemplate.direction, Programme.code, CourseTemplate.course)
        .outerjoin(Programme, Programme.id == CourseTemplate.programme_id)
        .where(CourseTemplate.moodle_id == moodle.id)
    ).all()
    return Templates(
        own=moodle.template_course,
        by_direction={direction: course for direction, _code, course in rows if direction is not None},
        by_programme={code: course for _direction, code, course in rows if code is not None},
    )


def set_template(
    session: Session,
    moodle: Moodle,
    course: str,
    *,
    programme: str | None = None,
    direction: str | None = None,
    actor: Actor,
    now: datetime,
) -> saving.Saved:
    """Have courses copied from ``course`` (an id or a shortname): those of a programme, of a direction, or all others.

    Raises DomainError for a name that can't be one, NotFound for a programme or direction that is nobody's.
    """
    if not course.strip() or len(course) > LONGEST_COURSE:
        raise DomainError("template_name", f"a course has 1 to {LONGEST_COURSE} characters", field="course")
    if programme is None and direction is None:
        return saving.change(session, moodle, own_template(course), actor=actor, now=now, action="update_moodle")
    scope = _scope(session, programme, direction)
    row = _row(session, moodle, scope)
    if row is None:
        row = CourseTemplate(moodle_id=moodle.id, course=course, **scope)
        return saving.add(session, row, actor=actor, now=now, action="add_course_template")
    return saving.change(session, row, {"course": course}, actor=actor, now=now, action="update_course_template")


def remove_template(
    session: Session,
    moodle: Moodle,
    *,
    programme: str | None = None,
    direction: str | None = None,
    actor: Actor,
    now: datetime,
) -> saving.Saved:
    """Take a template back; intakes then follow the less particular one. Raises NotFound."""
    if programme is None and direction is None:
        return saving.change(session, moodle, own_template(None), actor=actor, now=now, action="update_moodle")
    row = _row(session, moodle, _scope(session, programme, direction, among_templates=moodle))
    if row is None:
        return saving.Saved.UNCHANGED
    audit.record(session, actor=actor, now=now, action="remove_course_template", on=row)
    session.delete(row)
    return saving.Saved.CHANGED


def _scope(
    session: Session, programme: str | None, direction: str | None, *, among_templates: Moodle | None = None
) -> dict[str, object]:
    """Return the columns that say what a template is for. Raises NotFound.

    A direction counts as it is written at a site; one that no site has any more can still be taken back.
    """
    if programme is not None and direction is not None:
        raise DomainError("template_scope", "a template is for a programme or for a direction, not for both")
    if programme is not None:
        found = session.scalar(select(Programme.id).where(Programme.code == programme))
        if found is None:
            raise NotFound("programme_unknown", f"no programme has the code {programme!r}", field="programme")
        return {"programme_id": found}
    directions = set(session.scalars(select(Site.direction).distinct()))
    if among_templates is not None:
        directions |= templates_of(session, among_templates).by_direction.keys()
    wanted = _folded(direction or "")
    same = sorted(one for one in directions if _folded(one) == wanted)
    if not same:
        known = "; ".join(sorted(directions)) or "-"
        raise NotFound(
            "direction_unknown",
            f"no site has the direction {direction!r}",
            remedy=f"known directions: {known}",
            field="direction",
        )
    return {"direction": direction if direction in same else same[0]}


def _folded(direction: str) -> str:
    return " ".join(direction.split()).casefold()


def _row(session: Session, moodle: Moodle, scope: Mapping[str, object]) -> CourseTemplate | None:
    return session.scalar(select(CourseTemplate).filter_by(moodle_id=moodle.id, **scope))
