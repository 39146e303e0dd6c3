"""The link of a notice: a sealed number, good for two months, that tells whoever holds it nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core.errors import NotFound
from lti_app.notices.models import Notice

SALT = "notice-link"
LIFE = timedelta(days=60)


def address_of(settings: Settings, notice_id: int) -> str:
    """Return the address that a notice's mail and message end with."""
    return f"{settings.public_url}/open/{URLSafeSerializer(settings.secret_key, salt=SALT).dumps(notice_id)}"


def notice_behind(session: Session, token: str, *, settings: Settings, now: datetime) -> Notice:
    """Return the notice that a link names. Raises NotFound, the same for a false link and one that is too old."""
    try:
        notice_id = URLSafeSerializer(settings.secret_key, salt=SALT).loads(token)
    except BadSignature:
        notice_id = None
    notice = session.get(Notice, notice_id) if isinstance(notice_id, int) else None
    if notice is None or notice.told_at < now - LIFE:
        raise NotFound(
            "no_such_link",
            _l("This link is not whole, or it has run out: it opens the page for two months."),
            remedy=_l("Open the course in Moodle and follow the link to the internship site there."),
        )
    return notice
