"""The schedule of an intake as pages show it: meetings with host and clashes, and what the plan still lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings.clashes import Clash, find_clashes, slot_of, trainees_of
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.people.models import Person
from lti_app.programmes.models import Topic
from lti_app.sites.models import Site
from lti_app.sites.service import leader_of

MOST_SUGGESTED = 200
"""People of the host organisation who are offered as hosts; others are found by their names."""


@dataclass(frozen=True)
class ScheduleLine:
    """Show a meeting: who holds it, with whom alone if it is an individual one, what is in its way."""

    meeting: Meeting
    phase: str
    """past, now, next or cancelled."""
    host: str
    alone_with: str | None
    clashes: Sequence[Clash]
    place_in_series: tuple[int, int] | None
    """Which of how many meetings of its series that are planned."""
    is_too_small: bool
    """More trainees have a place in the intake than the room holds."""


@dataclass(frozen=True)
class TopicStanding:
    """Show how many academic hours of a topic meetings have to give, and how many those in the schedule give."""

    topic: Topic
    wanted: Decimal
    scheduled: Decimal

    @property
    def missing(self) -> Decimal:
        """Return the hours that meetings still have to give."""
        return max(Decimal(0), self.wanted - self.scheduled)


def meetings_of(session: Session, intake_id: int, *, with_individual: bool) -> Sequence[Meeting]:
    """Return the meetings of an intake by time, with topic and host; cancelled ones, too. One query."""
    query = (
        select(Meeting)
        .where(Meeting.intake_id == intake_id)
        .options(joinedload(Meeting.topic), joinedload(Meeting.host))
        .order_by(Meeting.starts_at, Meeting.id)
    )
    return session.scalars(query if with_individual else query.where(Meeting.only_for_id.is_(None))).all()


def schedule_of(session: Session, intake: Intake, meetings: Sequence[Meeting], *, now: datetime) -> list[ScheduleLine]:
    """Return the lines of a schedule; clashes are shown of what isn't over. At most seven queries."""
    leader = leader_of(session, intake.version.programme.site_id)
    alone = _alone(session, meetings)
    coming = [one for one in meetings if one.state is MeetingState.PLANNED and one.ends_at > now]
    person_of = {trainee_id: person.id for trainee_id, person in alone.items()}
    slots = [slot_of(one, leader.id if leader else None, person_of) for one in coming]
    clashes = find_clashes(session, intake, slots)
    enrolled = len(trainees_of(session, intake.id)) if any(one.capacity for one in meetings) else 0
    places = places_in_series(meetings)
    return [
        ScheduleLine(
            meeting=one,
            phase=phase_of(one, now),
            host=_host(one, leader),
            alone_with=alone[one.only_for_id].full_name if one.only_for_id in alone else None,
            clashes=clashes.get(str(one.id), ()),
            place_in_series=places.get(one.id),
            is_too_small=one.capacity is not None and one.only_for_id is None and one.capacity < enrolled,
        )
        for one in meetings
    ]


def phase_of(meeting: Meeting, now: datetime) -> str:
    """Tell where a meeting stands in time: past, now, next or cancelled."""
    if meeting.state is MeetingState.CANCELLED:
        return "cancelled"
    if now < meeting.starts_at:
        return "next"
    return "now" if now < meeting.ends_at else "past"


def _host(meeting: Meeting, leader: Person | None) -> str:
    return meeting.host.full_name if meeting.host else leader.full_name if leader else ""


def _alone(session: Session, meetings: Sequence[Meeting]) -> dict[int, Person]:
    ids = {one.only_for_id for one in meetings if one.only_for_id is not None}
    if not ids:
        return {}
    rows = session.execute(
        select(Trainee.id, Person).join(Person, Person.id == Trainee.person_id).where(Trainee.id.in_(ids))
    )
    return {row[0]: row[1] for row in rows}


def places_in_series(meetings: Sequence[Meeting]) -> dict[int, tuple[int, int]]:
    """Return which of how many planned meetings of its series each is, by its number; ``meetings`` are by time."""
    series: dict[int, list[int]] = {}
    for one in meetings:
        if one.series_id is not None and one.state is MeetingState.PLANNED:
            series.setdefault(one.series_id, []).append(one.id)
    return {
        meeting_id: (place, len(ids))
        for ids in series.values()
        if len(ids) > 1
        for place, meeting_id in enumerate(ids, start=1)
    }


def standings(topics: Sequence[Topic], meetings: Sequence[Meeting]) -> list[TopicStanding]:
    """Return the topics of a plan with the hours that meetings have to give: independent work isn't scheduled."""
    given: dict[int, Decimal] = {}
    for one in meetings:
        if one.state is MeetingState.PLANNED and one.only_for_id is None:
            given[one.topic_id] = given.get(one.topic_id, Decimal(0)) + one.hours
    return [
        TopicStanding(topic, topic.hours - topic.independent_hours, given.get(topic.id, Decimal(0))) for topic in topics
    ]


def suggested_hosts(session: Session, site: Site) -> Sequence[Person]:
    """Return the people of the organisation that hosts a site, by name. One query."""
    return session.scalars(
        select(Person)
        .where(Person.organisation_id == site.organisation_id)
        .order_by(Person.name_key, Person.id)
        .limit(MOST_SUGGESTED)
    ).all()
