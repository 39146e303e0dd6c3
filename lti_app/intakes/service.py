"""Keep intakes and the places in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.permissions import Actor
from lti_app.core.saving import Saved
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.people.models import Person
from lti_app.programmes.models import Programme, VersionState
from lti_app.programmes.service import version_for_intake
from lti_app.sites.service import covered


@dataclass(frozen=True)
class IntakeFacts:
    """Hold what is to be kept of an intake. Dates are local, ``ends_on`` is the last day."""

    code: str
    programme: Programme
    moodle: Moodle
    starts_on: date
    ends_on: date
    capacity: int


def check_intake(existing: Intake | None, facts: IntakeFacts) -> list[DomainError]:
    """Return what forbids keeping these facts: dates backward or outside the site's order (3.3), another programme."""
    refusals: list[DomainError] = []
    if facts.ends_on < facts.starts_on:
        refusals.append(
            DomainError(
                "dates_backward",
                _l("The intake ends before it starts."),
                remedy=_l("Check both days; the last one can't be before the first."),
                field="ends_on",
            )
        )
    else:
        refusals += _check_term(facts)
    if existing is not None:
        refusals += _check_against(existing, facts)
    return refusals


def _check_term(facts: IntakeFacts) -> list[DomainError]:
    site = facts.programme.site
    if covered(site, facts.starts_on, facts.ends_on):
        return []
    terms = ", ".join(
        f"№ {order.number}: {order.valid_from:%d.%m.%Y} – {order.valid_until:%d.%m.%Y}" for order in site.orders
    )
    first_day_is_good = covered(site, facts.starts_on, facts.starts_on)
    return [
        DomainError(
            "outside_order",
            _l("On this day no order is in force for the site %(site)s (%(terms)s).", site=site.code, terms=terms),
            remedy=_l("Move the intake into the term of the order, or add the order that prolongs it."),
            field="ends_on" if first_day_is_good else "starts_on",
            clause="3.3",
        )
    ]


def _check_against(existing: Intake, facts: IntakeFacts) -> list[DomainError]:
    refusals: list[DomainError] = []
    if existing.version.programme_id != facts.programme.id:
        refusals.append(
            Conflict(
                "intake_of_another_programme",
                _l("This intake runs by the programme %(code)s.", code=existing.version.programme.code),
                remedy=_l("An intake stays with its programme; a run of another one takes a new code."),
                field="programme",
            )
        )
    if existing.moodle_id != facts.moodle.id and existing.course_id is not None:
        refusals.append(
            Conflict(
                "intake_has_course",
                _l("This intake already has its course in the Moodle %(name)s.", name=existing.moodle.name),
                remedy=_l("Leave the Moodle as it is; an intake in another one takes a new code."),
                field="moodle",
            )
        )
    return refusals


def build_intake(facts: IntakeFacts, now: datetime) -> Intake:
    """Make an intake outside any session; published where the council approved the version (4.2)."""
    version = version_for_intake(facts.programme)
    return Intake(
        code=facts.code,
        version_id=version.id,
        version=version,
        moodle_id=facts.moodle.id,
        moodle=facts.moodle,
        starts_on=facts.starts_on,
        ends_on=facts.ends_on,
        capacity=facts.capacity,
        published_at=now if version.state is VersionState.APPROVED else None,
    )


def save_intake(
    session: Session, existing: Intake | None, facts: IntakeFacts, *, actor: Actor, now: datetime
) -> tuple[Intake, Saved]:
    """Create the intake on the newest approved version, or bring ``existing`` to ``facts``; it keeps its version.

    Raises DomainError where ``check_intake`` objects.
    """
    for refusal in check_intake(existing, facts):
        raise refusal
    if existing is None:
        made = build_intake(facts, now)
        return made, saving.add(session, made, actor=actor, now=now, action="create_intake")
    values: dict[str, Any] = {
        "moodle_id": facts.moodle.id,
        "starts_on": facts.starts_on,
        "ends_on": facts.ends_on,
        "capacity": facts.capacity,
    }
    if existing.published_at is None and existing.version.state is VersionState.APPROVED:
        values["published_at"] = now
    return existing, saving.change(session, existing, values, actor=actor, now=now, action="change_intake")


def publish_intakes(session: Session, *, programme: Programme, actor: Actor, now: datetime) -> int:
    """Publish the programme's intakes that waited for the council's approval of their version (4.2)."""
    approved = [version.id for version in programme.versions if version.state is VersionState.APPROVED]
    waiting = session.scalars(
        select(Intake).where(Intake.version_id.in_(approved), Intake.published_at.is_(None))
    ).all()
    for intake in waiting:
        saving.change(session, intake, {"published_at": now}, actor=actor, now=now, action="publish_intake")
    return len(waiting)


def save_trainee(
    session: Session,
    existing: Trainee | None,
    *,
    intake: Intake,
    person: Person,
    state: TraineeState | None,
    actor: Actor,
    now: datetime,
) -> tuple[Trainee, Saved]:
    """Give a person a place in an intake, or change whether the place is held.

    ``state`` None means: enrol somebody new, leave somebody known as they are; who left isn't enrolled again by
    a list that still names them. The capacity is for the caller to check once for the whole list.
    """
    if existing is None:
        wanted = state or TraineeState.ENROLLED
        made = Trainee(
            intake_id=intake.id,
            person_id=person.id,
            state=wanted,
            enrolled_at=now,
            left_at=now if wanted is TraineeState.LEFT else None,
        )
        return made, saving.add(session, made, actor=actor, now=now, action="enrol_trainee")
    if state is None or state is existing.state:
        return existing, Saved.UNCHANGED
    left = state is TraineeState.LEFT
    values = {"state": state, "left_at": now if left else None}
    action = "trainee_left" if left else "trainee_returned"
    return existing, saving.change(session, existing, values, actor=actor, now=now, action=action)
