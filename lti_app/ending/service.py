"""End a site (8.1): one transaction that says what happens to each intake and each trainee; nothing is deleted."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.ending.carrying_out import carry_out
from lti_app.ending.checks import check_choices, check_papers
from lti_app.ending.choices import EndFacts
from lti_app.ending.running import Recommendation, RunningIntake, recommendations, running_intakes, targets
from lti_app.ending.telling import tell_of_end
from lti_app.meetings.service import lock_intakes
from lti_app.sites.models import EndGrounds, Site, SiteEnd

LONGEST_REASON = 500


def site_to_end(session: Session, site_id: int, *, actor: Actor, lock: bool = False) -> Site:
    """Return the site. Raises Forbidden to who may not end sites, NotFound."""
    actor.require(Permission.KEEP_SITES)
    query = select(Site).where(Site.id == site_id)
    site = session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if site is None:
        raise NotFound("no_such_site", _l("There is no such site."))
    return site


def check_end(session: Session, site: Site, facts: EndFacts, *, now: datetime, zone: ZoneInfo) -> list[RunningIntake]:
    """Return what is under way, once nothing forbids the end (8.1). Raises DomainError for what does."""
    today = now.astimezone(zone).date()
    if site.ended_on is not None:
        raise Conflict(
            "site_ended",
            _l("This site ended on %(day)s.", day=f"{site.ended_on:%d.%m.%Y}"),
            remedy=_l("Nothing is left to decide."),
            clause="8.1",
        )
    found = running_intakes(session, site.id, facts.ends_on, now)
    check_papers(facts, _recommendation(session, site, facts), found, today)
    check_choices(facts, found, targets(session, site.id, facts.ends_on), today)
    return found


def end_site(
    session: Session, site_id: int, facts: EndFacts, *, actor: Actor, now: datetime, zone: ZoneInfo
) -> SiteEnd:
    """End a site by the centre's order, and do to intakes and trainees what was chosen (8.1).

    Intakes that are broken off end on the day before; their coming meetings are cancelled, open requests declined.
    The leader keeps access to what the site did, for the report of the year (4.3). Raises DomainError as ``check_end``.
    """
    site = site_to_end(session, site_id, actor=actor, lock=True)
    touched = list(facts.choices)
    touched += [choice.moved_to_id for choice in facts.choices.values() if choice.moved_to_id is not None]
    lock_intakes(session, *touched)
    found = check_end(session, site, facts, now=now, zone=zone)
    recommended = _recommendation(session, site, facts)
    end = SiteEnd(
        site_id=site.id,
        grounds=facts.grounds,
        paper_number=recommended.protocol if recommended else facts.paper_number.strip(),
        paper_date=recommended.held_on if recommended else facts.paper_date,
        order_number=facts.order_number.strip(),
        order_date=facts.order_date,
        ends_on=facts.ends_on,
        reason=facts.reason.strip(),
        decided_at=now,
        decided_by=actor.name,
    )
    saving.add(session, end, actor=actor, now=now, action="end_site")
    values = {"ended_on": facts.ends_on, "ended_because": facts.reason.strip()[:LONGEST_REASON]}
    saving.change(session, site, values, actor=actor, now=now, action="end_site")
    carry_out(session, end, facts.choices, found, actor=actor, now=now, zone=zone)
    tell_of_end(session, end, facts.choices, found, now=now)
    return end


def _recommendation(session: Session, site: Site, facts: EndFacts) -> Recommendation | None:
    if facts.grounds is not EndGrounds.COUNCIL:
        return None
    for found in recommendations(session, site.id):
        if found.item_id == facts.item_id:
            return found
    raise DomainError(
        "not_recommended",
        _l("The council has not recommended to end this site."),
        remedy=_l("Choose the recommendation of the council, or end the site by the organisation's decision."),
        field="item",
        clause="8.1",
    )
