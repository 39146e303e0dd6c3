"""Course events of meetings: what should be, what is ours, what Moodle has; reading them and planning, no writing.

An event is ours where its description leads to the meeting's own address (the marker), and it is the one that we
remember, or was made by the service's own account. Moodle can't change an event through its services, so that another
time, name or place is a new event, and the old one deleted.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError, NotJson
from moodle_sync.functions import Function, rows_per_call
from moodle_sync.roster import ObservedCourse

EVENT_FUNCTIONS = frozenset({Function.CALENDAR_EVENTS, Function.CREATE_EVENTS, Function.DELETE_EVENTS})


class DesiredEvent(NamedTuple):
    """A meeting as it should stand in its course's calendar. Times are Unix seconds, ``duration`` seconds.

    ``description`` is HTML as Moodle gives it back, and holds the meeting's address.
    """

    course_key: str
    meeting_id: int
    name: str
    description: str
    starts: int
    duration: int

    @property
    def digest(self) -> str:
        """Return a hash of all that people can see of it."""
        return hashlib.sha256(repr(self[2:]).encode()).hexdigest()[:32]


class OwnedEvent(NamedTuple):
    """The event that the tool keeps for a meeting, as last written.

    ``pending``: meant to be written, not known to be; ``event_id`` is then the newest that was there before (0: none),
    so that any later one is the one that was meant.
    """

    course_id: int
    meeting_id: int
    event_id: int
    starts: int
    digest: str
    pending: bool = False


class ObservedEvent(NamedTuple):
    """An event whose description leads to a meeting; ``is_own``: by the service's own account, to this very tool."""

    event_id: int
    course_id: int
    meeting_id: int
    name: str
    starts: int
    duration: int
    is_own: bool


class EventScope(NamedTuple):
    """What should be and what is ours, from ``since`` (Unix seconds) on; earlier events stay as they are.

    ``address`` is what the addresses of meetings begin with; the meeting's number follows.
    """

    desired: Sequence[DesiredEvent]
    owned: Sequence[OwnedEvent]
    since: int
    address: str


class ObservedEvents(NamedTuple):
    """What Moodle has; ``unread`` says of which courses it could not be read, and why: nothing is planned there."""

    events: Sequence[ObservedEvent]
    unread: Mapping[int, str]
    closed: str = ""
    """Why no events can be kept in this Moodle at all."""


NO_EVENTS = ObservedEvents((), {})


class Calendar(NamedTuple):
    """What a plan of events rests on."""

    scope: EventScope
    observed: ObservedEvents


def plain_name(text: str) -> str:
    """Return a name that Moodle takes (PARAM_TEXT): it refuses what looks like a tag."""
    return " ".join(text.replace("<", "‹").replace(">", "›").split())[:250].rstrip()


def looks_like(wanted: DesiredEvent, event: ObservedEvent) -> bool:
    """Tell whether Moodle shows ``wanted``. Names come back for HTML; descriptions go through Moodle's filters."""
    return (wanted.starts, wanted.duration, _bare(wanted.name)) == (event.starts, event.duration, _bare(event.name))


def _bare(name: str) -> str:
    return " ".join(html.unescape(name).split())


# --- reading -------------------------------------------------------------------------------------------------------


def read_calendar(client: MoodleClient, scope: EventScope, courses: Mapping[str, ObservedCourse]) -> ObservedEvents:
    """Read the events of those courses that have, or should have, any to come; one call for 100 courses.

    A course that can't be read is named in ``unread``; no MoodleError escapes.
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
    return ObservedEvents(tuple(sorted(events)), unread)


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


# --- planning ------------------------------------------------------------------------------------------------------


class Decision(NamedTuple):
    """What is to be done for one meeting in one course."""

    create_after: int | None
    """Make the event; the newest that was there before has this number (0: none). None: nothing to make."""
    delete: Sequence[ObservedEvent]
    remember: OwnedEvent | None
    """A row that is to be kept before anything is written: the event was found, and not known for certain."""


def decide(
    course_id: int | None,
    wanted: DesiredEvent | None,
    row: OwnedEvent | None,
    candidates: Iterable[ObservedEvent],
    *,
    respects_drift: bool,
) -> Decision:
    """Decide on one meeting: keep one good event, delete the others of ours, make one where there is none."""
    ours = sorted(event for event in candidates if event.is_own or (row and event.event_id == row.event_id))
    if wanted is None:
        # Only what the table says was meant by us; what merely looks like ours may be somebody's copy.
        return Decision(None, ours if row else (), None)
    good = _good(wanted, row, ours, respects_drift)
    if good is None:
        # Deleted by hand, and that is to be respected.
        removed = row is not None and not row.pending and row.event_id and row.digest == wanted.digest and not ours
        if respects_drift and removed:
            return Decision(None, (), None)
        return Decision(max((event.event_id for event in ours), default=0), ours, None)
    rest = [event for event in ours if event is not good]
    remember = None
    if course_id is not None and (row is None or row.pending or row.event_id != good.event_id):
        remember = OwnedEvent(course_id, wanted.meeting_id, good.event_id, wanted.starts, wanted.digest)
    return Decision(None, rest, remember)


def _good(
    wanted: DesiredEvent, row: OwnedEvent | None, ours: Sequence[ObservedEvent], respects_drift: bool
) -> ObservedEvent | None:
    """Return the event that may stay."""
    if row is None:  # the table was lost
        return next((event for event in ours if looks_like(wanted, event)), None)
    if row.digest != wanted.digest:
        return None
    if row.pending:
        return next((event for event in ours if event.event_id > row.event_id and looks_like(wanted, event)), None)
    for event in ours:
        # A name that a person changed stays until the meeting changes; its time is the tool's to say.
        as_timed = (event.starts, event.duration) == (wanted.starts, wanted.duration)
        if event.event_id == row.event_id and (as_timed or respects_drift):
            return event
    return None


def by_meeting(events: Iterable[ObservedEvent]) -> dict[tuple[int, int], list[ObservedEvent]]:
    """Sort events by course and meeting."""
    found: dict[tuple[int, int], list[ObservedEvent]] = defaultdict(list)
    for event in events:
        found[event.course_id, event.meeting_id].append(event)
    return found
