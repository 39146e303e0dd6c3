"""Joins what runs without pages: deliverers of the outbox, and the auditor of what must always hold."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lti_app.core.edge import Tool
from lti_app.core.invariants import INVARIANTS, Check
from lti_app.core.mail import MAIL, deliverer
from lti_app.credits import invariants as credits
from lti_app.credits.scores import deliver_score
from lti_app.credits.service import SCORE
from lti_app.intakes import invariants as intakes
from lti_app.intakes.telling import tell_leaders
from lti_app.intakes.waiting import lapse_requests
from lti_app.meetings import invariants as meetings
from lti_app.meetings.planning import planned_days
from lti_app.programmes import invariants as programmes
from lti_app.sync import invariants as sync
from lti_app.sync.alert_words import composer
from lti_app.sync.alerts import ABOUT, watch_nights

CHECKS: tuple[Check, ...] = (
    *programmes.CHECKS,
    *intakes.CHECKS,
    *meetings.CHECKS,
    *credits.CHECKS,
    *sync.CHECKS,
)


def install(tool: Tool) -> None:
    """Give the tool its deliverers and checks."""
    tool.deliverers[SCORE] = deliver_score
    tool.deliverers[MAIL] = deliverer(tool.settings, {ABOUT: composer(tool.settings)})
    if tool.settings.smtp_url:
        tool.watchers.append(lambda session, now: watch_nights(session, tool.settings, now))
    tool.services[INVARIANTS] = CHECKS
    tool.services["planned_days"] = planned_days
    tool.watchers.append(lambda session, now: _watch_places(session, tool.settings.zone, now))


def _watch_places(session: Session, zone: ZoneInfo, now: datetime) -> None:
    lapse_requests(session, zone=zone, now=now)
    tell_leaders(session, zone=zone, now=now)
