"""What stands in the way of a meeting: its host, its room or its trainees are elsewhere then. It forbids nothing."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.words import plain
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState
from lti_app.meetings.planning import LONGEST
from lti_app.people.models import Person
from lti_app.programmes.models import Mode, Programme, ProgrammeVersion, Topic
from lti_app.sites.models import Site, SiteLeader

NAMED = 5
"""Trainees named in a clash; of the others their number is said."""


class ClashKind(enum.StrEnum):
    """Say what two meetings at the same time share."""

    HOST = "host"
    ROOM = "room"
    INTAKE = "intake"
    TRAINEES = "trainees"


@dataclass(frozen=True)
class Clash:
    """Show one thing in the way of a meeting: what the other meeting is, and when (UTC); names of trainees in both."""

    kind: ClashKind
    topic: str
    starts_at: datetime
    ends_at: datetime
    names: tuple[str, ...] = ()

    @property
    def more(self) -> int:
        """Return how many trainees aren't named."""
        return max(0, len(self.names) - NAMED)

    @property
    def named(self) -> tuple[str, ...]:
        """Return the trainees who are named."""
        return self.names[:NAMED]


@dataclass(frozen=True)
class Slot:
    """Hold a meeting's time and what it takes then. ``people`` None: all trainees of the intake that is looked at.

    ``key`` tells slots apart; ``meeting_id`` is that of a stored one; ``room`` is compared as it stands.
    """

    key: str
    starts_at: datetime
    ends_at: datetime
    topic: str
    host_id: int | None = None
    room: str = ""
    meeting_id: int | None = None
    people: frozenset[int] | None = None


def room_of(mode: Mode, place: str | None, url: str | None) -> str:
    """Return what tells the rooms of one organisation apart, however they are spelt; nothing where none is named."""
    return (url or "").strip().rstrip("/") if mode is Mode.DISTANCE else plain(place or "")


def slot_of(meeting: Meeting, leader_id: int | None, person_of: Mapping[int, int] | None = None) -> Slot:
    """Return a stored meeting's slot; ``leader_id`` holds it where nobody else is named.

    ``person_of`` gives the persons of trainees, for individual meetings.
    """
    alone = None if meeting.only_for_id is None else (person_of or {}).get(meeting.only_for_id, 0)
    return Slot(
        key=str(meeting.id),
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        topic=meeting.topic.title,
        host_id=meeting.host_id or leader_id,
        room=room_of(meeting.mode, meeting.place, meeting.room_url),
        meeting_id=meeting.id,
        people=None if alone is None else frozenset({alone}),
    )


def clashes_between(slots: Sequence[Slot], others: Sequence[Slot], names: Mapping[int, str]) -> dict[str, list[Clash]]:
    """Return what stands in the way of each of ``slots``, by key: among themselves and ``others``.

    ``names`` are those of the intake's trainees by person. Of others at other sites the room and the people say what
    they share; a place of another organisation is no room here, so the caller leaves it out.
    """
    found: dict[str, list[Clash]] = {}
    by_time = sorted((*slots, *others), key=lambda slot: slot.starts_at)
    for slot in slots:
        for other in by_time:
            if other.starts_at >= slot.ends_at:
                break
            if other.ends_at > slot.starts_at and other.key != slot.key:
                found.setdefault(slot.key, []).extend(_shared(slot, other, names))
    return {key: clashes for key, clashes in found.items() if clashes}


def _shared(slot: Slot, other: Slot, names: Mapping[int, str]) -> Iterable[Clash]:
    def clash(kind: ClashKind, people: Iterable[int] = ()) -> Clash:
        called = tuple(sorted(names[person] for person in people))
        return Clash(kind, other.topic, other.starts_at, other.ends_at, called)

    if slot.host_id is not None and slot.host_id == other.host_id:
        yield clash(ClashKind.HOST)
    if slot.room and slot.room == other.room:
        yield clash(ClashKind.ROOM)
    if slot.people is None and other.people is None:
        yield clash(ClashKind.INTAKE)
        return
    ours = frozenset(names) if slot.people is None else slot.people
    both = ours & (frozenset(names) if other.people is None else other.people) & frozenset(names)
    if both:
        yield clash(ClashKind.TRAINEES, both)


def find_clashes(session: Session, intake: Intake, slots: Sequence[Slot]) -> dict[str, list[Clash]]:
    """Return what stands in the way of meetings of ``intake``, stored or not, by their keys. At most four queries."""
    if not slots:
        return {}
    names = trainees_of(session, intake.id)
    organisation_id = intake.version.programme.site.organisation_id
    return clashes_between(slots, _others(session, intake, slots, set(names), organisation_id), names)


def meetings_meanwhile(session: Session, meeting: Meeting, person_id: int) -> list[Meeting]:
    """Return the other planned meetings of somebody that overlap with ``meeting``, by time, with their topics.

    Theirs are those that they learn at, visit as a guest with a place, or hold: as the host, or where none is named as
    the leader of the site. One query.
    """
    learns = exists().where(
        Trainee.intake_id == Meeting.intake_id,
        Trainee.person_id == person_id,
        Trainee.state == TraineeState.ENROLLED,
        or_(Meeting.only_for_id.is_(None), Meeting.only_for_id == Trainee.id),
    )
    visits = exists().where(
        MeetingGuest.meeting_id == Meeting.id,
        MeetingGuest.person_id == person_id,
        MeetingGuest.state == GuestState.SIGNED_UP,
    )
    leads = exists().where(
        Intake.id == Meeting.intake_id,
        ProgrammeVersion.id == Intake.version_id,
        Programme.id == ProgrammeVersion.programme_id,
        SiteLeader.site_id == Programme.site_id,
        SiteLeader.person_id == person_id,
        SiteLeader.until.is_(None),
    )
    found = session.scalars(
        select(Meeting)
        .where(
            Meeting.id != meeting.id,
            Meeting.state == MeetingState.PLANNED,
            Meeting.starts_at < meeting.ends_at,
            Meeting.starts_at > meeting.starts_at - timedelta(minutes=LONGEST),
            or_(learns, visits, Meeting.host_id == person_id, and_(Meeting.host_id.is_(None), leads)),
        )
        .options(joinedload(Meeting.topic))
        .order_by(Meeting.starts_at, Meeting.id)
    )
    # When a meeting ends is worked out here: databases add minutes to moments in ways of their own.
    return [one for one in found if one.ends_at > meeting.starts_at]


