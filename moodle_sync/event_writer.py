"""Write course events of meetings: intent, then the call, then reading back by the marker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from moodle_sync.changes import EnrolmentChange, EventChange, Kind
from moodle_sync.client import MoodleClient
from moodle_sync.errors import WHOLE_CODES, MoodleError, MoodleWarning, WriteOutcomeUnknown
from moodle_sync.events import by_meeting, looks_like
from moodle_sync.functions import Function, rows_per_call
from moodle_sync.observe_events import events_by_id, events_of_courses
from moodle_sync.outcomes import NOT_THERE, NOT_TRIED, UNKNOWN, Outcome, Patience, failed, failure

KEPT = ("kept", "kept until the event in its place is made", "")


class EventJournal(Protocol):
    """Remember durably what is meant and what was done."""

    def intend(self, changes: Sequence[EnrolmentChange]) -> None:
        """Called before every write that is not about new events, without changes: whoever may write no more raises."""

    def intend_events(self, changes: Sequence[EventChange]) -> None:
        """Remember, before the write, that these events are going to be ours."""

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Remember what became of changes, each exactly once."""


def write_events(
    client: MoodleClient, journal: EventJournal, changes: Sequence[EventChange], *, patience: Patience, address: str
) -> None:
    """Make events, then delete those in whose place they came; every change gets one outcome.

    An old event whose successor could not be made is left for the next run: a wrong time is found by whoever follows
    its link, a missing event by nobody. Nothing is made twice: after a lost answer what is there counts, and the rest
    is left to the next run, which finds also what came late.
    """
    creations = [change for change in changes if change.kind is Kind.CREATE_EVENT]
    unmade: set[tuple[int | None, int]] = set()
    for batch in _batches(creations, rows_per_call(Function.CREATE_EVENTS, client.max_input_vars)):
        outcomes = _make(client, journal, batch, patience, address)
        journal.record(outcomes)
        unmade |= {
            (outcome.change.course_id, outcome.change.meeting_id)
            for outcome in outcomes
            if not outcome.done and isinstance(outcome.change, EventChange)
        }
    deletions = [change for change in changes if change.kind is Kind.DELETE_EVENT]
    kept = [change for change in deletions if (change.course_id, change.meeting_id) in unmade]
    if kept:
        journal.record([failed(change, change.course_id, *KEPT) for change in kept])
    ready = [change for change in deletions if (change.course_id, change.meeting_id) not in unmade]
    for batch in _batches(ready, rows_per_call(Function.DELETE_EVENTS, client.max_input_vars)):
        journal.record(_delete(client, journal, batch, patience, address))


def _batches(changes: Sequence[EventChange], size: int) -> list[Sequence[EventChange]]:
    return [changes[start : start + size] for start in range(0, len(changes), size)]


def _halves(batch: Sequence[EventChange], error: MoodleError | None) -> list[Sequence[EventChange]]:
    """Part a refused batch so that the row at fault is left alone in the end; nothing, if that can't help."""
    # What came with warnings was carried out for the others, and what got lost may have been.
    if error is None or isinstance(error, WriteOutcomeUnknown | MoodleWarning) or len(batch) == 1:
        return []
    if error.errorcode in WHOLE_CODES or not error.again or not error.sent:
        return []
    half = len(batch) // 2
    return [batch[:half], batch[half:]]


def _make(
    client: MoodleClient, journal: EventJournal, batch: Sequence[EventChange], patience: Patience, address: str
) -> list[Outcome]:
    if patience.is_over:
        return [failed(change, change.course_id, *NOT_TRIED) for change in batch]
    journal.intend_events(batch)
    error = _send(client, Function.CREATE_EVENTS, [_row(change) for change in batch], patience)
    if pieces := _halves(batch, error):
        return [outcome for piece in pieces for outcome in _make(client, journal, piece, patience, address)]
    try:
        courses = sorted({change.course_id for change in batch if change.course_id is not None})
        there, _unread = events_of_courses(client, address, courses, since=min(change.starts for change in batch))
    except MoodleError as lost:
        patience.note(lost)
        return [failed(change, change.course_id, *UNKNOWN) for change in batch]
    places = by_meeting(there)
    outcomes = []
    for change in batch:
        found = [
            event.event_id
            for event in places.get((change.course_id or 0, change.meeting_id), ())
            if event.is_own and event.event_id > change.event_id and looks_like(change.event, event)
        ]
        if found:
            outcomes.append(Outcome(change, change.course_id, True, made_id=min(found)))
        elif error is not None:
            outcomes.append(failure(change, change.course_id, error))
        else:
            outcomes.append(failed(change, change.course_id, *NOT_THERE))
    return outcomes


def _row(change: EventChange) -> dict[str, Any]:
    return {
        "name": change.name,
        "description": change.description,
        "format": 1,
        "courseid": change.course_id,
        "eventtype": "course",
        "timestart": change.starts,
        "timeduration": change.duration,
    }


def _delete(
    client: MoodleClient, journal: EventJournal, batch: Sequence[EventChange], patience: Patience, address: str
) -> list[Outcome]:
    if patience.is_over:
        return [failed(change, change.course_id, *NOT_TRIED) for change in batch]
    journal.intend(())
    rows = [{"eventid": change.event_id, "repeat": 0} for change in batch]
    error = _send(client, Function.DELETE_EVENTS, rows, patience)
    try:
        present = {event.event_id for event in events_by_id(client, address, [change.event_id for change in batch])}
    except MoodleError as lost:
        patience.note(lost)
        return [failed(change, change.course_id, *UNKNOWN) for change in batch]
    outcomes = [Outcome(change, change.course_id, True) for change in batch if change.event_id not in present]
    left = [change for change in batch if change.event_id in present]
    pieces = _halves(batch, error)
    if outcomes and pieces:
        # One that somebody has deleted meanwhile kept all others of its call (recording calendar_update_none).
        pieces = [left]
    if pieces and left:
        return outcomes + [
            outcome for piece in pieces for outcome in _delete(client, journal, piece, patience, address)
        ]
    return outcomes + [
        failure(change, change.course_id, error) if error else failed(change, change.course_id, *NOT_THERE)
        for change in left
    ]


def _send(
    client: MoodleClient, function: Function, rows: Sequence[dict[str, Any]], patience: Patience
) -> MoodleError | None:
    """Call and return what it ended in; whether it was done is read back."""
    try:
        client.call(function, events=list(rows))
    except MoodleError as error:
        patience.note(error)
        return error
    patience.note(None)
    return None
