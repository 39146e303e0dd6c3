"""What an end would do, in numbers; and what was decided at one. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.ending.choices import EndFacts
from lti_app.ending.running import RunningIntake
from lti_app.intakes.models import EndedIntake, EndedTrainee, Intake, IntakeOutcome, Trainee, TraineeOutcome
from lti_app.people.models import Person
from lti_app.sites.models import Site, SiteEnd


@dataclass(frozen=True)
class Ended:
    """Show an end with what was decided on each intake and, by intake id, on each of its trainees."""

    end: SiteEnd
    intakes: tuple[EndedIntake, ...]
    trainees: dict[int, list[EndedTrainee]]


def summary(facts: EndFacts, found: Sequence[RunningIntake]) -> dict[str, Any]:
    """Count what would happen: intakes finished, moved, broken off; trainees by outcome; hours to credit; requests."""
    outcomes = [outcome for choice in facts.choices.values() for outcome in choice.trainees.values()]
    chosen = [choice.outcome for choice in facts.choices.values()]
    closed = [one for one in found if facts.choices[one.intake_id].outcome is not IntakeOutcome.FINISHED]
    return {
        **{outcome.value: chosen.count(outcome) for outcome in IntakeOutcome},
        **{f"trainees_{outcome.value}": outcomes.count(outcome) for outcome in TraineeOutcome},
        "hours": sum(
            trainee.creditable
            for intake in found
            for trainee in intake.trainees
            if facts.choices[intake.intake_id].trainees.get(trainee.trainee_id) is TraineeOutcome.CREDITED
        ),
        "requests": sum(intake.requests for intake in closed),
    }


def end_of(session: Session, site: Site) -> Ended | None:
    """Return the end of a site that was decided here, or None. Three queries."""
    end = session.scalar(select(SiteEnd).where(SiteEnd.site_id == site.id))
    if end is None:
        return None
    intakes = session.scalars(
        select(EndedIntake)
        .where(EndedIntake.end_id == end.id)
        .options(
            joinedload(EndedIntake.intake).joinedload(Intake.version),
            joinedload(EndedIntake.moved_to).joinedload(Intake.version),
        )
        .order_by(EndedIntake.id)
    ).all()
    trainees: dict[int, list[EndedTrainee]] = {}
    for row in session.scalars(
        select(EndedTrainee)
        .join(Trainee, Trainee.id == EndedTrainee.trainee_id)
        .join(Person, Person.id == Trainee.person_id)
        .where(EndedTrainee.end_id == end.id)
        .options(joinedload(EndedTrainee.trainee).joinedload(Trainee.person))
        .order_by(Person.name_key, EndedTrainee.id)
    ):
        trainees.setdefault(row.trainee.intake_id, []).append(row)
    return Ended(end, tuple(intakes), trainees)
