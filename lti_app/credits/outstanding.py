"""Hours that stand in the ledger and not in the gradebook: left behind with a replaced link, waiting, or given up."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, aliased

from lti_app.core.outbox import OutboxMessage, enqueue
from lti_app.credits.facts import credited_sum
from lti_app.credits.models import ScoreState
from lti_app.credits.scores import links_by_course
from lti_app.credits.service import SCORE
from lti_app.intakes.models import Intake, Trainee, TraineeState

ITS_TRAINEE = OutboxMessage.payload["trainee_id"].as_integer()
"""The trainee whom a score in the outbox is about."""


def queue_for_new_links(session: Session, *, moodle_id: int, now: datetime) -> int:
    """Queue the hours of trainees whose course has another link than the one they went to; return how many.

    So do hours that were given up before that link came. Done again, nothing is queued twice: the key names the
    column, what was posted last, and how often hours were on their way there and found the link replaced once more.
    """
    newest = _newest_columns(session, moodle_id)
    waiting = select(ITS_TRAINEE).where(
        OutboxMessage.kind == SCORE, OutboxMessage.delivered_at.is_(None), OutboxMessage.given_up_at.is_(None)
    )
    rows = session.execute(
        select(Trainee.id, Intake.course_id, ScoreState.posted_to, ScoreState.posted_stamp)
        .join(Intake, Intake.id == Trainee.intake_id)
        .outerjoin(ScoreState, ScoreState.trainee_id == Trainee.id)
        .where(
            Intake.moodle_id == moodle_id,
            credited_sum() > 0,
            Trainee.id.not_in(waiting),
            ~_has_place_elsewhere(),
        )
        .order_by(Trainee.id)
    ).all()
    queued = 0
    for trainee_id, course_id, posted_to, posted_stamp in rows:
        column = newest.get(course_id or 0)
        if column is None or column == posted_to:
            continue
        key = _key(session, trainee_id, column, posted_stamp)
        message = enqueue(session, kind=SCORE, key=key, payload={"trainee_id": trainee_id}, now=now)
        queued += message in session.new
    return queued


def _has_place_elsewhere() -> ColumnElement[bool]:
    """Limit to trainees who left, and hold a place in another intake of the same course: that one's hours are told."""
    other, elsewhere = aliased(Trainee), aliased(Intake)
    present = (
        select(other.id)
        .join(elsewhere, elsewhere.id == other.intake_id)
        .where(
            other.person_id == Trainee.person_id,
            other.state == TraineeState.ENROLLED,
            elsewhere.id != Trainee.intake_id,
            elsewhere.moodle_id == Intake.moodle_id,
            elsewhere.course_id == Intake.course_id,
        )
        .correlate(Trainee, Intake)
        .exists()
    )
    return and_(Trainee.state == TraineeState.LEFT, present)


def _key(session: Session, trainee_id: int, column: str, posted_stamp: datetime | None) -> str:
    place = hashlib.sha256(column.encode()).hexdigest()[:16]
    after = int(posted_stamp.timestamp()) if posted_stamp else 0
    key = f"{SCORE}:{trainee_id}:{place}:{after}"
    # Had one of these brought the hours here, what was posted last would be another: the link was replaced before.
    in_vain = session.scalar(
        select(func.count())
        .select_from(OutboxMessage)
        .where(OutboxMessage.key.startswith(key, autoescape=True), OutboxMessage.delivered_at.is_not(None))
    )
    return f"{key}:{in_vain}" if in_vain else key


def _newest_columns(session: Session, moodle_id: int) -> dict[int, str]:
    return {course: links[0].lineitem_url for course, links in links_by_course(session, moodle_id).items()}


@dataclass(frozen=True)
class Undelivered:
    """Count trainees whose credited hours Moodle has not been told: those that wait, and those given up."""

    waiting: int
    given_up: int
    reasons: Sequence[dict[str, Any]]
    """``reason`` (English, as the outbox keeps it), ``trainees``, ``given_up``; the most frequent first."""


def undelivered_scores(session: Session, moodle_id: int) -> Undelivered:
    """Look up whose hours Moodle has not been told. A later score that arrived makes up for one given up before."""
    newest = _newest_columns(session, moodle_id)
    rows = session.execute(
        select(Trainee.id, OutboxMessage.given_up_at, OutboxMessage.last_error, Intake.course_id, ScoreState)
        .add_columns(credited_sum())
        .select_from(OutboxMessage)
        .join(Trainee, Trainee.id == ITS_TRAINEE)
        .join(Intake, Intake.id == Trainee.intake_id)
        .outerjoin(ScoreState, ScoreState.trainee_id == Trainee.id)
        .where(OutboxMessage.kind == SCORE, OutboxMessage.delivered_at.is_(None), Intake.moodle_id == moodle_id)
        .order_by(OutboxMessage.id)
    ).all()
    waiting = {trainee_id: why for trainee_id, given_up_at, why, *_ in rows if given_up_at is None}
    given_up = {
        trainee_id: why
        for trainee_id, given_up_at, why, course_id, state, hours in rows
        if given_up_at is not None
        and trainee_id not in waiting
        and not (state is not None and state.says(hours, newest.get(course_id or 0)))
    }
    counted = Counter((why or "", False) for why in waiting.values())
    counted.update((why or "", True) for why in given_up.values())
    return Undelivered(
        waiting=len(waiting),
        given_up=len(given_up),
        reasons=[
            {"reason": why, "trainees": number, "given_up": is_given_up}
            for (why, is_given_up), number in counted.most_common()
        ],
    )
