"""Notices put into the municipality's language when they are delivered, and sent by mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import format_date, format_datetime
from flask_babel import force_locale, gettext
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core.mail import Compose, Mail
from lti_app.core.outbox import Needless, Refused
from lti_app.core.words import MUNICIPAL_LOCALE
from lti_app.notices.links import address_of
from lti_app.notices.models import Notice
from lti_app.notices.occasions import Occasion

STALE = timedelta(days=14)
"""After it a notice that could not go out yet (no mail server, a stopped exchange) is news no longer."""


@dataclass(frozen=True)
class Told:
    """Hold what a person is told, in words, and the address that opens the page."""

    subject: str
    text: str
    address: str


def told(
    session: Session, settings: Settings, occasions: Mapping[str, Occasion], notice_id: int, now: datetime
) -> tuple[Notice, Told] | Needless | Refused:
    """Put a notice into words. Needless where it is late or no longer so, Refused without words."""
    notice = session.get(Notice, notice_id)
    if notice is None:
        return Needless("the notice is gone")
    occasion = occasions.get(notice.occasion)
    if occasion is None:
        return Refused(f"there are no words for {notice.occasion}")
    outdated = _outdated(session, notice, occasion, now)
    if outdated is not None:
        return outdated
    with force_locale(MUNICIPAL_LOCALE):
        facts = {name: _shown(value, settings) for name, value in notice.facts.items()}
        try:
            subject, text = str(occasion.subject) % facts, str(occasion.text) % facts
        except KeyError:
            return Refused(f"the words of {notice.occasion} ask for a fact that the notice lacks")
    return notice, Told(subject, text, address_of(settings, notice.id))


def _outdated(session: Session, notice: Notice, occasion: Occasion, now: datetime) -> Needless | None:
    if notice.told_at < now - STALE:
        return Needless("it waited for more than two weeks and is news no longer")
    if notice.until is not None and notice.until <= now:
        return Needless("it would come too late")
    if occasion.holds is not None and not occasion.holds(session, notice):
        return Needless("what it says is no longer so")
    return None


def _shown(value: Any, settings: Settings) -> Any:
    """Show dates and moments among the facts, which JSON holds in ISO 8601, as people write them."""
    if not isinstance(value, str) or not value[:4].isdecimal():
        return value
    try:
        if len(value) == 10:
            return format_date(date.fromisoformat(value), "d MMMM y", locale=MUNICIPAL_LOCALE)
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    if moment.tzinfo is None:
        return value
    return format_datetime(moment.astimezone(settings.zone), "d MMMM y, HH:mm", locale=MUNICIPAL_LOCALE)


def composer(settings: Settings, occasions: Mapping[str, Occasion]) -> Compose:
    """Return what writes the mail of a notice."""

    def compose(session: Session, payload: dict[str, Any], now: datetime) -> Mail | Needless | str:
        if not settings.smtp_url:
            return Needless("no mail server is set")
        found = told(session, settings, occasions, payload["notice_id"], now)
        if isinstance(found, Needless):
            return found
        if isinstance(found, Refused):
            return found.reason
        notice, words = found
        if not notice.person.email:
            return Needless("the person has no e-mail address")
        called = " ".join(filter(None, [notice.person.first_name, notice.person.middle_name]))
        with force_locale(MUNICIPAL_LOCALE):
            lines = [
                gettext("Dear %(name)s,", name=called),
                "",
                words.text,
                "",
                gettext("Open it: %(address)s", address=words.address),
                "",
                gettext("The link leads through Moodle: sign in there as always. This mail was written by a program."),
            ]
        return Mail(notice.person.email, words.subject, "\n".join(lines) + "\n")

    return compose
