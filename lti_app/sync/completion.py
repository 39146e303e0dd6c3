"""Completion and grades of trainees, as Moodle tells them: read and kept by the night."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import Any

from sqlalchemy import delete, insert, select

from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.intakes.models import Intake, MoodleProgress, Trainee, TraineeState
from lti_app.people.models import MoodleAccount
from lti_app.sync.desired import KEPT_AFTER_END
from lti_app.sync.journal import Progress
from lti_app.sync.lock import Heart
from moodle_sync.client import MoodleClient
from moodle_sync.progress import read_progress

log = logging.getLogger(__name__)


def refresh_progress(tool: Tool, moodle_id: int, client: MoodleClient, heart: Heart, progress: Progress) -> None:
    """Read anew what all trainees in published intakes that have a course have completed. Raises LockLost."""
    by_course = _trainees_by_course(tool, moodle_id)
    for number, (course_id, trainees) in enumerate(sorted(by_course.items())):
        heart.check()
        progress("progress", number, len(by_course))
        found, failures = read_progress(client, course_id, sorted(trainees), now=int(tool.clock().timestamp()))
        if failures:
            log.warning("progress of %d people in course %s: %s", len(failures), course_id, failures[0].error)
        _keep(
            tool.database,
            [
                {
                    "trainee_id": trainees[row.user_id],
                    "activities_total": row.activities_total,
                    "activities_complete": row.activities_complete,
                    "link_complete": row.link_complete,
                    "link_grade": row.link_grade,
                    "read_at": tool.clock(),
                }
                for row in found
            ],
        )


def _trainees_by_course(tool: Tool, moodle_id: int) -> dict[int, dict[int, int]]:
    """Return trainee ids by course id and Moodle user id."""
    by_course: dict[int, dict[int, int]] = defaultdict(dict)
    with tool.database.session(writes=False) as session:
        rows = session.execute(
            select(Intake.course_id, MoodleAccount.user_id, Trainee.id)
            .join(Trainee, Trainee.intake_id == Intake.id)
            .join(
                MoodleAccount,
                (MoodleAccount.person_id == Trainee.person_id) & (MoodleAccount.moodle_id == Intake.moodle_id),
            )
            .where(
                Intake.moodle_id == moodle_id,
                Intake.published_at.is_not(None),
                Intake.course_id.is_not(None),
                Intake.ends_on >= tool.clock().astimezone(tool.settings.zone).date() - KEPT_AFTER_END,
                Trainee.state == TraineeState.ENROLLED,
            )
        )
        for course_id, user_id, trainee_id in rows:
            if course_id is not None:
                by_course[course_id][user_id] = trainee_id
    return by_course


def _keep(database: Database, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    with database.transaction() as session:
        session.execute(
            delete(MoodleProgress).where(MoodleProgress.trainee_id.in_([row["trainee_id"] for row in rows]))
        )
        session.execute(insert(MoodleProgress), rows)
