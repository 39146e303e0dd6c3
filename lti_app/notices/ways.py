"""From a notice's link to its page: by way of Moodle, whose next launch of just that person leads there."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_app.core.db import put_rows
from lti_app.lti.models import Moodle
from lti_app.notices.models import Notice, PendingWay
from lti_app.people.models import MoodleAccount

WAITS = timedelta(minutes=10)
"""How long a launch is waited for: to log in to Moodle takes a while."""


def is_own_path(path: str) -> bool:
    """Tell whether ``path`` is one of this tool: nothing that a browser would take for another address."""
    parts = urlsplit(path)
    is_plain = path.isprintable() and "\\" not in path
    return is_plain and path.startswith("/") and not path.startswith("//") and not parts.scheme and not parts.netloc


def keep_way(session: Session, notice: Notice, *, now: datetime) -> None:
    """Let the next launch of the notice's person lead to its page, if it comes within ten minutes.

    Whoever holds the link may ask for it, and nobody is named: it moves no one but that person, and only to a page that
    asks again who looks at it.
    """
    session.execute(
        put_rows(session, PendingWay),
        [{"person_id": notice.person_id, "path": notice.path, "until": now + WAITS}],
    )


def take_way(session: Session, person_id: int, *, now: datetime) -> str | None:
    """Return where this launch of a person leads, once; None where nothing waits, or it has waited too long."""
    taken = session.execute(
        delete(PendingWay).where(PendingWay.person_id == person_id).returning(PendingWay.path, PendingWay.until)
    ).one_or_none()
    if taken is None or taken.until < now or not is_own_path(taken.path):
        return None
    return str(taken.path)


def moodle_page_of(session: Session, person_id: int) -> str | None:
    """Return the page in Moodle of the link that a person last came by; None where none is known.

    ``mod/lti/view.php`` takes the id of the LTI instance, which launches tell as ``resource_link.id``, as ``l``.
    """
    row = session.execute(
        select(Moodle.url, MoodleAccount.last_link)
        .join(Moodle, Moodle.id == MoodleAccount.moodle_id)
        .where(MoodleAccount.person_id == person_id, MoodleAccount.last_link.is_not(None))
        .order_by(MoodleAccount.id.desc())
        .limit(1)
    ).one_or_none()
    return f"{row.url}/mod/lti/view.php?l={row.last_link}" if row else None
