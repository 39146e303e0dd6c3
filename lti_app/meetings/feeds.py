"""A person's private calendar address: made, replaced, revoked; and who is behind one."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core import saving
from lti_app.core.db import is_twin
from lti_app.core.errors import NotFound
from lti_app.core.permissions import Actor
from lti_app.meetings.calendar_models import CalendarFeed

SALT = "calendar-feed"


def address_of(settings: Settings, feed: CalendarFeed) -> str:
    """Return the address that calendar programs ask: whoever has it sees that person's meetings."""
    token = URLSafeSerializer(settings.secret_key, salt=SALT).dumps(feed.id)
    return f"{settings.public_url}/calendar/{token}.ics"


def own_feed(session: Session, *, actor: Actor) -> CalendarFeed | None:
    """Return the address in force of who acts, or None. Raises Forbidden where nobody knows who they are."""
    return session.scalar(
        select(CalendarFeed).where(CalendarFeed.person_id == actor.require_person(), CalendarFeed.revoked_at.is_(None))
    )


def open_feed(session: Session, *, actor: Actor, now: datetime) -> CalendarFeed:
    """Give who acts an address; the one in force where they have one already. Raises Forbidden."""
    known = own_feed(session, actor=actor)
    if known is not None:
        return known
    made = CalendarFeed(person_id=actor.require_person(), created_at=now)
    try:
        with session.begin_nested():
            saving.add(session, made, actor=actor, now=now, action="open_calendar")
    except IntegrityError as error:
        # The button was pressed twice, and the other press was first (uq_calendar_feed_open).
        first = own_feed(session, actor=actor) if is_twin(error) else None
        if first is None:
            raise
        return first
    return made


def replace_feed(session: Session, *, actor: Actor, now: datetime) -> CalendarFeed:
    """Give who acts another address; the one before leads nowhere from now on. Raises Forbidden."""
    revoke_feed(session, actor=actor, now=now)
    return open_feed(session, actor=actor, now=now)


def revoke_feed(session: Session, *, actor: Actor, now: datetime) -> None:
    """Let the address of who acts lead nowhere; nothing happens without one. Raises Forbidden."""
    known = own_feed(session, actor=actor)
    if known is not None:
        saving.change(session, known, {"revoked_at": now}, actor=actor, now=now, action="revoke_calendar")


def person_behind(session: Session, token: str, *, settings: Settings) -> int:
    """Return whose meetings an address shows. Raises NotFound, the same for a false address and a revoked one."""
    try:
        feed_id = URLSafeSerializer(settings.secret_key, salt=SALT).loads(token)
    except BadSignature:
        feed_id = None
    feed = session.get(CalendarFeed, feed_id) if isinstance(feed_id, int) else None
    if feed is None or feed.revoked_at is not None:
        raise NotFound(
            "no_such_calendar",
            _l("There is no calendar at this address any more."),
            remedy=_l("Open the course in Moodle, follow the link from there, and copy the address anew."),
        )
    return feed.person_id
