"""Tell people of something, once each, when the transaction under way commits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from lti_app.core import outbox
from lti_app.core.db import insert_for
from lti_app.core.mail import MAIL
from lti_app.notices.models import Notice

MESSAGE = "moodle_message"
"""Kind of the outbox's messages that go through Moodle's own messaging."""
ABOUT = "notice"
"""What the payload of a notice's mail names as its composer."""


def tell(
    session: Session,
    people: Iterable[int],
    *,
    occasion: str,
    about: Any,
    path: str,
    facts: dict[str, Any],
    now: datetime,
    turn: str = "",
    until: datetime | None = None,
) -> list[int]:
    """Queue a notice to each person (ids) who wasn't told of it yet; return the ids of those who are told now.

    ``about`` is a flushed row; with ``occasion`` and ``turn`` (which time of the same occasion) it says what they are
    told of, once. ``path`` is the page of the tool that the link opens; ``facts`` fill the words of the occasion. From
    ``until`` on (UTC) nobody is told any more whom it hasn't reached.
    """
    told: list[int] = []
    for person_id in sorted(set(people)):
        statement = (
            insert_for(session, Notice)
            .values(
                occasion=occasion,
                about_type=about.__tablename__,
                about_id=about.id,
                person_id=person_id,
                turn=turn,
                path=path,
                facts=facts,
                told_at=now,
                until=until,
            )
            .on_conflict_do_nothing()
            .returning(Notice.id)
        )
        notice_id = session.scalar(statement)
        if notice_id is None:
            continue
        told.append(person_id)
        for kind, way in ((MAIL, "mail"), (MESSAGE, "message")):
            key = f"notice:{notice_id}:{way}"
            outbox.enqueue(
                session, kind=kind, key=key, payload={"key": key, "about": ABOUT, "notice_id": notice_id}, now=now
            )
    return told
