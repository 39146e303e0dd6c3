"""A trainee's own places, and whom to ask: the leader of a site. Two queries at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.people.models import Organisation, Person
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import Site, SiteLeader


@dataclass(frozen=True)
class Place:
    """Show a place in an intake to the trainee who holds it."""

    intake_id: int
    programme_title: str
    site: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True)
class Contact:
    """Say who can help, and of which site they are the leader."""

    name: str
    site: str


def running_first(intake: Intake, today: date) -> tuple[int, int, str]:
    """Return the key that sorts intakes on the local date ``today``.

    Running ones come first, the one that ends soonest before the others; then those to come, the nearest first; then
    those that have ended, the latest first.
    """
    if intake.ends_on < today:
        return 2, -intake.ends_on.toordinal(), intake.code
    if intake.starts_on > today:
        return 1, intake.starts_on.toordinal(), intake.code
    return 0, intake.ends_on.toordinal(), intake.code


def own_places(session: Session, *, actor: Actor, today: date) -> list[Place]:
    """Return the intakes in which ``actor`` is a trainee, those that run on the local date ``today`` first."""
    rows = session.execute(
        _joined(select(Intake, ProgrammeVersion, Organisation))
        .join(Trainee, Trainee.intake_id == Intake.id)
        .where(Trainee.person_id == actor.person_id, Trainee.state == TraineeState.ENROLLED)
    )
    return [
        Place(intake.id, version.title, organisation.label, intake.starts_on, intake.ends_on)
        for intake, version, organisation in sorted(rows, key=lambda row: running_first(row[0], today))
    ]


def contacts_of(session: Session, *, actor: Actor, intake: Intake | None) -> list[Contact]:
    """Return the present leader of the intake's site, or without an intake those of the actor's own places."""
    query = (
        _joined(select(Person, Organisation).select_from(Intake))
        .join(SiteLeader, SiteLeader.site_id == Site.id)
        .join(Person, Person.id == SiteLeader.person_id)
        .where(SiteLeader.until.is_(None))
        .order_by(Person.last_name, Person.id)
        .distinct()
    )
    wanted = actor.trainee_intake_ids if intake is None else {intake.id}
    rows = session.execute(query.where(Intake.id.in_(wanted)))
    return [Contact(person.full_name, organisation.label) for person, organisation in rows]


def site_of(session: Session, intake_id: int) -> int | None:
    """Return the id of the site whose intake this is, or None where there is no such intake."""
    return session.scalar(
        select(Programme.site_id)
        .join(ProgrammeVersion, ProgrammeVersion.programme_id == Programme.id)
        .join(Intake, Intake.version_id == ProgrammeVersion.id)
        .where(Intake.id == intake_id)
    )


def exchange_is_stopped(session: Session, intake_id: int) -> bool:
    """Tell whether the exchange with the intake's Moodle is stopped: nothing reaches it until it is resumed."""
    stopped_at = session.scalar(
        select(Moodle.stopped_at).join(Intake, Intake.moodle_id == Moodle.id).where(Intake.id == intake_id)
    )
    return stopped_at is not None


def _joined(query: Any) -> Any:
    return (
        query.join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(Site, Site.id == Programme.site_id)
        .join(Organisation, Organisation.id == Site.organisation_id)
    )
