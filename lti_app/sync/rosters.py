"""Rosters remembered from an earlier night: what spares a quiet night from reading every course again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from lti_app.sync.models import RememberedRoster
from moodle_sync.roster import CourseRoster, Observed


def remembered_rosters(session: Session, moodle_id: int, *, now: datetime, days: int) -> dict[int, CourseRoster]:
    """Return the rosters read in full within the last ``days`` (24 hours each), by Moodle course id."""
    rows = session.execute(
        select(RememberedRoster.course_id, RememberedRoster.enrolled, RememberedRoster.inactive).where(
            RememberedRoster.moodle_id == moodle_id, RememberedRoster.read_at > now - timedelta(days=days)
        )
    )
    return {course_id: CourseRoster(frozenset(enrolled), frozenset(inactive)) for course_id, enrolled, inactive in rows}


def remember_rosters(
    session: Session, moodle_id: int, observed: Observed, *, except_for: Collection[int], now: datetime
) -> None:
    """Keep the rosters that were read in full now, and forget all that may be so no longer.

    ``except_for`` are the courses that are about to be written to: theirs are forgotten before the first call, so that
    a run that dies leaves none behind.
    """
    assumed = observed.assumed.difference(except_for)
    session.execute(
        delete(RememberedRoster).where(
            RememberedRoster.moodle_id == moodle_id, RememberedRoster.course_id.not_in(sorted(assumed))
        )
    )
    rows = [
        {
            "moodle_id": moodle_id,
            "course_id": course_id,
            "enrolled": sorted(roster.enrolled),
            "inactive": sorted(roster.inactive),
            "read_at": now,
        }
        for course_id, roster in sorted(observed.rosters.items())
        if course_id not in observed.assumed and course_id not in except_for
    ]
    if rows:
        session.execute(insert(RememberedRoster), rows)
