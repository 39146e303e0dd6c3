"""Keep sites, the orders that grant their status, and who leads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lti_app.core import audit, saving
from lti_app.core.errors import DomainError
from lti_app.core.permissions import Actor
from lti_app.core.saving import Saved
from lti_app.people.accounts import holds_granted_role
from lti_app.people.models import Organisation, Person
from lti_app.sites.models import LONGEST_TERM_YEARS, Site, SiteLeader, SiteOrder

LAST_YEAR = date.max.year - 1
"""No term reaches the last day that there is: the day after it is asked for."""


@dataclass(frozen=True)
class SiteFacts:
    """Hold what an order says of a site. Dates are local; ``valid_until`` is the last day."""

    code: str
    organisation: Organisation
    direction: str
    leader: Person
    order_number: str
    order_date: date
    valid_until: date


def longest_term_end(start: date) -> date:
    """Return the last day that an order beginning on ``start`` may name (3.3)."""
    year = min(start.year + LONGEST_TERM_YEARS, LAST_YEAR)
    try:
        return start.replace(year=year)
    except ValueError:  # 29 February
        return date(year, 2, 28)


def covered(site: Site, first: date, last: date) -> bool:
    """Tell whether the site's orders cover every day from ``first`` to ``last`` and it hasn't ended (3.3, 8.1)."""
    if site.ended_on is not None and site.ended_on <= last:
        return False
    day = first
    for order in sorted(site.orders, key=lambda order: order.valid_from):
        if order.valid_from <= day <= order.valid_until:
            day = order.valid_until + timedelta(days=1)
    return day > last


def check_site(existing: Site | None, facts: SiteFacts) -> list[DomainError]:
    """Return what forbids keeping these facts: term (3.3), leader's category (4.1), a later order."""
    refusals: list[DomainError] = []
    if facts.valid_until < facts.order_date:
        refusals.append(
            DomainError(
                "term_backward",
                _l("The term ends before the order was signed."),
                remedy=_l("Give the last day of the term, after %(day)s.", day=f"{facts.order_date:%d.%m.%Y}"),
                field="valid_until",
            )
        )
    longest = longest_term_end(facts.order_date)
    if facts.valid_until > longest:
        refusals.append(
            DomainError(
                "term_too_long",
                _l("Status is granted for three years at most (3.3)."),
                remedy=_l("The last day can be %(day)s or earlier.", day=f"{longest:%d.%m.%Y}"),
                field="valid_until",
                clause="3.3",
            )
        )
    if not facts.leader.has_category_on(facts.order_date):
        refusals.append(
            DomainError(
                "leader_without_category",
                _l(
                    "%(name)s holds neither the highest nor the first category on the day of the order (4.1).",
                    name=facts.leader.full_name,
                ),
                remedy=_l("Name another leader, or give the category and how long it holds in the list of people."),
                field="leader",
                clause="4.1",
            )
        )
    if existing is not None:
        refusals += _check_against(existing, facts)
    return refusals


def _check_against(existing: Site, facts: SiteFacts) -> list[DomainError]:
    newest = max((order.signed_on for order in existing.orders), default=facts.order_date)
    present = present_leader(existing)
    if facts.order_date < newest and present is not None and present.person_id != facts.leader.id:
        return [
            DomainError(
                "later_order_names_another",
                _l("A later order, of %(day)s, names another leader.", day=f"{newest:%d.%m.%Y}"),
                remedy=_l("Give the number and date of the order in force."),
                field="leader",
                clause="4.1",
            )
        ]
    if existing.ended_on is not None and facts.valid_until > existing.ended_on and not _order_of(existing, facts):
        return [
            DomainError(
                "site_ended",
                _l("This site ended on %(day)s.", day=f"{existing.ended_on:%d.%m.%Y}"),
                remedy=_l("A new site takes a new code."),
                field="order_date",
                clause="8.1",
            )
        ]
    return []


def present_leader(site: Site) -> SiteLeader | None:
    """Return the leader whose term has no end, or None."""
    return next((leader for leader in site.leaders if leader.until is None), None)


def leader_of(session: Session, site_id: int) -> Person | None:
    """Return who leads a site at present. One query."""
    return session.scalar(
        select(Person)
        .join(SiteLeader, SiteLeader.person_id == Person.id)
        .where(SiteLeader.site_id == site_id, SiteLeader.until.is_(None))
    )


