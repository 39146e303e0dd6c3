"""When hours count and when they earn credit: pure functions over frozen values, hours as Decimal.

The rule in words (architecture.md, "Credit"): a meeting gives its academic hours to those whom the leader confirmed
as present; each topic gives at most its own hours, the programme at most its own; credit is due when the sum reaches
what the programme needs and, where the programme asks for it, Moodle says that the course's other activities are
complete.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.core.words import hours_words

NONE = Decimal(0)


class Reason(enum.StrEnum):
    """Name what keeps credit from being due."""

    HOURS = "hours"
    """Attended hours do not reach what the programme needs."""
    COMPLETION_UNKNOWN = "completion_unknown"
    """The programme asks for completion and Moodle has not been read for this trainee yet."""
    NOTHING_TRACKED = "nothing_tracked"
    """The programme asks for completion and the Moodle course tracks no activity that could show it."""
    ACTIVITIES = "activities"
    """Some of the course's other activities are not complete yet."""


@dataclass(frozen=True)
class Demand:
    """Say what a programme version demands. Hours; ``topic_hours`` maps topic id to the topic's hours."""

    total: Decimal
    needed: Decimal
    needs_completion: bool
    topic_hours: Mapping[int, Decimal] = field(hash=False)


@dataclass(frozen=True)
class Visit:
    """Say that a trainee was at a meeting, by the leader's word; ``hours`` is what the meeting gives."""

    meeting_id: int
    topic_id: int
    starts_at: datetime
    hours: Decimal


@dataclass(frozen=True)
class Completion:
    """Say what Moodle told of a course's activities other than the tool's own link, and when (UTC)."""

    done: int
    total: int
    read_at: datetime

    @property
    def is_complete(self) -> bool:
        """Tell whether there is something to complete and all of it is."""
        return 0 < self.total <= self.done


@dataclass(frozen=True)
class Missing:
    """Say one thing that is still missing: a code, what is there of what is needed, and words for people."""

    reason: Reason
    done: Decimal
    needed: Decimal

    @property
    def text(self) -> Text:
        """Return the reason in the reader's language."""
        numbers: dict[str, Text] = {
            "done": hours_words(self.done),
            "needed": hours_words(self.needed),
            "left": hours_words(self.needed - self.done),
        }
        words: dict[Reason, Text] = {
            Reason.HOURS: _l("attend %(left)s more academic hours", **numbers),
            Reason.ACTIVITIES: _l(
                "complete the activities of the Moodle course (%(done)s of %(needed)s are complete)", **numbers
            ),
            Reason.COMPLETION_UNKNOWN: _l(
                "completion in the Moodle course: it is read every night, and has not been read yet"
            ),
            Reason.NOTHING_TRACKED: _l(
                "completion in the Moodle course: none of its activities is tracked yet; the leader has to turn "
                "tracking on in Moodle"
            ),
        }
        return words[self.reason]


@dataclass(frozen=True)
class Standing:
    """Say how far a trainee is. Hours; mappings go from topic id or meeting id to the hours that count."""

    attended: Decimal
    by_topic: Mapping[int, Decimal] = field(hash=False)
    by_meeting: Mapping[int, Decimal] = field(hash=False)
    missing: tuple[Missing, ...]

    @property
    def is_met(self) -> bool:
        """Tell whether nothing is missing for credit."""
        return not self.missing


def counted(demand: Demand, visits: Iterable[Visit]) -> tuple[dict[int, Decimal], dict[int, Decimal]]:
    """Return the hours that count by topic and by meeting.

    Earlier meetings of a topic count first; what goes beyond the topic's or the programme's hours counts nothing,
    nor does a meeting of a topic that is not in the version's plan. A meeting counts once however often it is given.
    """
    by_topic = dict.fromkeys(demand.topic_hours, NONE)
    by_meeting: dict[int, Decimal] = {}
    left = demand.total
    for visit in sorted(set(visits), key=lambda visit: (visit.starts_at, visit.meeting_id, visit.topic_id)):
        if visit.meeting_id in by_meeting:
            continue
        room = demand.topic_hours.get(visit.topic_id, NONE) - by_topic.get(visit.topic_id, NONE)
        gives = max(NONE, min(visit.hours, room, left))
        by_meeting[visit.meeting_id] = gives
        if visit.topic_id in by_topic:
            by_topic[visit.topic_id] += gives
        left -= gives
    return by_topic, by_meeting


def assess(demand: Demand, visits: Iterable[Visit], completion: Completion | None) -> Standing:
    """Return how far a trainee is and what is missing for credit."""
    by_topic, by_meeting = counted(demand, visits)
    attended = sum(by_meeting.values(), NONE)
    missing: list[Missing] = []
    if attended < demand.needed:
        missing.append(Missing(Reason.HOURS, attended, demand.needed))
    if demand.needs_completion and (lack := _incomplete(completion)) is not None:
        missing.append(lack)
    return Standing(attended=attended, by_topic=by_topic, by_meeting=by_meeting, missing=tuple(missing))


def _incomplete(completion: Completion | None) -> Missing | None:
    if completion is None:
        return Missing(Reason.COMPLETION_UNKNOWN, NONE, NONE)
    if completion.total == 0:
        return Missing(Reason.NOTHING_TRACKED, NONE, NONE)
    if not completion.is_complete:
        return Missing(Reason.ACTIVITIES, Decimal(completion.done), Decimal(completion.total))
    return None


def can_still_reach(demand: Demand, visits: Iterable[Visit], possible: Iterable[Visit]) -> bool:
    """Tell whether the needed hours can be reached if every ``possible`` meeting is attended as well."""
    _by_topic, by_meeting = counted(demand, [*visits, *possible])
    return sum(by_meeting.values(), NONE) >= demand.needed


def hours_due(demand: Demand, standing: Standing, credited: Decimal) -> Decimal:
    """Return the hours to propose: what counts and is not credited yet, or 0 while something is missing."""
    if not standing.is_met:
        return NONE
    return max(NONE, min(standing.attended, demand.total) - credited)


def rule_words(demand: Demand) -> Text:
    """Return the rule by which credit is decided, for the ledger and for pages."""
    if demand.needed == demand.total:
        whole: dict[str, Text] = {"total": hours_words(demand.total)}
        all_hours: Text = _l(
            "All %(total)s academic hours attended by the leader's word, each topic counting at most its own hours.",
            **whole,
        )
        all_and_activities: Text = _l(
            "All %(total)s academic hours attended by the leader's word, each topic counting at most its own hours, "
            "and all tracked activities of the Moodle course completed.",
            **whole,
        )
        return all_and_activities if demand.needs_completion else all_hours
    numbers: dict[str, Text] = {"needed": hours_words(demand.needed), "total": hours_words(demand.total)}
    hours: Text = _l(
        "At least %(needed)s of %(total)s academic hours attended by the leader's word, each topic counting at most "
        "its own hours.",
        **numbers,
    )
    hours_and_activities: Text = _l(
        "At least %(needed)s of %(total)s academic hours attended by the leader's word, each topic counting at most "
        "its own hours, and all tracked activities of the Moodle course completed.",
        **numbers,
    )
    return hours_and_activities if demand.needs_completion else hours
