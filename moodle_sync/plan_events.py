"""Pure: what should be done to the course events of meetings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from moodle_sync.changes import EventChange, Kind, Note, Reason
from moodle_sync.events import Calendar, Decision, DesiredEvent, ObservedEvent, OwnedEvent, by_meeting, decide


class EventPlan(NamedTuple):
    """Hold the changes (new events first, so that nobody is without one), rows to be remembered, and notes."""

    changes: Sequence[EventChange]
    rows: Sequence[OwnedEvent]
    notes: Sequence[Note]


def plan_events(calendar: Calendar, places: Mapping[str, int | None], *, respects_drift: bool) -> EventPlan:
    """Plan the events of meetings in those courses that ``places`` names; a course is None where it is made now."""
    scope, (events, unread, closed, _doubt) = calendar
    if closed:
        return EventPlan((), (), [Note("events_not_kept", "", 0, closed)])
    there = by_meeting(events)
    rows = {(row.course_id, row.meeting_id): row for row in scope.owned if row.starts >= scope.since}
    keys: dict[int, str] = {}
    for key, course_id in sorted(places.items()):
        if course_id is not None:
            keys.setdefault(course_id, key)
    wanted: dict[tuple[int | str, int], tuple[str, DesiredEvent]] = {}
    for event in scope.desired:
        if event.course_key in places:
            course_id = places[event.course_key]
            # A course that is made now is told apart by its key.
            course = event.course_key if course_id is None else course_id
            wanted[course, event.meeting_id] = event.course_key, event
    made: list[EventChange] = []
    deleted: list[EventChange] = []
    remembered: list[OwnedEvent] = []
    known: set[tuple[int | str, int]] = {place for place in rows if place[0] in keys}
    for place in sorted(wanted.keys() | known, key=lambda one: (str(one[0]), one[1])):
        here, meeting_id = place
        number = here if isinstance(here, int) else None
        if number in unread:
            continue
        key, event_or_none = wanted.get(place) or (keys[int(here)], None)
        at = (number or 0, meeting_id)
        row = rows.get(at)
        decision = decide(number, event_or_none, row, there.get(at, ()), respects_drift=respects_drift)
        why = _why(event_or_none, row, decision)
        if decision.create_after is not None and event_or_none is not None:
            made.append(_creation(key, number, event_or_none, decision.create_after, why))
        deleted += [_deletion(key, number, event, why) for event in decision.delete]
        if decision.remember is not None:
            remembered.append(decision.remember)
    notes = [
        Note("events_not_read", keys[course_id], 0, text) for course_id, text in unread.items() if course_id in keys
    ]
    return EventPlan(sorted(made, key=_order) + sorted(deleted, key=_order), sorted(remembered), sorted(notes))


def _why(wanted: DesiredEvent | None, row: OwnedEvent | None, decision: Decision) -> Reason:
    """Say why events of a meeting are made and deleted; of no meaning where none are."""
    if wanted is None:
        return Reason.CANCELLED
    if decision.create_after is None:
        return Reason.TWICE
    if row is None and not decision.delete:
        return Reason.NEW_MEETING
    # Without a row the table was lost, and none of those that look like ours is as it should be.
    if row is None or row.digest != wanted.digest:
        before = [row.starts] if row else [event.starts for event in decision.delete]
        return Reason.RENAMED if wanted.starts in before else Reason.MOVED
    by_hand = Reason.MOVED_BY_HAND if decision.delete else Reason.REMOVED_BY_HAND
    return Reason.UNCONFIRMED if row.pending else by_hand


def _order(change: EventChange) -> tuple[str, int, int]:
    return change.course_key, change.meeting_id, change.event_id


def _creation(key: str, course_id: int | None, event: DesiredEvent, after: int, why: Reason) -> EventChange:
    return EventChange(
        Kind.CREATE_EVENT,
        key,
        course_id,
        event.meeting_id,
        after,
        event.name,
        event.description,
        event.starts,
        event.duration,
        why,
    )


def _deletion(key: str, course_id: int | None, event: ObservedEvent, why: Reason) -> EventChange:
    return EventChange(
        Kind.DELETE_EVENT,
        key,
        course_id,
        event.meeting_id,
        event.event_id,
        event.name,
        "",
        event.starts,
        event.duration,
        why,
    )
