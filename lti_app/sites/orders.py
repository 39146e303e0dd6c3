"""Orders of the centre: they grant a site's status, renew it, name another leader (3.3, 4.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.db import lock_row
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor, Permission
from lti_app.notices.models import Notice
from lti_app.notices.service import tell
from lti_app.people.models import OrganisationHead, Person
from lti_app.sites.applications import application_of, check_leader, tell_applicant
from lti_app.sites.models import ApplicationState, OrderKind, Site, SiteApplication, SiteLeader, SiteOrder
from lti_app.sites.service import longest_term_end, present_leader

LONGEST_TURN = Notice.__table__.columns["turn"].type.length  # type: ignore[attr-defined]


@dataclass(frozen=True)
class OrderFacts:
    """Hold what an order says; local dates, ``valid_until`` is the last day."""

    number: str
    signed_on: date
    valid_from: date
    valid_until: date
    leader_id: int
    signatory: str | None = None
    control: str | None = None


def check_order(session: Session, facts: OrderFacts, today: date) -> Person:
    """Return the leader, once nothing forbids the order: papers, term (3.3), the leader's category (4.1)."""
    if not facts.number.strip():
        raise DomainError(
            "number_missing",
            _l("The number of the order is missing."),
            remedy=_l("Give the number of the order."),
            field="number",
        )
    texts = {"number": facts.number, "signatory": facts.signatory, "control": facts.control}
    require_fitting(SiteOrder, {name: (value or "").strip() for name, value in texts.items()})
    if facts.signed_on > today:
        raise DomainError(
            "order_to_come",
            _l("The order is dated later than today."),
            remedy=_l("Check the date."),
            field="signed_on",
        )
    if facts.valid_until < facts.valid_from:
        raise DomainError(
            "term_backward",
            _l("The term ends before it begins."),
            remedy=_l("Check both days of the term."),
            field="valid_until",
            clause="3.3",
        )
    longest = longest_term_end(facts.valid_from)
    if facts.valid_until > longest:
        raise DomainError(
            "term_too_long",
            _l("Status is granted for three years at most (3.3)."),
            remedy=_l("The last day can be %(day)s or earlier.", day=f"{longest:%d.%m.%Y}"),
            field="valid_until",
            clause="3.3",
        )
    leader = session.get(Person, facts.leader_id)
    if leader is None:
        raise DomainError(
            "leader_missing",
            _l("Nobody is named as leader."),
            remedy=_l("Choose a person of the list."),
            field="leader",
            clause="4.1",
        )
    for refusal in check_leader(leader, facts.signed_on):
        raise refusal
    return leader


def grant_status(
    session: Session, application_id: int, facts: OrderFacts, *, actor: Actor, now: datetime, today: date
) -> Site:
    """Grant or renew the status that an accepted application asks for, by an order of the centre (3.3).

    A new site is made with its order and leader; of a site that is renewed the order is added. Raises DomainError
    for what ``check_order`` refuses, Conflict where the application isn't accepted or was followed already.
    """
    actor.require(Permission.KEEP_SITES)
    application = application_of(session, application_id, actor=actor)
    lock_row(session, application)
    if application.state is not ApplicationState.ACCEPTED:
        raise Conflict(
            "application_not_accepted",
            _l("An order follows an accepted application; this one isn't."),
            remedy=_l("Reload the page to see how things stand."),
            clause="3.2",
        )
    leader = check_order(session, facts, today)
    if application.renews_id is not None:
        site = session.get_one(Site, application.renews_id)
        renew(session, site, facts, leader, application=application, actor=actor, now=now)
    else:
        site = _make_site(session, application, facts, leader, actor=actor, now=now)
    values = {"state": ApplicationState.ORDERED, "site_id": site.id}
    saving.change(session, application, values, actor=actor, now=now, action="order_application")
    tell_applicant(session, application, "site_ordered", now=now, **_told(facts))
    _tell_of_order(session, site, "named_leader", [leader.id], facts, now=now)
    return site


def _told(facts: OrderFacts) -> dict[str, str]:
    return {"number": facts.number.strip(), "day": f"{facts.valid_until:%d.%m.%Y}"}


def _tell_of_order(
    session: Session, site: Site, occasion: str, people: Iterable[int], facts: OrderFacts, *, now: datetime
) -> None:
    """Tell people of an order, once each; numbers of orders begin anew each year."""
    tell(
        session,
        people,
        occasion=occasion,
        about=site,
        turn=f"{facts.signed_on.isoformat()} {facts.number.strip()}"[:LONGEST_TURN],
        path=f"/sites/{site.id}",
        facts={"direction": site.direction, "organisation": site.organisation.label, **_told(facts)},
        now=now,
    )


