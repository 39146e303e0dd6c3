"""How far a plan is: what is done of it and what comes next. Pure functions over what was read; times in UTC."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from lti_app.meetings.models import MeetingState, Presence
from lti_app.plans.content import Point
from lti_app.plans.models import PlanState, Side


class ItemState(enum.StrEnum):
    """Say where a point of an agreed plan stands."""

    DONE = "done"
    SAID = "said"
    """The trainee says it is done; the leader hasn't confirmed it."""
    OPEN = "open"
    LATE = "late"
    """Its last day is over."""
    UNCONFIRMED = "unconfirmed"
    """Its meeting is over, without the leader's word on the trainee."""
    MISSED = "missed"
    CANCELLED = "cancelled"
    """Its meeting was cancelled: the plan has to be changed."""


UNDONE_AHEAD = (ItemState.OPEN, ItemState.LATE)


@dataclass(frozen=True)
class Marks:
    """Say what was marked of a point that is no meeting, and when."""

    said_done_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True)
class MeetingFact:
    """Say when the meeting of a point is, whether it takes place, and the leader's word on the trainee."""

    starts_at: datetime
    minutes: int
    state: MeetingState
    presence: Presence | None

    @property
    def ends_at(self) -> datetime:
        """Return when it ends, in UTC."""
        return self.starts_at + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class ItemLine:
    """Show a point of a plan with its state."""

    number: int
    point: Point
    state: ItemState
    meeting: MeetingFact | None

    @property
    def is_done(self) -> bool:
        """Tell whether it is done."""
        return self.state is ItemState.DONE


class CardState(enum.StrEnum):
    """Say where a trainee's plan stands as a whole."""

    NONE = "none"
    DRAFT = "draft"
    WITH_LEADER = "with_leader"
    """The trainee proposes it; the leader is asked."""
    WITH_TRAINEE = "with_trainee"
    AGREED = "agreed"
    FINISHED = "finished"


@dataclass(frozen=True)
class PlanCard:
    """Show a trainee's plan at a glance: «5 из 8», and what comes next."""

    trainee_id: int
    state: CardState
    done: int
    total: int
    """Points of the agreed plan; 0 before there is one."""
    said: int
    """Points that wait for the leader's confirmation."""
    late: int
    """Points that are late, missed, or whose meeting was cancelled."""
    next_item: ItemLine | None
    change: PlanState | None
    """A change of the agreed plan is being drafted or proposed."""
    asked: Side | None
    """Who is asked to agree to a text."""


def item_state(
    point: Point, marks: Marks | None, meeting: MeetingFact | None, *, now: datetime, today: date
) -> ItemState:
    """Return where a point stands."""
    if point.meeting_id is not None and meeting is not None:
        return _of_meeting(meeting, now)
    if marks is not None and marks.done_at is not None:
        return ItemState.DONE
    if marks is not None and marks.said_done_at is not None:
        return ItemState.SAID
    return ItemState.LATE if point.ends_on < today else ItemState.OPEN


def _of_meeting(meeting: MeetingFact, now: datetime) -> ItemState:
    if meeting.presence is Presence.PRESENT:
        return ItemState.DONE
    if meeting.state is MeetingState.CANCELLED:
        return ItemState.CANCELLED
    if meeting.presence is Presence.ABSENT:
        return ItemState.MISSED
    return ItemState.UNCONFIRMED if meeting.ends_at <= now else ItemState.OPEN


def item_lines(
    points: Sequence[Point],
    marks: Mapping[int, Marks],
    meetings: Mapping[int, MeetingFact],
    *,
    now: datetime,
    zone: ZoneInfo,
) -> list[ItemLine]:
    """Return the points with their states; ``marks`` by the id of a point's row, ``meetings`` by their ids."""
    today = now.astimezone(zone).date()
    lines = []
    for number, point in enumerate(points, start=1):
        meeting = meetings.get(point.meeting_id or 0)
        state = item_state(point, marks.get(point.item_id), meeting, now=now, today=today)
        lines.append(ItemLine(number, point, state, meeting))
    return lines


def next_of(lines: Sequence[ItemLine], zone: ZoneInfo) -> ItemLine | None:
    """Return what comes next: of the points that are left, the one whose last day is nearest."""

    def last_day(line: ItemLine) -> tuple[date, int]:
        day = line.meeting.starts_at.astimezone(zone).date() if line.meeting else line.point.ends_on
        return day, line.number

    return min((line for line in lines if line.state in UNDONE_AHEAD), key=last_day, default=None)


def no_plan(trainee_id: int) -> PlanCard:
    """Return the card of who has no plan yet."""
    return PlanCard(
        trainee_id, CardState.NONE, done=0, total=0, said=0, late=0, next_item=None, change=None, asked=None
    )


def card_of(
    trainee_id: int,
    *,
    state: PlanState,
    is_held: bool,
    agreed_by: Side | None,
    lines: Sequence[ItemLine],
    zone: ZoneInfo,
) -> PlanCard:
    """Sum a plan up. ``state`` is that of its text, ``is_held``: a version holds, ``agreed_by``: who proposed."""
    done = sum(line.is_done for line in lines)
    asked = None
    if state is PlanState.PROPOSED:
        asked = Side.LEADER if agreed_by is Side.TRAINEE else Side.TRAINEE
    if is_held:
        shown = CardState.FINISHED if lines and done == len(lines) else CardState.AGREED
    elif asked is None:
        shown = CardState.DRAFT
    else:
        shown = CardState.WITH_LEADER if asked is Side.LEADER else CardState.WITH_TRAINEE
    return PlanCard(
        trainee_id=trainee_id,
        state=shown,
        done=done,
        total=len(lines),
        said=sum(line.state is ItemState.SAID for line in lines),
        late=sum(line.state in (ItemState.LATE, ItemState.MISSED, ItemState.CANCELLED) for line in lines),
        next_item=next_of(lines, zone),
        change=state if is_held and state is not PlanState.AGREED else None,
        asked=asked,
    )
