"""Where a site stands on a day, and the list of sites at any date (3.3, 3.4, 8.1). Reads only."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_app.people.models import Organisation, Person
from lti_app.sites.models import Site, SiteLeader, SiteOrder

EXPIRES_SOON = timedelta(days=90)


class SiteState(enum.StrEnum):
    """Say where a site stands on a day."""

    TO_COME = "to_come"
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    ENDED = "ended"


def state_on(site: Site, day: date) -> SiteState:
    """Return where a site with its orders stands on ``day``: expiring within 90 days of its last day."""
    if site.ended_on is not None and site.ended_on <= day:
        return SiteState.ENDED
    last = max((order.valid_until for order in site.orders), default=None)
    if not site.active_on(day):
        begins = min((order.valid_from for order in site.orders), default=None)
        return SiteState.TO_COME if begins is not None and begins > day else SiteState.EXPIRED
    return SiteState.EXPIRING if last is not None and last - day < EXPIRES_SOON else SiteState.ACTIVE


@dataclass(frozen=True)
class ListedSite:
    """Hold a row of the list of sites: the order in force and the leader on the day of the list."""

    site: Site
    organisation: Organisation
    order: SiteOrder
    leader: Person | None


def sites_on(session: Session, day: date) -> list[ListedSite]:
    """Return the sites whose status is in force on ``day``, by organisation and direction (3.4). Three queries."""
    sites: Sequence[Site] = (
        session.scalars(
            select(Site)
            .join(Organisation, Organisation.id == Site.organisation_id)
            .join(SiteOrder, SiteOrder.site_id == Site.id)
            .where(
                SiteOrder.valid_from <= day,
                SiteOrder.valid_until >= day,
                or_(Site.ended_on.is_(None), Site.ended_on > day),
            )
            .options(
                joinedload(Site.organisation),
                selectinload(Site.orders),
                selectinload(Site.leaders).joinedload(SiteLeader.person),
            )
            .order_by(Organisation.name, Site.direction, Site.id)
        )
        .unique()
        .all()
    )
    return [
        ListedSite(site, site.organisation, _order_on(site, day), _leader_on(site, day))
        for site in dict.fromkeys(sites)
    ]


def _order_on(site: Site, day: date) -> SiteOrder:
    return max(
        (order for order in site.orders if order.valid_from <= day <= order.valid_until),
        key=lambda order: (order.valid_until, order.signed_on),
    )


def _leader_on(site: Site, day: date) -> Person | None:
    for leader in site.leaders:
        if leader.since <= day and (leader.until is None or leader.until >= day):
            return leader.person
    return None
