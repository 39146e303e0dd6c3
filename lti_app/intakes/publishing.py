"""Publication by the leader: enrolment opens, and the next night makes the course (4.2)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.errors import Conflict
from lti_app.core.permissions import Actor
from lti_app.core.saving import Saved
from lti_app.intakes.models import Admission, Intake
from lti_app.intakes.service import IntakeFacts, check_intake
from lti_app.intakes.telling import tell_invited
from lti_app.intakes.waiting import local_day, locked_intake
from lti_app.programmes.models import VersionState


def publish(session: Session, intake_id: int, *, actor: Actor, now: datetime, zone: ZoneInfo) -> Saved:
    """Publish an intake; said again, it changes nothing.

    Raises NotFound, Forbidden to who doesn't lead the site (4.1); Conflict where the council hasn't approved its
    version (4.2) or it is over; DomainError where the site's orders don't cover its days any more (3.3).
    """
    intake = locked_intake(session, intake_id)
    actor.require_site(intake.version.programme.site_id)
    if intake.published_at is not None:
        return Saved.UNCHANGED
    if intake.version.state is not VersionState.APPROVED:
        raise Conflict(
            "version_not_approved",
            _l("The council hasn't approved the version of the programme that this intake runs by."),
            remedy=_l("Submit the programme to the council; once it is approved, the intake can be published."),
            clause="4.2",
        )
    if intake.broken_off_on is not None or intake.ends_on < local_day(now, zone):
        raise Conflict("intake_is_over", _l("This intake has ended."), remedy=_l("Make a new one."))
    for refusal in check_intake(intake, _facts(intake)):
        raise refusal
    saved = saving.change(session, intake, {"published_at": now}, actor=actor, now=now, action="publish_intake")
    if intake.admission is Admission.INVITATION:
        tell_invited(session, intake, now=now)
    return saved


def _facts(intake: Intake) -> IntakeFacts:
    return IntakeFacts(
        code=intake.code,
        programme=intake.version.programme,
        moodle=intake.moodle,
        starts_on=intake.starts_on,
        ends_on=intake.ends_on,
        capacity=intake.capacity,
    )
