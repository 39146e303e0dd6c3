"""Who is told of the end of a site: its leader, the head of its organisation, and each trainee what happens to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lti_app.ending.choices import IntakeChoice
from lti_app.ending.running import RunningIntake
from lti_app.intakes.models import Intake, TraineeOutcome
from lti_app.notices.occasions import Occasion
from lti_app.notices.service import tell
from lti_app.people.models import OrganisationHead
from lti_app.sites.models import Site, SiteEnd, SiteLeader

NOTICES = {
    "site_ended": Occasion(
        _l("The internship site ends on %(day)s"),
        _l("The internship site “%(direction)s” (%(organisation)s) ends on %(day)s by the order № %(number)s."),
    ),
    "place_stays": Occasion(
        _l("Your internship goes on until its end"),
        _l("The site “%(direction)s” ends, but your internship “%(title)s” goes on until its last day."),
    ),
    "place_credited": Occasion(
        _l("Your internship was broken off, your hours are credited"),
        _l("The site “%(direction)s” ends. The hours that you attended in “%(title)s” are credited."),
    ),
    "place_moved": Occasion(
        _l("Your internship goes on in another intake"),
        _l("The site “%(direction)s” ends. You have a place in another intake now: “%(target)s”."),
    ),
    "place_ended": Occasion(
        _l("Your internship was broken off"),
        _l(
            "The site “%(direction)s” ends, and with it your internship “%(title)s”. Ask the methodical centre how "
            "to go on."
        ),
    ),
}
OCCASIONS = {
    TraineeOutcome.STAYS: "place_stays",
    TraineeOutcome.CREDITED: "place_credited",
    TraineeOutcome.MOVED: "place_moved",
    TraineeOutcome.LEFT: "place_ended",
}


def tell_of_end(
    session: Session,
    end: SiteEnd,
    choices: Mapping[int, IntakeChoice],
    found: Sequence[RunningIntake],
    *,
    now: datetime,
) -> None:
    """Queue the notices of an end: once each, however often this is called."""
    site = session.get_one(Site, end.site_id)
    facts = {
        "direction": site.direction,
        "organisation": site.organisation.label,
        "day": f"{end.ends_on:%d.%m.%Y}",
        "number": end.order_number,
    }
    people = _of_site(session, site, end.order_date)
    tell(session, people, occasion="site_ended", about=end, path=f"/sites/{site.id}", facts=facts, now=now)
    for intake in found:
        choice = choices[intake.intake_id]
        target = session.get(Intake, choice.moved_to_id) if choice.moved_to_id is not None else None
        words = {**facts, "title": intake.title, "target": target.version.title if target else ""}
        for trainee in intake.trainees:
            outcome = choice.trainees[trainee.trainee_id]
            where = target if outcome is TraineeOutcome.MOVED and target is not None else None
            tell(
                session,
                [trainee.person_id],
                occasion=OCCASIONS[outcome],
                about=end,
                turn=str(intake.intake_id),  # who had places in two of its intakes is told of both
                path="/" if outcome is TraineeOutcome.LEFT else f"/intakes/{where.id if where else intake.intake_id}",
                facts=words,
                now=now,
            )


def _of_site(session: Session, site: Site, day: date) -> set[int]:
    leaders = session.scalars(
        select(SiteLeader.person_id).where(
            SiteLeader.site_id == site.id, or_(SiteLeader.until.is_(None), SiteLeader.until >= day)
        )
    )
    heads = session.scalars(
        select(OrganisationHead.person_id).where(
            OrganisationHead.organisation_id == site.organisation_id, OrganisationHead.until.is_(None)
        )
    )
    return {*leaders, *heads}
