"""Links of the tool in courses, learnt from launches: which course, and where its scores and members are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_app.core.db import insert_for
from lti_app.lti.models import LtiResourceLink

LIFE = 60.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Link:
    """Say what a launch tells of its link. Addresses belong to the Moodle of the registration, or are None."""

    registration_id: int
    resource_link_id: str
    course_id: int
    title: str
    lineitem_url: str | None
    lineitems_url: str | None
    memberships_url: str | None
    chosen_meeting: int | None = None


class LinkMemory:
    """Remember for a minute which links the database was seen to hold, so that a launch need not ask."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen: dict[Link, float] = {}

    def holds(self, link: Link) -> bool:
        """Tell whether the database held exactly this within the last minute."""
        with self._lock:
            return self._monotonic() - self._seen.get(link, float("-inf")) < LIFE

    def keep(self, link: Link) -> None:
        """Remember what was read, not what was written: a transaction may yet be rolled back."""
        with self._lock:
            if len(self._seen) >= MOST_REMEMBERED:
                self._seen.clear()
            self._seen[link] = self._monotonic()


def remember_link(session: Session, link: Link, memory: LinkMemory, now: datetime) -> None:
    """Add the link, or bring its row up to date where something changed."""
    if memory.holds(link):
        return
    table = LtiResourceLink
    stored = session.execute(
        select(
            table.course_id,
            table.title,
            table.lineitem_url,
            table.lineitems_url,
            table.memberships_url,
            table.chosen_meeting,
        ).where(
            table.registration_id == link.registration_id,
            table.resource_link_id == link.resource_link_id,
        )
    ).one_or_none()
    told = {
        "course_id": link.course_id,
        "title": link.title,
        "lineitem_url": link.lineitem_url,
        "lineitems_url": link.lineitems_url,
        "memberships_url": link.memberships_url,
        "chosen_meeting": link.chosen_meeting,
    }
    if stored is None:
        # Two people may open a new link at once: the second insert then does nothing.
        session.execute(
            insert_for(session, table)
            .values(
                registration_id=link.registration_id,
                resource_link_id=link.resource_link_id,
                changed_at=now,
                **told,
            )
            .on_conflict_do_nothing()
        )
    elif stored._asdict() != told:
        session.execute(
            update(table)
            .where(
                table.registration_id == link.registration_id,
                table.resource_link_id == link.resource_link_id,
            )
            .values(changed_at=now, **told)
        )
    else:
        memory.keep(link)
