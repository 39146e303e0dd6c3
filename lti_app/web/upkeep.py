"""Joins what runs without pages: deliverers of the outbox, and the auditor of what must always hold."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Session

from lti_app.core.attachment_store import AttachmentStore
from lti_app.core.attachment_sweep import check_of, sweep
from lti_app.core.attachments import STORE
from lti_app.core.edge import Tool
from lti_app.core.errors import Text
from lti_app.core.invariants import INVARIANTS, Check
from lti_app.core.mail import MAIL, deliverer
from lti_app.credits import invariants as credits
from lti_app.credits import seminar_invariants as seminars
from lti_app.credits.scores import deliver_score
from lti_app.credits.service import SCORE
from lti_app.ending.telling import NOTICES as ENDING
from lti_app.intakes import invariants as intakes
from lti_app.intakes.telling import tell_leaders
from lti_app.intakes.waiting import lapse_requests
from lti_app.intakes.words import NOTICES as INTAKES
from lti_app.meetings import feedback_invariants as feedback
from lti_app.meetings import guest_invariants as guests
from lti_app.meetings import invariants as meetings
from lti_app.meetings.attendance_lists import sweep_lists
from lti_app.meetings.guest_words import NOTICES as GUESTS
from lti_app.meetings.guests import lapse_waiting, release_trainees
from lti_app.meetings.planning import planned_days
from lti_app.meetings.reminding import NOTICES as REMINDERS
from lti_app.meetings.reminding import remind_of_meetings
from lti_app.meetings.rooms.office import office_of
from lti_app.meetings.rooms.reports import ROOM_ENDED, ask_whether_ended
from lti_app.meetings.words import NOTICES as MEETINGS
from lti_app.notices import delivery as notices
from lti_app.notices.messages import message_deliverer
from lti_app.notices.occasions import Occasion
from lti_app.notices.service import ABOUT as NOTICE
from lti_app.notices.service import MESSAGE
from lti_app.plans import invariants as plans
from lti_app.plans.words import NOTICES as PLANS
from lti_app.products import invariants as products
from lti_app.products.words import NOTICES as PRODUCTS
from lti_app.programmes import invariants as programmes
from lti_app.programmes.words import NOTICES as PROGRAMMES
from lti_app.sites.reminders import remind
from lti_app.sites.words import NOTICES as SITES
from lti_app.sync import invariants as sync
from lti_app.sync.alert_words import composer
from lti_app.sync.alerts import ABOUT, watch_nights
from lti_app.web.formatting import zone_words

CHECKS: tuple[Check, ...] = (  # of the database alone
    *programmes.CHECKS,
    *intakes.CHECKS,
    *meetings.CHECKS,
    *feedback.CHECKS,
    *guests.CHECKS,
    *plans.CHECKS,
    *products.CHECKS,
    *credits.CHECKS,
    *seminars.CHECKS,
    *sync.CHECKS,
)

OCCASIONS: dict[str, Occasion] = {
    **SITES,
    **PROGRAMMES,
    **INTAKES,
    **MEETINGS,
    **REMINDERS,
    **GUESTS,
    **PLANS,
    **PRODUCTS,
    **ENDING,
}
"""The words of every occasion of which people are told."""


def install(tool: Tool) -> None:
    """Give the tool its deliverers and checks."""
    tool.deliverers[SCORE] = deliver_score
    composers = {ABOUT: composer(tool.settings), NOTICE: notices.composer(tool.settings, OCCASIONS)}
    tool.deliverers[MAIL] = deliverer(tool.settings, composers)
    tool.deliverers[MESSAGE] = message_deliverer(tool.settings, tool.vault, OCCASIONS)
    tool.deliverers[ROOM_ENDED] = lambda database, payload, now: ask_whether_ended(
        office_of(tool), database, payload, now
    )
    if tool.settings.smtp_url:
        tool.watchers.append(lambda session, now: watch_nights(session, tool.settings, now))
    store = AttachmentStore(
        tool.settings.attachments_folder,
        endings=tool.settings.attachment_types,
        megabytes=tool.settings.attachment_mb,
    )
    tool.services[STORE] = store
    tool.watchers.append(lambda session, now: sweep(session, store, now))
    tool.watchers.append(lambda session, now: _remind(tool, session, now))
    tool.watchers.append(lambda session, now: _remind_of_meetings(tool, session, now))
    tool.watchers.append(lambda session, now: sweep_lists(session, now=now))
    tool.services[INVARIANTS] = (*CHECKS, check_of(store))
    tool.services["planned_days"] = planned_days
    tool.watchers.append(lambda session, now: _watch_places(session, tool.settings.zone, now))
    tool.watchers.append(lambda session, now: _watch_guests(session, tool.settings.zone, now))


def _remind(tool: Tool, session: Session, now: datetime) -> None:
    remind(session, now, tool.settings.zone)


def _remind_of_meetings(tool: Tool, session: Session, now: datetime) -> None:
    settings = tool.settings
    words: Text = LazyString(zone_words, zone=settings.zone, now=now)
    remind_of_meetings(session, spans=settings.reminder_spans, zone=settings.zone, zone_words=words, now=now)


def _watch_places(session: Session, zone: ZoneInfo, now: datetime) -> None:
    lapse_requests(session, zone=zone, now=now)
    tell_leaders(session, zone=zone, now=now)


def _watch_guests(session: Session, zone: ZoneInfo, now: datetime) -> None:
    lapse_waiting(session, now=now, zone=zone)
    release_trainees(session, now=now, zone=zone)