def _make_site(
    session: Session,
    application: SiteApplication,
    facts: OrderFacts,
    leader: Person,
    *,
    actor: Actor,
    now: datetime,
) -> Site:
    site = Site(
        code=_free_code(session, facts.signed_on.year),
        organisation_id=application.host_id,
        direction=application.direction or "",
    )
    site.orders.append(_order(facts, OrderKind.GRANT, application))
    site.leaders.append(SiteLeader(person_id=leader.id, since=facts.valid_from, until=None))
    saving.add(session, site, actor=actor, now=now, action="create_site")
    return site


def _free_code(session: Session, year: int) -> str:
    """Return the next free code of a site: «П-2026-07», counted within the year of the order."""
    start = f"П-{year}-"
    taken = set(session.scalars(select(Site.code).where(Site.code.startswith(start))))
    number = len(taken) + 1
    while f"{start}{number:02}" in taken:
        number += 1
    return f"{start}{number:02}"


def _order(facts: OrderFacts, kind: OrderKind, application: SiteApplication | None) -> SiteOrder:
    return SiteOrder(
        number=facts.number.strip(),
        signed_on=facts.signed_on,
        valid_from=facts.valid_from,
        valid_until=facts.valid_until,
        signatory=(facts.signatory or "").strip() or None,
        control=(facts.control or "").strip() or None,
        kind=kind,
        application_id=application.id if application else None,
        leader_id=facts.leader_id,
    )


def renew_status(
    session: Session, site_id: int, facts: OrderFacts, *, actor: Actor, now: datetime, today: date
) -> Site:
    """Renew a site's status by a further order, without an application of its own (3.3). Leader and head are told."""
    actor.require(Permission.KEEP_SITES)
    site = session.get(Site, site_id)
    if site is None:
        raise NotFound("no_such_site", _l("There is no such site."))
    leader = check_order(session, facts, today)
    renew(session, site, facts, leader, application=None, actor=actor, now=now)
    _tell_of_order(session, site, "named_leader", [leader.id], facts, now=now)
    heads = session.scalars(
        select(OrganisationHead.person_id).where(
            OrganisationHead.organisation_id == site.organisation_id, OrganisationHead.until.is_(None)
        )
    )
    _tell_of_order(session, site, "site_ordered", heads, facts, now=now)
    return site


def renew(
    session: Session,
    site: Site,
    facts: OrderFacts,
    leader: Person,
    *,
    application: SiteApplication | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Add a further order to a site. Raises Conflict for an ended site (8.1) and for an order that is there already."""
    lock_row(session, site)
    if site.ended_on is not None:
        raise Conflict(
            "site_ended",
            _l("This site ended on %(day)s.", day=f"{site.ended_on:%d.%m.%Y}"),
            remedy=_l("A new site is applied for anew."),
            clause="8.1",
        )
    if any((order.number, order.signed_on) == (facts.number.strip(), facts.signed_on) for order in site.orders):
        raise Conflict(
            "order_is_there",
            _l("This order is on the list of the site already."),
            remedy=_l("Check number and date."),
            field="number",
        )
    order = _order(facts, OrderKind.RENEWAL, application)
    order.site_id = site.id
    saving.add(session, order, actor=actor, now=now, action="renew_status")
    session.expire(site, ["orders"])
    name_leader(session, site, leader, facts.valid_from, actor=actor, now=now)


def name_leader(session: Session, site: Site, person: Person, since: date, *, actor: Actor, now: datetime) -> None:
    """Let ``person`` lead from ``since``; the one before leads until the day before (4.1)."""
    present = present_leader(site)
    if present is not None and present.person_id == person.id:
        return
    if present is not None and present.since >= since:
        raise DomainError(
            "leads_since_later",
            _l("The present leader leads since %(day)s.", day=f"{present.since:%d.%m.%Y}"),
            remedy=_l("Let the new one begin after that day."),
            field="valid_from",
            clause="4.1",
        )
    if present is not None:
        values = {"until": since - timedelta(days=1)}
        saving.change(session, present, values, actor=actor, now=now, action="end_leadership")
    leader = SiteLeader(site_id=site.id, person_id=person.id, since=since, until=None)
    saving.add(session, leader, actor=actor, now=now, action="name_leader")
    session.expire(site, ["leaders"])
