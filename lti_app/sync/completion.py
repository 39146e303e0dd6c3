"""Completion and grades: read from Moodle for those whose credit still depends on them, and kept."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from lti_app.core.edge import Tool
from lti_app.credits.facts import credited_sum
from lti_app.intakes.models import Intake, MoodleProgress, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount
from lti_app.programmes.models import ProgrammeVersion
from lti_app.sync.assignments import AssignmentsRead
from lti_app.sync.desired import KEPT_AFTER_END
from lti_app.sync.journal import Progress
from lti_app.sync.lock import Heart
from moodle_sync import progress as moodle_progress
from moodle_sync.client import MoodleClient

log = logging.getLogger(__name__)


def trainees_to_read(session: Session, moodle: Moodle, tool: Tool) -> dict[int, dict[int, int]]:
    """Return whose completion credit still depends on: trainee ids by Moodle user id, by Moodle course id.

    Those are the trainees with a place, of intakes that run or ended lately, whose programme asks for the course's
    completion, and who don't have all of its hours yet. One query.
    """
    today = tool.clock().astimezone(tool.settings.zone).date()
    rows = session.execute(
        select(Intake.course_id, MoodleAccount.user_id, Trainee.id)
        .join(Trainee, Trainee.intake_id == Intake.id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
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
            ProgrammeVersion.needs_completion,
            credited_sum() < ProgrammeVersion.hours,
        )
    )
    by_course: dict[int, dict[int, int]] = defaultdict(dict)
    for course_id, user_id, trainee_id in rows:
        if course_id is not None:
            by_course[course_id][user_id] = trainee_id
    return dict(by_course)


def read_completion(
    tool: Tool, moodle: Moodle, client: MoodleClient, *, heart: Heart, progress: Progress
) -> AssignmentsRead:
    """Read completion and grades course by course and keep them; return the assignments that came with them.

    Somebody whose progress can't be read keeps what was read before. Raises LockLost.
    """
    with tool.database.session(writes=False) as session:
        by_course = trainees_to_read(session, moodle, tool)
    now = int(tool.clock().timestamp())
    assignments: AssignmentsRead = {}
    for number, (course_id, trainees) in enumerate(sorted(by_course.items())):
        heart.check()
        progress("progress", number, len(by_course))
        found, failures = moodle_progress.read_progress(client, course_id, sorted(trainees), now=now)
        if failures:
            log.warning("progress of %d people in course %s: %s", len(failures), course_id, failures[0].error)
        with tool.database.transaction() as session:
            _keep(session, trainees, found, tool.clock())
        assignments.update({(course_id, row.user_id): row.assignments for row in found})
    return assignments


def _keep(session: Session, trainees: dict[int, int], found: Sequence[moodle_progress.Progress], now: datetime) -> None:
    rows = [
        {
            "trainee_id": trainees[row.user_id],
            "activities_total": row.activities_total,
            "activities_complete": row.activities_complete,
            "link_complete": row.link_complete,
            "link_grade": row.link_grade,
            "read_at": now,
        }
        for row in found
    ]
    if rows:
        session.execute(
            delete(MoodleProgress).where(MoodleProgress.trainee_id.in_([row["trainee_id"] for row in rows]))
        )
        session.execute(insert(MoodleProgress), rows)
