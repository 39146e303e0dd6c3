"""Whose plan it is and on which side somebody stands: the trainee's, or that of the leader of the site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.errors import Conflict, Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.people.models import Person
from lti_app.plans.models import Side
from lti_app.programmes.models import Programme, ProgrammeVersion, VersionState
from lti_app.sites.models import Site


@dataclass(frozen=True)
class Seat:
    """Hold a place in an intake and the side from which it is looked at."""

    trainee: Trainee
    side: Side

    @property
    def intake(self) -> Intake:
        """Return the intake, with its version, programme and site."""
        return self.trainee.intake

    @property
    def version(self) -> ProgrammeVersion:
        """Return the version that the intake runs."""
        return self.trainee.intake.version

    @property
    def is_leader(self) -> bool:
        """Tell whether the leader looks."""
        return self.side is Side.LEADER

    @property
    def is_open(self) -> bool:
        """Tell whether anything may still be planned and rated here."""
        return self.trainee.state is TraineeState.ENROLLED and self.intake.broken_off_on is None


def seat_of(session: Session, trainee_id: int, *, actor: Actor) -> Seat:
    """Return a trainee's place for the trainee, or for who leads the site. Raises NotFound, Forbidden (4.2, 5.2)."""
    trainee = session.scalar(_places().where(Trainee.id == trainee_id))
    if trainee is None:
        raise NotFound("no_such_trainee", _l("There is no such trainee."))
    if trainee.person_id == actor.person_id and actor.may(Permission.OWN_RECORD):
        return Seat(trainee, Side.TRAINEE)
    if trainee.intake.version.programme.site_id in actor.led_site_ids and trainee.person_id != actor.person_id:
        actor.require(Permission.RUN_INTAKES)
        return Seat(trainee, Side.LEADER)
    raise Forbidden(
        "not_your_plan",
        _l("This is another trainee's."),
        remedy=_l("It is open to that trainee and to the leader of the site."),
        clause="5.2",
    )


def own_seat(session: Session, intake_id: int, *, actor: Actor) -> Seat:
    """Return the actor's own place in an intake. Raises Forbidden to who is no trainee of it."""
    actor.require(Permission.OWN_RECORD)
    trainee = session.scalar(
        _places().where(
            Trainee.intake_id == intake_id,
            Trainee.person_id == actor.person_id,
            Trainee.state == TraineeState.ENROLLED,
        )
    )
    if trainee is None:
        raise Forbidden(
            "not_your_intake",
            _l("You are not a trainee of this intake."),
            remedy=_l("A trainee sees only their own record; ask the leader of the site for a place."),
            clause="4.2",
        )
    return Seat(trainee, Side.TRAINEE)


def led_seat(session: Session, trainee_id: int, *, actor: Actor) -> Seat:
    """Return a place that the actor leads, not their own. Raises NotFound, Forbidden (4.1)."""
    seat = seat_of(session, trainee_id, actor=actor)
    if not seat.is_leader:
        raise Forbidden(
            "own_record",
            _l("Nobody decides on their own record."),
            remedy=_l("This is for the leader of the site."),
            clause="4.2",
        )
    return seat


def led_intake(session: Session, intake_id: int, *, actor: Actor) -> Intake:
    """Return an intake of a site that the actor leads. Raises NotFound, Forbidden (4.1)."""
    intake = session.scalar(
        select(Intake)
        .where(Intake.id == intake_id)
        .options(
            joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site)
            .joinedload(Site.organisation)
        )
    )
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor.require_site(intake.version.programme.site_id)
    return intake


def enrolled(session: Session, intake_id: int) -> Sequence[Trainee]:
    """Return who has a place in an intake now, by name, with persons and organisations."""
    return session.scalars(
        select(Trainee)
        .join(Trainee.person)
        .where(Trainee.intake_id == intake_id, Trainee.state == TraineeState.ENROLLED)
        .options(joinedload(Trainee.person).joinedload(Person.organisation))
        .order_by(Person.last_name, Person.first_name, Trainee.id)
    ).all()


def require_under_way(seat: Seat) -> None:
    """Refuse what is over, or hasn't been allowed yet. Raises Conflict (4.2, 8.1)."""
    if seat.trainee.state is TraineeState.LEFT:
        raise Conflict(
            "trainee_left",
            _l("This trainee has left the intake."),
            remedy=_l("What was planned, agreed and rated stays to be read."),
        )
    if seat.intake.broken_off_on is not None:
        raise Conflict(
            "intake_broken_off",
            _l("This intake was broken off with the end of its site (8.1)."),
            remedy=_l("What was planned, agreed and rated stays to be read."),
            clause="8.1",
        )
    if seat.version.state is not VersionState.APPROVED:
        raise Conflict(
            "programme_not_approved",
            _l("The council hasn't approved the programme yet (4.2)."),
            remedy=_l("Wait for its decision: topics and planned results may still change."),
            clause="4.2",
        )


def _places() -> Select[Trainee]:
    return select(Trainee).options(
        joinedload(Trainee.person).joinedload(Person.organisation),
        joinedload(Trainee.intake)
        .joinedload(Intake.version)
        .joinedload(ProgrammeVersion.programme)
        .joinedload(Programme.site)
        .joinedload(Site.organisation),
    )
