"""What a leader says of a meeting, what forbids it, and what of it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.editing import Difference
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.fitting import require_fitting
from lti_app.intakes.models import Intake
from lti_app.meetings.models import Meeting, RoomKind
from lti_app.meetings.planning import MeetingFacts, academic_hours, check_meeting
from lti_app.meetings.words import FIELDS, shown
from lti_app.people.models import Person
from lti_app.programmes.models import Form, Mode, Topic

LARGEST_ROOM = 10_000


@dataclass(frozen=True)
class MeetingTerms:
    """Hold what a leader says of a meeting. ``starts_at`` is aware; ``host_id`` None means the site's leader."""

    topic_id: int
    form: Form
    mode: Mode
    starts_at: datetime
    minutes: int
    place_or_url: str
    host_id: int | None = None
    capacity: int | None = None


def check_terms(
    intake: Intake, topic: Topic | None, terms: MeetingTerms, zone: ZoneInfo, existing: Meeting | None = None
) -> list[DomainError]:
    """Return what forbids keeping ``terms``; ``existing`` is the meeting that is to say so."""
    if topic is None or topic.version_id != intake.version_id:
        return [
            DomainError(
                "unknown_topic",
                _l("This topic isn't in the plan of the intake."),
                remedy=_l("Choose one that the list offers."),
                field="topic",
            )
        ]
    keeps_room = _keeps_room(terms, existing)
    facts = MeetingFacts(
        intake=intake,
        topic=topic,
        form=terms.form,
        mode=terms.mode,
        starts_at=terms.starts_at,
        minutes=terms.minutes,
        place_or_url=(existing.room_url or "") if keeps_room and existing else terms.place_or_url,
    )
    refusals = check_meeting(facts, zone)
    try:
        require_fitting(Meeting, where_of(terms, existing))
    except DomainError as refusal:
        refusals.append(DomainError(refusal.code, refusal.message, remedy=refusal.remedy, field="place_or_url"))
    if terms.capacity is not None and not 0 < terms.capacity <= LARGEST_ROOM:
        refusals.append(
            DomainError(
                "capacity_out_of_range",
                _l("The number of places is between 1 and %(most)s.", most=LARGEST_ROOM),
                remedy=_l("Give another number."),
                field="capacity",
            )
        )
    return refusals


def _keeps_room(terms: MeetingTerms, existing: Meeting | None) -> bool:
    """Tell whether the room that a server makes on demand stays: nobody typed a link in its place."""
    return (
        existing is not None
        and existing.room_kind is not RoomKind.LINK
        and existing.mode is Mode.DISTANCE
        and terms.mode is Mode.DISTANCE
        and terms.place_or_url in ("", existing.room_url)
    )


def where_of(terms: MeetingTerms, existing: Meeting | None) -> dict[str, Any]:
    """Return the columns that say where a meeting is; none where its room stays as it is."""
    if _keeps_room(terms, existing):
        return {}
    if terms.mode is Mode.DISTANCE:
        values: dict[str, Any] = {"place": None, "room_url": terms.place_or_url}
        return values if existing is None else {**values, "room_kind": RoomKind.LINK}
    return {"place": terms.place_or_url or None, "room_url": None}


def values_of(terms: MeetingTerms, existing: Meeting | None) -> dict[str, Any]:
    """Return the columns of a meeting but its start and state."""
    return {
        "topic_id": terms.topic_id,
        "form": terms.form,
        "mode": terms.mode,
        "minutes": terms.minutes,
        "hours": academic_hours(terms.minutes),
        "host_id": terms.host_id,
        "capacity": terms.capacity,
        **where_of(terms, existing),
    }


def terms_of(meeting: Meeting, starts_at: datetime, place_or_url: str | None) -> MeetingTerms:
    """Return what a meeting says, at another time; ``place_or_url`` None leaves it where it is."""
    stands = meeting.room_url if meeting.mode is Mode.DISTANCE else meeting.place
    return MeetingTerms(
        topic_id=meeting.topic_id,
        form=meeting.form,
        mode=meeting.mode,
        starts_at=starts_at,
        minutes=meeting.minutes,
        place_or_url=(stands or "") if place_or_url is None else place_or_url,
        host_id=meeting.host_id,
        capacity=meeting.capacity,
    )


def twin() -> Conflict:
    """Build the refusal of a second meeting on a topic at one time."""
    return Conflict(
        "meeting_twin",
        _l("Another meeting on this topic stands at that time, perhaps a cancelled one."),
        remedy=_l("Choose another time; a cancelled meeting can be planned again on its page."),
        field="at",
    )


def no_such_host() -> DomainError:
    """Build the refusal of a host who is nobody."""
    return DomainError(
        "no_such_host",
        _l("Nobody on the list is called so."),
        remedy=_l("Check the name, or ask the centre to put the person on the list."),
        field="host",
    )


def compared(session: Session, meeting: Meeting, terms: MeetingTerms, zone: ZoneInfo) -> list[Difference]:
    """Return the fields in which what was typed differs from a meeting. One query."""
    typed = {name: value for name, value in values_of(terms, meeting).items() if name != "hours"}
    hosts = [one for one in (meeting.host_id, terms.host_id) if one is not None]
    names: dict[str, dict[Any, str]] = {
        "topic_id": {topic.id: topic.title for topic in meeting.intake.version.topics},
        "host_id": {
            person.id: person.full_name for person in session.scalars(select(Person).where(Person.id.in_(hosts)))
        },
    }
    return [
        difference(
            name,
            names.get(name, {}).get(getattr(meeting, name), getattr(meeting, name)),
            names.get(name, {}).get(value, value),
            zone,
        )
        for name, value in typed.items()
        if name in FIELDS and getattr(meeting, name) != value
    ]


def difference(name: str, theirs: Any, yours: Any, zone: ZoneInfo) -> Difference:
    """Return one field in both texts."""
    return Difference(FIELDS[name], shown(theirs, zone), shown(yours, zone))
