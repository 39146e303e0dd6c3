"""Links of the tool in courses, learnt from launches: which course, and where its scores and members are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_app.core.db import insert_for
from lti_app.lti.models import LtiRegistration, LtiResourceLink, Moodle

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
    cmid: int | None = None
    """Course-module id in Moodle, where the login told it; None says nothing. Nothing proves it: a browser said it."""
    by_teacher: bool = False
    """Who came teaches the course, by what Moodle signed: their word on ``cmid`` replaces what was known."""


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
    """Add the link, or bring its row up to date where something changed.

    The id of its activity stays once it is known, since phones of others are led there; a teacher may tell another.
    """
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
            table.cmid,
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
        "cmid": link.cmid if stored is None or stored.cmid is None or _corrects(link) else stored.cmid,
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


def _corrects(link: Link) -> bool:
    return link.by_teacher and link.cmid is not None


def launch_address(session: Session, *, moodle_id: int, course_id: int | None) -> str | None:
    """Return where Moodle begins a launch from a course in the window at hand; None where no link is known there.

    ``mod/lti/view.php`` shows the tool in a frame, where cookies of its own windows are not seen; ``launch.php``, which
    asks for the course-module id, posts the login to the tool in the window itself. The newest link whose id is known
    is taken; where none is, the page of the newest link (which takes the id of the LTI instance as ``l``).
    """
    if course_id is None:
        return None
    row = session.execute(
        select(Moodle.url, LtiResourceLink.cmid, LtiResourceLink.resource_link_id)
        .join(LtiRegistration, LtiRegistration.id == LtiResourceLink.registration_id)
        .join(Moodle, Moodle.id == LtiRegistration.moodle_id)
        .where(Moodle.id == moodle_id, LtiResourceLink.course_id == course_id, LtiRegistration.disabled_at.is_(None))
        .order_by(LtiResourceLink.cmid.is_(None), LtiResourceLink.changed_at.desc(), LtiResourceLink.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    if row.cmid is None:
        return f"{row.url}/mod/lti/view.php?l={quote(row.resource_link_id, safe='')}"
    return f"{row.url}/mod/lti/launch.php?id={row.cmid}"
