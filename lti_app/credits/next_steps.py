"""What a trainee does next, most urgent first: a pure function over what the page knows, with room for further steps.

Other rooms bring steps of their own kinds (a product to hand in, a plan to agree to, one's standing to rate) as
``Step``s in ``further``; their place among the others follows from their kind alone.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lti_app.core.errors import Text
from lti_app.credits.cards import CreditState, MeetingPhase, TraineeMeeting, TraineeOverview


class StepKind(enum.StrEnum):
    """Name what there is to do; the order of the members is the order of the steps."""

    JOIN = "join"
    """The room is open."""
    BE_THERE = "be_there"
    """A meeting on site is under way."""
    MEND_PRODUCT = "mend_product"
    """A product came back with remarks."""
    AGREE_PLAN = "agree_plan"
    """The leader has proposed a plan, or a change of it."""
    RATE = "rate"
    """The own standing at the start or at the end is asked for."""
    MEETING = "meeting"
    """A meeting is to come."""
    HAND_IN = "hand_in"
    """A product is due."""
    COURSE = "course"
    """Activities of the Moodle course are left."""
    MAKE_UP = "make_up"
    """No meeting is left, and hours are missing: the leader can help."""
    NO_SCHEDULE = "no_schedule"
    """No meeting has been set yet."""
    WAIT_ATTENDANCE = "wait_attendance"
    """The leader has still to confirm who was at meetings that are over."""
    WAIT_CREDIT = "wait_credit"
    """Everything is done: the night, or the leader, is next."""
    DONE = "done"
    """The hours are credited."""


PLACES = {kind: place for place, kind in enumerate(StepKind)}


@dataclass(frozen=True)
class Step:
    """Say one thing to do, or to wait for. Steps of other rooms bring ``words`` and an ``address``."""

    kind: StepKind
    meeting: TraineeMeeting | None = None
    hours: Decimal = Decimal(0)
    words: Text = ""
    address: str = ""
    until: datetime | None = None
    """When it is due, in UTC: of two steps of a kind the one due first comes first."""


def next_steps(overview: TraineeOverview, *, hours_waiting: Decimal, further: Iterable[Step] = ()) -> tuple[Step, ...]:
    """Return what to do next, never nothing; the first is what the page says at its top. Hours are academic ones."""
    steps = [*_at_meetings(overview), *further, *_besides(overview, hours_waiting)]
    if not steps:
        steps.append(Step(StepKind.COURSE if overview.meetings else StepKind.NO_SCHEDULE))
    ordered = sorted(enumerate(steps), key=lambda pair: (PLACES[pair[1].kind], *_due(pair[1]), pair[0]))
    return tuple(step for _number, step in ordered)


def _due(step: Step) -> tuple[bool, float]:
    return step.until is None, step.until.timestamp() if step.until else 0.0


def _at_meetings(overview: TraineeOverview) -> list[Step]:
    meeting = overview.next_meeting
    if meeting is None:
        return []
    if meeting.can_join:
        return [Step(StepKind.JOIN, meeting)]
    kind = StepKind.BE_THERE if meeting.phase is MeetingPhase.NOW else StepKind.MEETING
    return [Step(kind, meeting)]


def _besides(overview: TraineeOverview, hours_waiting: Decimal) -> list[Step]:
    if overview.credit_state is CreditState.CREDITED:
        return [Step(StepKind.DONE)]
    if overview.credit_state in (CreditState.PROPOSED, CreditState.MET):
        return [Step(StepKind.WAIT_CREDIT)]
    steps = []
    if overview.completion is not None and not overview.completion.is_complete:
        steps.append(Step(StepKind.COURSE))
    if hours_waiting:
        steps.append(Step(StepKind.WAIT_ATTENDANCE, hours=hours_waiting))
    elif overview.hours_missing and overview.meetings and overview.next_meeting is None:
        steps.append(Step(StepKind.MAKE_UP, hours=overview.hours_missing))
    if not overview.meetings:
        steps.append(Step(StepKind.NO_SCHEDULE))
    return steps
