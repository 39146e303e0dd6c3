"""A published intake of a few places that begins in ten days, open to the municipality, and those who want in."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor, Role
from lti_app.intakes.models import Admission, Intake, PlaceRequest, RequestState, Trainee, TraineeState
from lti_app.intakes.requests import ask
from lti_app.notices.models import Notice
from lti_app.people.models import OrganisationHead, Person
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")
TODAY = NOW.astimezone(ZONE).date()
START = TODAY + timedelta(days=10)
CENTRE = Actor(person_id=None, name="Центрова", roles=frozenset({Role.CENTRE}))


def open_world(session: Session, code: str = "a", *, capacity: int = 2, **values: Any) -> World:
    """Make a world whose intake is open for requests; ``values`` are of its intake."""
    given = {key: values.pop(key) for key in ("state", "published", "course_id", "moodle") if key in values}
    world = World(session, code, capacity=capacity, **given)
    settings = {"starts_on": START, "admission": Admission.MUNICIPALITY, **values}
    for name, value in settings.items():
        setattr(world.intake, name, value)
    session.flush()
    return world


def by(person: Person) -> Actor:
    return Actor(person_id=person.id, name=person.full_name, moodle_id=1)


def asks(
    world: World, person: Person | None = None, *, at: datetime = NOW, intake: Intake | None = None
) -> PlaceRequest:
    who = person or world.person()
    return ask(world.session, (intake or world.intake).id, actor=by(who), now=at, zone=ZONE)


def head(world: World, person: Person | None = None, *, since: date = date(2026, 1, 1)) -> Person:
    found = person or world.person("Директорова")
    world.session.add(OrganisationHead(organisation_id=world.organisation.id, person_id=found.id, since=since))
    world.session.flush()
    return found


def enrolled(session: Session, intake_id: int) -> list[int]:
    return list(
        session.scalars(
            select(Trainee.person_id)
            .where(Trainee.intake_id == intake_id, Trainee.state == TraineeState.ENROLLED)
            .order_by(Trainee.id)
        )
    )


def waiting(session: Session, intake_id: int) -> list[int]:
    return list(
        session.scalars(
            select(PlaceRequest.person_id)
            .where(PlaceRequest.intake_id == intake_id, PlaceRequest.state == RequestState.WAITING)
            .order_by(PlaceRequest.queued_at, PlaceRequest.id)
        )
    )


def told(session: Session, person_id: int) -> list[str]:
    return list(session.scalars(select(Notice.occasion).where(Notice.person_id == person_id).order_by(Notice.id)))


def rows(session: Session) -> dict[str, int | None]:
    """Count what a refusal must leave alone."""
    return {
        model.__tablename__: session.scalar(select(func.count()).select_from(model))
        for model in (PlaceRequest, Trainee, Notice)
    }
