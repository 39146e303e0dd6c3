"""Intakes that share a Moodle course: which belong together, and the days of the course."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import aliased

from lti_app.intakes.models import Intake


def shares_course_with_one_since(day: date) -> ColumnElement[bool]:
    """Limit to intakes in whose course another published one runs, is to come, or ended since ``day``.

    Its people would count as having left the course, once their own intake is looked at no more.
    """
    other = aliased(Intake)
    return (
        select(other.id)
        .where(
            other.moodle_id == Intake.moodle_id,
            other.course_id == Intake.course_id,
            other.published_at.is_not(None),
            other.ends_on >= day,
        )
        .correlate(Intake)
        .exists()
    )


def course_days(intakes: Iterable[Intake]) -> dict[int, tuple[date, date]]:
    """Return the first and the last day of each course: of all intakes that share it."""
    days: dict[int, tuple[date, date]] = {}
    for intake in intakes:
        if intake.course_id is not None:
            first, last = days.get(intake.course_id, (intake.starts_on, intake.ends_on))
            days[intake.course_id] = min(first, intake.starts_on), max(last, intake.ends_on)
    return days
