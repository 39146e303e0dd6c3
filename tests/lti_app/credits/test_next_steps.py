"""What a trainee does next, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lti_app.credits.cards import CreditState, MeetingPhase, TraineeMeeting, TraineeOverview
from lti_app.credits.next_steps import Step, StepKind, next_steps
from lti_app.credits.rules import Completion
from lti_app.programmes.models import Form, Mode
from tests.lti_app.world import NOW

HOUR = timedelta(hours=1)


def meeting(starts_at: datetime, *, can_join: bool = False) -> TraineeMeeting:
    phase = MeetingPhase.NEXT if starts_at > NOW else MeetingPhase.NOW if starts_at + HOUR > NOW else MeetingPhase.PAST
    return TraineeMeeting(
        meeting_id=1,
        intake_id=1,
        topic_id=1,
        topic_position=1,
        topic="Тема",
        form=Form.SEMINAR,
        mode=Mode.DISTANCE,
        starts_at=starts_at,
        ends_at=starts_at + HOUR,
        minutes=60,
        hours=Decimal(2),
        place=None,
        phase=phase,
        only_for=None,
        opens_at=None,
        can_join=can_join,
        is_inside=False,
        joined_at=None,
        left_at=None,
        minutes_joined=None,
        presence=None,
        hours_counted=Decimal(0),
    )


@pytest.fixture
def overview() -> Callable[..., TraineeOverview]:
    def make(next_meeting: TraineeMeeting | None = None, **more: Any) -> TraineeOverview:
        known = TraineeOverview(
            intake_id=1,
            intake_code="a",
            programme_title="Программа",
            site="Школа",
            direction="Урок",
            starts_on=date(2026, 11, 1),
            ends_on=date(2026, 12, 1),
            is_approved=True,
            is_published=True,
            broken_off_on=None,
            course_id=None,
            capacity=10,
            trainee_id=1,
            name="Анна",
            leader=None,
            moodle_url="",
            hours_total=Decimal(24),
            hours_needed=Decimal(24),
            hours_attended=Decimal(18),
            hours_credited=Decimal(0),
            hours_proposed=Decimal(0),
            topics=(),
            meetings=(next_meeting,) if next_meeting else (meeting(NOW - 9 * HOUR),),
            next_meeting=next_meeting,
            missing=(),
            completion=None,
            credit_state=CreditState.NONE,
            credits=(),
            rule="",
        )
        return replace(known, **more)

    return make


def kinds(overview: TraineeOverview, waiting: int = 0, *further: Step) -> list[StepKind]:
    return [step.kind for step in next_steps(overview, hours_waiting=Decimal(waiting), further=further)]


def test_an_open_room_comes_first_and_what_is_to_come_later_after_what_can_be_done_now(
    overview: Callable[..., TraineeOverview],
) -> None:
    product = Step(StepKind.MEND_PRODUCT, words="Доработайте карту урока", address="/products/1")
    due = Step(StepKind.HAND_IN, words="Сдайте карту урока", until=NOW + 3 * HOUR)
    assert kinds(overview(meeting(NOW, can_join=True)), 2, product) == [
        StepKind.JOIN,
        StepKind.MEND_PRODUCT,
        StepKind.WAIT_ATTENDANCE,
    ]
    assert kinds(overview(meeting(NOW - HOUR / 2)), 0, product)[:2] == [StepKind.BE_THERE, StepKind.MEND_PRODUCT]
    assert kinds(overview(meeting(NOW + HOUR)), 0, due, product) == [
        StepKind.MEND_PRODUCT,
        StepKind.MEETING,
        StepKind.HAND_IN,
    ]


def test_of_two_of_a_kind_the_one_due_first_comes_first(overview: Callable[..., TraineeOverview]) -> None:
    steps = [
        Step(StepKind.HAND_IN, words="без срока"),
        Step(StepKind.HAND_IN, words="позже", until=NOW + 9 * HOUR),
        Step(StepKind.HAND_IN, words="раньше", until=NOW + HOUR),
    ]
    found = next_steps(overview(), hours_waiting=Decimal(0), further=steps)
    assert [str(step.words) for step in found if step.words] == ["раньше", "позже", "без срока"]


@pytest.mark.parametrize(
    ("known", "waiting", "expected"),
    [
        ({"credit_state": CreditState.CREDITED}, 2, [StepKind.DONE]),
        ({"credit_state": CreditState.PROPOSED}, 2, [StepKind.WAIT_CREDIT]),
        ({"credit_state": CreditState.MET}, 0, [StepKind.WAIT_CREDIT]),
        ({}, 2, [StepKind.WAIT_ATTENDANCE]),
        ({}, 0, [StepKind.MAKE_UP]),
        ({"hours_attended": Decimal(24)}, 0, [StepKind.COURSE]),
        ({"completion": Completion(done=1, total=3, read_at=NOW)}, 2, [StepKind.COURSE, StepKind.WAIT_ATTENDANCE]),
        ({"meetings": ()}, 0, [StepKind.NO_SCHEDULE]),
    ],
)
def test_without_a_meeting_ahead_it_says_what_is_left_or_waited_for(
    overview: Callable[..., TraineeOverview], known: dict[str, Any], waiting: int, expected: list[StepKind]
) -> None:
    assert kinds(overview(**known), waiting) == expected
