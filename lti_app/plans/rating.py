"""Competences rated at the start and at the end, by the trainee and by the leader, on the programme's scale (6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import audit
from lti_app.core.db import lock_row
from lti_app.core.errors import Conflict, DomainError, Text
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings.models import Attendance, Meeting, MeetingState, Presence
from lti_app.plans.dynamics import Rating
from lti_app.plans.models import CompetenceRating, RatingMoment, Side
from lti_app.plans.seats import Seat, require_under_way
from lti_app.programmes.models import Competence, Topic
from lti_app.programmes.scale import scale_of

LAST_DAYS = 14
"""Of an intake, in which a trainee rates the end; and as many after it."""
LEADER_DAYS_AFTER = 30


@dataclass(frozen=True)
class Window:
    """Say in which local days a side may rate a moment; both belong to it."""

    opens_on: date
    closes_on: date

    def is_open(self, today: date) -> bool:
        """Tell whether rating is possible on a day."""
        return self.opens_on <= today <= self.closes_on


def window_of(intake: Intake, side: Side, moment: RatingMoment, *, has_hours: bool) -> Window:
    """Return in which local days a side may rate a moment.

    A trainee rates the start from the first on until the intake's last day; the end in its last 14 days, or once the
    needed hours are attended (``has_hours``), and for 14 days more. The leader rates both during the intake and for
    30 days more.
    """
    if side is Side.LEADER:
        return Window(intake.starts_on, intake.ends_on + timedelta(days=LEADER_DAYS_AFTER))
    if moment is RatingMoment.START:
        return Window(date.min, intake.ends_on)
    opens_on = intake.starts_on if has_hours else intake.ends_on - timedelta(days=LAST_DAYS - 1)
    return Window(max(opens_on, intake.starts_on), intake.ends_on + timedelta(days=LAST_DAYS))


def hours_reached(session: Session, seat: Seat) -> bool:
    """Tell whether a trainee attended the hours needed; each topic counts at most its own. Two queries."""
    topics: dict[int, Decimal] = dict(
        session.execute(select(Topic.id, Topic.hours).where(Topic.version_id == seat.intake.version_id)).all()
    )
    attended: dict[int, Decimal] = {}
    for topic_id, hours in session.execute(
        select(Meeting.topic_id, Meeting.hours)
        .join(Attendance, Attendance.meeting_id == Meeting.id)
        .where(
            Attendance.trainee_id == seat.trainee.id,
            Attendance.presence == Presence.PRESENT,
            Meeting.state != MeetingState.CANCELLED,
        )
    ):
        attended[topic_id] = attended.get(topic_id, Decimal(0)) + hours
    counted = sum((min(hours, topics.get(topic_id, Decimal(0))) for topic_id, hours in attended.items()), Decimal(0))
    return counted >= seat.version.hours_needed


def competences_of(session: Session, version_id: int) -> Sequence[Competence]:
    """Return the planned results of a version, in order."""
    return session.scalars(
        select(Competence).where(Competence.version_id == version_id).order_by(Competence.position)
    ).all()


def rate(
    session: Session,
    seat: Seat,
    moment: RatingMoment,
    values: Mapping[int, int | None],
    *,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> int:
    """Put down a side's ratings at a moment; return how many changed. ``values``: competence id to place on the scale.

    What is None, or isn't named, stays as it was. Raises Conflict outside of the days in which that side rates, and
    where the place is over; DomainError for a value that isn't on the scale, or a competence of another programme.
    """
    require_under_way(seat)
    today = now.astimezone(zone).date()
    has_hours = seat.is_leader or moment is RatingMoment.START or hours_reached(session, seat)
    window = window_of(seat.intake, seat.side, moment, has_hours=has_hours)
    if not window.is_open(today):
        raise _closed(seat, moment, window, today)
    known = {one.id: one for one in competences_of(session, seat.intake.version_id)}
    scale: Sequence[Text] = scale_of(seat.version)
    given = {key: value for key, value in values.items() if value is not None}
    if not set(given) <= set(known) or not all(0 <= value < len(scale) for value in given.values()):
        raise DomainError(
            "not_on_the_scale",
            _l("This rating isn't on the programme's scale."),
            remedy=_l("Reload the page and choose one of the steps."),
            field="rating",
            clause="6.1",
        )
    lock_row(session, seat.trainee)
    rows = {
        row.competence_id: row
        for row in session.scalars(
            select(CompetenceRating).where(
                CompetenceRating.trainee_id == seat.trainee.id,
                CompetenceRating.moment == moment,
                CompetenceRating.side == seat.side,
            )
        )
    }
    changes: dict[str, list[int | None]] = {}
    for competence_id, value in given.items():
        row = rows.get(competence_id)
        if row is not None and row.value == value:
            continue
        changes[f"{moment.value} {seat.side.value} {known[competence_id].position}"] = [
            row.value if row else None,
            value,
        ]
        if row is None:
            row = CompetenceRating(
                trainee_id=seat.trainee.id, competence_id=competence_id, moment=moment, side=seat.side
            )
            session.add(row)
        row.value, row.rated_at, row.rated_by_id = value, now, actor.require_person()
    if changes:
        session.flush()
        audit.record(session, actor=actor, now=now, action="rate_competences", on=seat.trainee, changes=dict(changes))
    return len(changes)


def _closed(seat: Seat, moment: RatingMoment, window: Window, today: date) -> Conflict:
    first, last = f"{max(window.opens_on, date(2000, 1, 1)):%d.%m.%Y}", f"{window.closes_on:%d.%m.%Y}"
    if today > window.closes_on:
        words = _l("The last day to rate this was %(last)s.", last=last)
    elif seat.side is Side.TRAINEE and moment is RatingMoment.END:
        words = _l("The end is rated from %(first)s on, or once the hours are attended.", first=first)
    else:
        words = _l("This is rated from %(first)s on.", first=first)
    return Conflict(
        "rating_closed",
        words,
        remedy=_l("A trainee rates the end in the last 14 days and 14 days after; the leader until 30 days after."),
        clause="6.1",
    )


def ratings_of(session: Session, *, trainee_id: int | None = None, intake_id: int | None = None) -> list[Rating]:
    """Return the ratings of a trainee, or of all trainees of an intake. One query."""
    query = select(
        CompetenceRating.trainee_id,
        CompetenceRating.competence_id,
        CompetenceRating.moment,
        CompetenceRating.side,
        CompetenceRating.value,
    )
    if trainee_id is not None:
        query = query.where(CompetenceRating.trainee_id == trainee_id)
    if intake_id is not None:
        query = query.join(Trainee, Trainee.id == CompetenceRating.trainee_id).where(Trainee.intake_id == intake_id)
    return [Rating(*row) for row in session.execute(query)]


def asked_to_rate(session: Session, trainee_id: int, *, today: date, has_hours: bool) -> Window | None:
    """Return the days of what a trainee may rate today and hasn't rated whole; None where nothing is asked for.

    ``has_hours``: the needed hours are attended. Two queries.
    """
    planned = session.scalars(
        select(Competence.id)
        .join(Intake, Intake.version_id == Competence.version_id)
        .join(Trainee, Trainee.intake_id == Intake.id)
        .where(Trainee.id == trainee_id)
    ).all()
    if not planned:
        return None
    rated = {(one.moment, one.competence_id) for one in ratings_of(session, trainee_id=trainee_id) if is_own(one)}
    intake = session.get_one(Trainee, trainee_id).intake
    for moment in RatingMoment:
        window = window_of(intake, Side.TRAINEE, moment, has_hours=has_hours)
        if window.is_open(today) and any((moment, competence_id) not in rated for competence_id in planned):
            return window
    return None


def is_own(rating: Rating) -> bool:
    """Tell whether it is the trainee's own rating."""
    return rating.side is Side.TRAINEE
