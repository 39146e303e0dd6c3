"""Reminders before a site's status runs out: 90, 30 and 7 days before, once each (3.3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.permissions import Role
from lti_app.notices.models import Notice
from lti_app.notices.service import tell
from lti_app.people.accounts import people_with_role
from lti_app.people.models import OrganisationHead
from lti_app.sites.models import Site, SiteLeader, SiteOrder

TURNS = (7, 30, 90)
OCCASION = "status_expires"


def remind(session: Session, now: datetime, zone: ZoneInfo) -> int:
    """Queue the reminders that are due; return to how many people. One query where no order runs out, else two more.

    Of several turns that passed while nobody looked, only the nearest is told.
    """
    today = now.astimezone(zone).date()
    expiring = _expiring(session, today)
    known = _told(session, [order for _site, order in expiring]) if expiring else set()
    told = 0
    for site, order in expiring:
        left = (order.valid_until - today).days
        turn = next(turn for turn in TURNS if left <= turn)
        if (order.id, str(turn)) not in known:
            told += len(_tell(session, site, order, turn=turn, left=left, now=now))
    return told


def _expiring(session: Session, today: date) -> list[tuple[Site, SiteOrder]]:
    last = (
        select(SiteOrder.site_id, func.max(SiteOrder.valid_until).label("until")).group_by(SiteOrder.site_id).subquery()
    )
    rows = session.execute(
        select(Site, SiteOrder)
        .join(last, last.c.site_id == Site.id)
        .join(SiteOrder, (SiteOrder.site_id == Site.id) & (SiteOrder.valid_until == last.c.until))
        .where(
            Site.ended_on.is_(None),
            last.c.until >= today,
            last.c.until <= today + timedelta(days=TURNS[-1]),
        )
        .options(joinedload(Site.organisation))
        .order_by(SiteOrder.id)
    )
    # An order that names another leader may end on the same day: the first one stands for both, so that a turn is told
    # once.
    first: dict[int, tuple[Site, SiteOrder]] = {}
    for site, order in rows:
        first.setdefault(site.id, (site, order))
    return list(first.values())


def _told(session: Session, orders: Iterable[SiteOrder]) -> set[tuple[int, str]]:
    rows = session.execute(
        select(Notice.about_id, Notice.turn).where(
            Notice.occasion == OCCASION,
            Notice.about_type == SiteOrder.__tablename__,
            Notice.about_id.in_([order.id for order in orders]),
        )
    )
    return {(row[0], row[1]) for row in rows}


def _tell(session: Session, site: Site, order: SiteOrder, *, turn: int, left: int, now: datetime) -> list[int]:
    leaders = session.scalars(
        select(SiteLeader.person_id).where(SiteLeader.site_id == site.id, SiteLeader.until.is_(None))
    )
    heads = session.scalars(
        select(OrganisationHead.person_id).where(
            OrganisationHead.organisation_id == site.organisation_id, OrganisationHead.until.is_(None)
        )
    )
    return tell(
        session,
        {*leaders, *heads, *people_with_role(session, Role.CENTRE)},
        occasion=OCCASION,
        about=order,
        turn=str(turn),
        path=f"/sites/{site.id}",
        facts={
            "direction": site.direction,
            "organisation": site.organisation.label,
            "day": f"{order.valid_until:%d.%m.%Y}",
            "left": str(left),
        },
        now=now,
    )