def trainees_of(session: Session, intake_id: int) -> dict[int, str]:
    """Return the short names of the intake's trainees by person. One query."""
    people = session.scalars(
        select(Person)
        .join(Trainee, Trainee.person_id == Person.id)
        .where(Trainee.intake_id == intake_id, Trainee.state == TraineeState.ENROLLED)
    )
    return {person.id: person.short_name for person in people}


def _others(
    session: Session, intake: Intake, slots: Sequence[Slot], people: set[int], organisation_id: int
) -> list[Slot]:
    rows = session.execute(_meetings_around(intake, slots, organisation_id)).all()
    elsewhere = {row.intake_id for row in rows} - {intake.id}
    members = _members(session, elsewhere, people)
    guests = _guests(session, [row.id for row in rows], people)
    found = []
    for row in rows:
        is_here = row.intake_id == intake.id
        if row.alone is not None:
            present: frozenset[int] | None = frozenset({row.alone})
        else:
            present = None if is_here else frozenset(members.get(row.intake_id, ()))
        if present is not None:
            present |= guests.get(row.id, frozenset())
        is_ours = row.organisation_id == organisation_id
        found.append(
            Slot(
                key=f"meeting {row.id}",
                starts_at=row.starts_at,
                ends_at=row.starts_at + timedelta(minutes=row.minutes),
                topic=row.title,
                host_id=row.host_id or row.leader_id,
                room=room_of(row.mode, row.place if is_ours else None, row.room_url),
                meeting_id=row.id,
                people=present,
            )
        )
    return found


def _meetings_around(intake: Intake, slots: Sequence[Slot], organisation_id: int) -> Any:
    """Select the meetings that can share anything with ``slots``, which themselves are left out."""
    first = min(slot.starts_at for slot in slots) - timedelta(minutes=LONGEST)
    last = max(slot.ends_at for slot in slots)
    own = [slot.meeting_id for slot in slots if slot.meeting_id is not None]
    hosts = {slot.host_id for slot in slots if slot.host_id is not None}
    rooms = {slot.room for slot in slots if "://" in slot.room}
    enrolled = select(Trainee.person_id).where(Trainee.intake_id == intake.id, Trainee.state == TraineeState.ENROLLED)
    theirs = select(Trainee.intake_id).where(Trainee.state == TraineeState.ENROLLED, Trainee.person_id.in_(enrolled))
    visited = select(MeetingGuest.meeting_id).where(
        MeetingGuest.state == GuestState.SIGNED_UP, MeetingGuest.person_id.in_(enrolled)
    )
    alone = select(Trainee.person_id).where(Trainee.id == Meeting.only_for_id).correlate(Meeting).scalar_subquery()
    return (
        select(
            Meeting.id,
            Meeting.intake_id,
            Meeting.starts_at,
            Meeting.minutes,
            Meeting.mode,
            Meeting.place,
            Meeting.room_url,
            Meeting.host_id,
            SiteLeader.person_id.label("leader_id"),
            Site.organisation_id,
            Topic.title,
            alone.label("alone"),
        )
        .join(Topic, Topic.id == Meeting.topic_id)
        .join(Intake, Intake.id == Meeting.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(Site, Site.id == Programme.site_id)
        .outerjoin(SiteLeader, (SiteLeader.site_id == Site.id) & SiteLeader.until.is_(None))
        .where(
            Meeting.state == MeetingState.PLANNED,
            Meeting.starts_at > first,
            Meeting.starts_at < last,
            Meeting.id.not_in(own),
            or_(
                Meeting.intake_id == intake.id,
                Site.organisation_id == organisation_id,
                Meeting.intake_id.in_(theirs),
                Meeting.id.in_(visited),
                Meeting.host_id.in_(hosts),
                and_(Meeting.host_id.is_(None), SiteLeader.person_id.in_(hosts)),
                Meeting.room_url.in_(rooms | {f"{room}/" for room in rooms}),
            ),
        )
        .order_by(Meeting.starts_at, Meeting.id)
    )


def _members(session: Session, intake_ids: set[int], people: set[int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    if intake_ids and people:
        for intake_id, person_id in session.execute(
            select(Trainee.intake_id, Trainee.person_id).where(
                Trainee.intake_id.in_(intake_ids),
                Trainee.person_id.in_(people),
                Trainee.state == TraineeState.ENROLLED,
            )
        ):
            found.setdefault(intake_id, set()).add(person_id)
    return found


def _guests(session: Session, meeting_ids: Sequence[int], people: set[int]) -> dict[int, frozenset[int]]:
    found: dict[int, frozenset[int]] = {}
    if meeting_ids and people:
        for meeting_id, person_id in session.execute(
            select(MeetingGuest.meeting_id, MeetingGuest.person_id).where(
                MeetingGuest.meeting_id.in_(meeting_ids),
                MeetingGuest.person_id.in_(people),
                MeetingGuest.state == GuestState.SIGNED_UP,
            )
        ):
            found[meeting_id] = found.get(meeting_id, frozenset()) | {person_id}
    return found
