"""Scores to Moodle's gradebook (LTI assignment and grade services 2.0)."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from pylti1p3.assignments_grades import AssignmentsGradesService
from pylti1p3.grade import Grade
from sqlalchemy.orm import Session

from lti_app.core.outbox import Delivered, Later, Outcome, Refused
from lti_app.lti.http import is_below
from lti_app.lti.keys import NoKey
from lti_app.lti.models import LtiRegistration
from lti_app.lti.parts import connect
from lti_app.lti.platform import ServiceRefused, ServiceUnreachable, TokenRefused

log = logging.getLogger(__name__)

SCORE_SCOPE: Literal["https://purl.imsglobal.org/spec/lti-ags/scope/score"] = (
    "https://purl.imsglobal.org/spec/lti-ags/scope/score"
)
LINEITEM_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
LINEITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
NEVER = frozenset({400, 404, 410, 422})


def post_score(
    session: Session,
    *,
    registration: LtiRegistration,
    lineitem_url: str,
    user_id: int,
    score: Decimal,
    maximum: Decimal,
    comment: str,
    timestamp: datetime,
) -> Outcome:
    """Post one person's score to a line item; ``score`` of ``maximum`` in hours, ``timestamp`` aware.

    The library puts ``/scores`` before the query of the line item's address, which Moodle needs. A 409 means that
    Moodle holds a score of this moment or a later one, counted in whole seconds: it has arrived
    (ags_score_old_ts.json). 400 and 404 never get better by repeating: the user can't be graded, or the line item is
    gone (ags_score_teacher.json).
    """
    if not is_below(lineitem_url, registration.moodle.url):
        return Refused("the line item is not an address of this Moodle")
    grade = (
        Grade()
        .set_user_id(str(user_id))
        .set_score_given(float(score))
        .set_score_maximum(float(maximum))
        .set_activity_progress("Completed" if score >= maximum else "InProgress")
        .set_grading_progress("FullyGraded")
        .set_timestamp(timestamp.astimezone(UTC).isoformat(timespec="milliseconds"))
        .set_comment(comment)
    )
    try:
        connector = connect(session, registration)
        session.commit()  # what was read is read: no transaction stays open while Moodle is asked
        service = AssignmentsGradesService(connector, {"scope": [SCORE_SCOPE], "lineitem": lineitem_url})
        service.put_grade(grade)
    except ServiceRefused as refused:
        if refused.status == 409:
            return Delivered("was there already")
        reason = f"score: {refused}"
        return Refused(reason) if refused.status in NEVER else Later(reason)
    except TokenRefused as refused:
        return Later(f"Moodle gave no access token: {refused}")
    except (ServiceUnreachable, NoKey) as error:
        return Later(f"score: {error}")
    return Delivered()


def set_maximum(session: Session, *, registration: LtiRegistration, lineitem_url: str, maximum: Decimal) -> bool:
    """Let a line item count up to ``maximum`` hours, so that the gradebook shows hours; tell whether it does now.

    Moodle scales scores to the line item's own maximum, 100 for a new link. What it tells of the line item goes back
    with the new maximum alone, since a PUT replaces the whole (ags_lineitem_put.json); grades that are there keep
    their share. Where Moodle refuses, scores still arrive, scaled.
    """
    if not is_below(lineitem_url, registration.moodle.url):
        return False
    try:
        connector = connect(session, registration)
        session.commit()  # what was read is read: no transaction stays open while Moodle is asked
        known = connector.make_service_request([LINEITEM_SCOPE], lineitem_url, accept=LINEITEM_TYPE)["body"]
        if not isinstance(known, dict):
            return False
        if known.get("scoreMaximum") != float(maximum):
            changed = json.dumps({**known, "scoreMaximum": float(maximum)})
            connector.put([LINEITEM_SCOPE], lineitem_url, changed, LINEITEM_TYPE)
            # A page of maintenance comes with the status of success, too.
            known = connector.make_service_request([LINEITEM_SCOPE], lineitem_url, accept=LINEITEM_TYPE)["body"]
    except (ServiceRefused, ServiceUnreachable, TokenRefused, NoKey) as error:
        log.info("the line item keeps its maximum: %s", error)
        return False
    return isinstance(known, dict) and known.get("scoreMaximum") == float(maximum)
