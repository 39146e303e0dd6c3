"""Where a shortcut on a phone's screen leads: to the link in Moodle by which somebody came last.

Its address names no person: it holds the number of the Moodle and of the link there, sealed, and opens nothing alone.
"""

from __future__ import annotations

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core.permissions import Actor
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount

SALT = "start"


def own_start(session: Session, actor: Actor, settings: Settings) -> str | None:
    """Return what the address of somebody's shortcut ends with; None where it isn't known by which link they came."""
    link = session.scalar(
        select(MoodleAccount.last_link).where(
            MoodleAccount.moodle_id == actor.moodle_id, MoodleAccount.user_id == actor.user_id
        )
    )
    return sealed_start(settings, actor.moodle_id, link) if actor.moodle_id and link else None


def sealed_start(settings: Settings, moodle_id: int, link: int) -> str:
    """Seal the number of a Moodle and of a link there."""
    return str(_serializer(settings).dumps([moodle_id, link]))


def page_behind(session: Session, token: str, settings: Settings) -> str | None:
    """Return the page in Moodle that a shortcut leads to; None for a false address, or a Moodle that is gone."""
    try:
        moodle_id, link = _serializer(settings).loads(token)
    except (BadSignature, TypeError, ValueError):
        return None
    url = session.scalar(select(Moodle.url).where(Moodle.id == moodle_id))
    return f"{url}/mod/lti/view.php?l={link}" if url else None


def _serializer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.secret_key, salt=SALT)
