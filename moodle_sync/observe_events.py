"""Read the course events of meetings."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError, NotJson
from moodle_sync.events import NO_EVENTS, EventScope, ObservedEvent, ObservedEvents
from moodle_sync.functions import Function, rows_per_call
from moodle_sync.roster import ObservedCourse

EVENT_FUNCTIONS = frozenset({Function.CALENDAR_EVENTS, Function.CREATE_EVENTS, Function.DELETE_EVENTS})

FEW = 3
"""Events that may all have been deleted by hand."""


def read_calendar(client: MoodleClient, scope: EventScope, courses: Mapping[str, ObservedCourse]) -> ObservedEvents:
    """Read the events of those courses that have, or should have, any to come; one call for 100 courses.

    A course that can't be read is named in ``unread``; no MoodleError escapes. A Moodle that shows none of several
    events of ours is not believed (``doubt``).
    """
    here = {course.course_id for course in courses.values()}
    ids = {courses[event.course_key].course_id for event in scope.desired if event.course_key in courses}
    ours = [row for row in scope.owned if row.starts >= scope.since and row.course_id in here]
    ids |= {row.course_id for row in ours}
    if not ids and not scope.desired:
        return NO_EVENTS
    try:
        if lacking := EVENT_FUNCTIONS - client.functions():
            return ObservedEvents((), {}, f"the service lacks {', '.join(sorted(lacking))}")
        events, unread = events_of_courses(client, scope.address, sorted(ids), since=scope.since)
        # What we know and isn't listed was deleted by hand, or the list isn't whole: asked for by its number, it shows.
        seen = {event.event_id for event in events}
        missing = [row.event_id for row in ours if row.event_id not in seen | {0} and row.course_id not in unread]
        events += [event for event in events_by_id(client, scope.address, missing) if event.course_id in ids]
    except MoodleError as error:
        return ObservedEvents((), dict.fromkeys(ids, str(error)))
    shown = {event.event_id for event in events}
    gone = len(missing) >= FEW and not shown & {row.event_id for row in ours}
    doubt = f"Moodle shows none of the {len(missing)} course events that we made" if gone else ""
    return ObservedEvents(tuple(sorted(events)), unread, doubt=doubt)


def events_of_courses(
    client: MoodleClient, address: str, course_ids: Sequence[int], *, since: int
) -> tuple[list[ObservedEvent], dict[int, str]]:
    """Return the events with our marker from ``since`` on, and the courses that may not be read. Raises MoodleError."""
    options = {"userevents": 0, "siteevents": 0, "timestart": since, "ignorehidden": 0}
    events: list[ObservedEvent] = []
    unread: dict[int, str] = {}
    for answer in _answers(client, "courseids", course_ids, options):
        events += [event for event in _with_marker(client, answer, address) if event.starts >= since]
        for warning in answer.get("warnings") or ():
            if isinstance(warning, dict) and warning.get("itemid"):
                unread[int(warning["itemid"])] = str(warning.get("warningcode", ""))
    return events, unread


def events_by_id(client: MoodleClient, address: str, event_ids: Sequence[int]) -> list[ObservedEvent]:
    """Return those of these events that are there and carry our marker. Raises MoodleError."""
    answers = _answers(client, "eventids", sorted(event_ids), {"userevents": 0, "siteevents": 0})
    return [event for answer in answers for event in _with_marker(client, answer, address)]


def _answers(client: MoodleClient, what: str, ids: Sequence[int], options: Mapping[str, int]) -> list[dict[str, Any]]:
    size = rows_per_call(Function.CALENDAR_EVENTS, client.max_input_vars)
    chunks = [ids[start : start + size] for start in range(0, len(ids), size)]
    answers = client.map(
        lambda chunk: client.call(Function.CALENDAR_EVENTS, events={what: chunk}, options=dict(options)), chunks
    )
    for answer in answers:
        if not isinstance(answer, dict) or not isinstance(answer.get("events"), list):
            raise NotJson("events are missing in the answer", function=Function.CALENDAR_EVENTS)
    return answers


def _with_marker(client: MoodleClient, answer: Mapping[str, Any], address: str) -> list[ObservedEvent]:
    me, path = client.own_user_id(), urlsplit(address).path
    marker = re.compile(rf"(https?://[^/\s\"'<>]+{re.escape(path)})(\d+)(?![\d\w])")
    found = []
    try:
        for body in answer["events"]:
            match = marker.search(html.unescape(str(body.get("description") or "")))
            if match is not None and body.get("eventtype") == "course":
                is_own = body.get("userid") == me and match[1] == address
                numbers = int(body["id"]), int(body["courseid"]), int(match[2])
                times = int(body["timestart"]), int(body["timeduration"])
                found.append(ObservedEvent(*numbers, str(body["name"]), *times, is_own))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotJson("events that can't be read", function=Function.CALENDAR_EVENTS) from error
    return found
