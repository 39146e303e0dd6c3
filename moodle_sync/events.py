"""Pure: course events of meetings: what should be, what is ours, what Moodle has, and what follows for one meeting.

An event is ours where its description leads to the meeting's own address (the marker), and it is the one that we
remember, or was made by the service's own account. Moodle can't change an event through its services, so that another
time, name or place is a new event, and the old one deleted.
"""

from __future__ import annotations

import hashlib
import html
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


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
    doubt: str = ""
    """Why what was read can't be believed: events would be made a second time, so the plan is held."""


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