def leads_now_or_later(session: Session, person: Person, today: date) -> bool:
    """Tell whether ``person`` leads a site on ``today`` or is named to do so later."""
    found = session.scalar(
        select(SiteLeader.id)
        .where(SiteLeader.person_id == person.id, or_(SiteLeader.until.is_(None), SiteLeader.until >= today))
        .limit(1)
    )
    return found is not None


def leaders_now_or_later(session: Session, site_id: int, today: date) -> set[int]:
    """Return the ids of the people who lead a site on ``today`` or are named to do so later."""
    return set(
        session.scalars(
            select(SiteLeader.person_id).where(
                SiteLeader.site_id == site_id, or_(SiteLeader.until.is_(None), SiteLeader.until >= today)
            )
        )
    )


def has_power_over_others(session: Session, person: Person, today: date) -> bool:
    """Tell whether ``person`` leads a site, now or later, or holds a granted role: no guess may make anybody them."""
    return leads_now_or_later(session, person, today) or holds_granted_role(session, person)


def build_site(facts: SiteFacts) -> Site:
    """Make a site with its first order and leader, outside any session."""
    site = Site(
        code=facts.code,
        organisation_id=facts.organisation.id,
        organisation=facts.organisation,
        direction=facts.direction,
    )
    site.orders.append(_build_order(facts))
    site.leaders.append(SiteLeader(person_id=facts.leader.id, person=facts.leader, since=facts.order_date, until=None))
    return site


def save_site(
    session: Session, existing: Site | None, facts: SiteFacts, *, actor: Actor, now: datetime, today: date
) -> tuple[Site, Saved]:
    """Create the site, or bring ``existing`` to ``facts``: a new order is added, never written over an old one.

    ``today`` is the local date of ``now``. Raises DomainError where ``check_site`` objects.
    """
    for refusal in check_site(existing, facts):
        raise refusal
    if existing is None:
        made = build_site(facts)
        return made, saving.add(session, made, actor=actor, now=now, action="create_site")
    values = {"organisation_id": facts.organisation.id, "direction": facts.direction}
    outcome = saving.change(session, existing, values, actor=actor, now=now, action="change_site")
    order = _order_of(existing, facts)
    if order is None:
        existing.orders.append(_build_order(facts))
        session.flush()
        changes = {"order": [None, facts.order_number]}
        audit.record(session, actor=actor, now=now, action="add_order", on=existing, changes=changes)
        termed, named_on = Saved.CHANGED, facts.order_date
    else:
        termed = saving.change(
            session, order, {"valid_until": facts.valid_until}, actor=actor, now=now, action="change_order"
        )
        named_on = today
    led = _name_leader(session, existing, facts.leader, named_on, actor=actor, now=now)
    return existing, saving.most(outcome, termed, led)


def _order_of(site: Site, facts: SiteFacts) -> SiteOrder | None:
    for order in site.orders:
        if (order.number, order.signed_on) == (facts.order_number, facts.order_date):
            return order
    return None


def _build_order(facts: SiteFacts) -> SiteOrder:
    return SiteOrder(
        number=facts.order_number,
        signed_on=facts.order_date,
        valid_from=facts.order_date,
        valid_until=facts.valid_until,
    )


def _name_leader(session: Session, site: Site, person: Person, since: date, *, actor: Actor, now: datetime) -> Saved:
    """Let ``person`` lead from ``since``; the one before leads until the day before."""
    present = present_leader(site)
    if present is not None and present.person_id == person.id:
        return Saved.UNCHANGED
    if present is not None and present.since >= since:
        # Two leaders on one day can't be: the later word corrects the earlier.
        return saving.change(session, present, {"person_id": person.id}, actor=actor, now=now, action="correct_leader")
    if present is not None:
        last_day = since - timedelta(days=1)
        saving.change(session, present, {"until": last_day}, actor=actor, now=now, action="end_leadership")
    leader = SiteLeader(site_id=site.id, person_id=person.id, since=since, until=None)
    saving.add(session, leader, actor=actor, now=now, action="name_leader")
    session.expire(site, ["leaders"])
    return Saved.CHANGED
