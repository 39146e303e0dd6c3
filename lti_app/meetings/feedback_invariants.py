"""What must always hold of feedback."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.invariants import Check
from lti_app.meetings.feedback_models import Feedback, FeedbackGiven


def answers_of_nobody(session: Session) -> Iterator[str]:
    """Find meetings that have more or fewer answers than people who answered."""
    answers, people = _by_meeting(session, Feedback), _by_meeting(session, FeedbackGiven)
    for meeting_id in sorted(answers.keys() | people.keys()):
        found, came = answers.get(meeting_id, 0), people.get(meeting_id, 0)
        if found != came:
            yield f"meeting {meeting_id} has {found} answers of {came} people"


def _by_meeting(session: Session, model: type[Feedback] | type[FeedbackGiven]) -> dict[int, int]:
    rows = session.execute(select(model.meeting_id, func.count()).group_by(model.meeting_id))
    return {row[0]: row[1] for row in rows}


CHECKS = (Check("a meeting has as many answers as people who answered", answers_of_nobody),)
