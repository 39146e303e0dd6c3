"""What pages show of individual plans, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.errors import NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings.models import Attendance, Meeting
from lti_app.plans.content import PlanComparison, compare, content_of, points_of
from lti_app.plans.models import IndividualPlan, PlanItem, PlanState, PlanVersion, Side
from lti_app.plans.progress import ItemLine, Marks, MeetingFact, PlanCard, card_of, item_lines, no_plan
from lti_app.plans.seats import Seat, enrolled, led_intake, seat_of
from lti_app.plans.writing import plan_of
from lti_app.programmes.models import Topic


@dataclass(frozen=True)
class PlanPage:
    """Show a plan to one of its two sides."""

    seat: Seat
    plan: IndividualPlan | None
    card: PlanCard
    agreed: PlanVersion | None
    """The version that holds."""
    lines: tuple[ItemLine, ...]
    """Points of the version that holds, else of the text that is being written."""
    pending: tuple[ItemLine, ...]
    """Points of a text that isn't agreed yet, while a version holds."""
    difference: PlanComparison | None
    """What that text changes."""
    versions: tuple[PlanVersion, ...]
    """Newest first."""
    topics: dict[int, str]
    """Topics of the programme, by id: «2. Тема»."""

    @property
    def may_agree(self) -> bool:
        """Tell whether this side can agree to the text, or propose it."""
        return (
            self.plan is not None
            and self.seat.is_open
            and self.plan.state is not PlanState.AGREED
            and agreed_by(self.plan) is not self.seat.side
        )

    @property
    def is_proposed_to_me(self) -> bool:
        """Tell whether the other side has agreed and asks this one."""
        return self.card.asked is self.seat.side


@dataclass(frozen=True)
class PlanRow:
    """Show a trainee's plan in the leader's list."""

    trainee: Trainee
    card: PlanCard


def agreed_by(plan: IndividualPlan) -> Side | None:
    """Return which side has agreed to a text that the other hasn't; None where neither or both have."""
    if (plan.leader_agreed_at is None) == (plan.trainee_agreed_at is None):
        return None
    return Side.LEADER if plan.leader_agreed_at is not None else Side.TRAINEE


def plan_page(session: Session, seat: Seat, *, now: datetime, zone: ZoneInfo) -> PlanPage:
    """Return what a side sees of a plan. Six queries."""
    trainee_id = seat.trainee.id
    plan = plan_of(session, trainee_id)
    topics = {
        topic.id: f"{topic.position}. {topic.title}"
        for topic in session.scalars(select(Topic).where(Topic.version_id == seat.version.id).order_by(Topic.position))
    }
    if plan is None:
        return PlanPage(seat, None, no_plan(trainee_id), None, (), (), None, (), topics)
    versions = session.scalars(
        select(PlanVersion)
        .where(PlanVersion.plan_id == plan.id)
        .options(joinedload(PlanVersion.leader_agreed_by))
        .order_by(PlanVersion.number.desc())
    ).all()
    agreed = next((one for one in versions if one.number == plan.agreed_number), None)
    marks = {item.id: Marks(item.said_done_at, item.done_at) for item in plan.items}
    meetings = _meetings(session, Trainee.id == trainee_id).get(trainee_id, {})

    def lined(content: dict[str, Any]) -> tuple[ItemLine, ...]:
        return tuple(item_lines(points_of(content), marks, meetings, now=now, zone=zone))

    text = content_of(plan)
    lines = lined(agreed.content if agreed else text)
    is_pending = agreed is not None and plan.state is not PlanState.AGREED
    return PlanPage(
        seat=seat,
        plan=plan,
        card=_card(plan, lines if agreed else (), zone),
        agreed=agreed,
        lines=lines,
        pending=lined(text) if is_pending else (),
        difference=compare(agreed.content, text) if agreed is not None and is_pending else None,
        versions=tuple(versions),
        topics=topics,
    )


def _card(plan: IndividualPlan, lines: Sequence[ItemLine], zone: ZoneInfo) -> PlanCard:
    return card_of(
        plan.trainee_id,
        state=plan.state,
        is_held=plan.agreed_number is not None,
        agreed_by=agreed_by(plan),
        lines=lines,
        zone=zone,
    )


def plan_card(session: Session, trainee_id: int, *, now: datetime, zone: ZoneInfo) -> PlanCard:
    """Return where a trainee's plan stands: state, progress, what comes next. Three queries."""
    found = _cards(session, Trainee.id == trainee_id, now=now, zone=zone)
    return found.get(trainee_id) or no_plan(trainee_id)


def plan_cards(session: Session, intake_id: int, *, now: datetime, zone: ZoneInfo) -> dict[int, PlanCard]:
    """Return the cards of an intake's plans by trainee id; who has none is left out. Three queries."""
    return _cards(session, Trainee.intake_id == intake_id, now=now, zone=zone)


def _cards(session: Session, whose: ColumnElement[bool], *, now: datetime, zone: ZoneInfo) -> dict[int, PlanCard]:
    plans = session.execute(
        select(IndividualPlan, PlanVersion.content)
        .join(Trainee, Trainee.id == IndividualPlan.trainee_id)
        .outerjoin(
            PlanVersion,
            and_(PlanVersion.plan_id == IndividualPlan.id, PlanVersion.number == IndividualPlan.agreed_number),
        )
        .where(whose)
    ).all()
    if not plans:
        return {}
    marks = {
        item_id: Marks(said_done_at, done_at)
        for item_id, said_done_at, done_at in session.execute(
            select(PlanItem.id, PlanItem.said_done_at, PlanItem.done_at)
            .join(IndividualPlan, IndividualPlan.id == PlanItem.plan_id)
            .join(Trainee, Trainee.id == IndividualPlan.trainee_id)
            .where(whose)
        )
    }
    meetings = _meetings(session, whose)
    found = {}
    for plan, content in plans:
        points = points_of(content) if content is not None else []
        known = meetings.get(plan.trainee_id, {})
        found[plan.trainee_id] = _card(plan, item_lines(points, marks, known, now=now, zone=zone), zone)
    return found


def _meetings(session: Session, whose: ColumnElement[bool]) -> dict[int, dict[int, MeetingFact]]:
    """Read the meetings that points name, with the word on each trainee: by trainee id, then by meeting id."""
    rows = session.execute(
        select(Trainee.id, Meeting.id, Meeting.starts_at, Meeting.minutes, Meeting.state, Attendance.presence)
        .join(IndividualPlan, IndividualPlan.trainee_id == Trainee.id)
        .join(Meeting, Meeting.intake_id == Trainee.intake_id)
        .outerjoin(Attendance, and_(Attendance.meeting_id == Meeting.id, Attendance.trainee_id == Trainee.id))
        .where(whose)
    )
    found: dict[int, dict[int, MeetingFact]] = {}
    for trainee_id, meeting_id, starts_at, minutes, state, presence in rows:
        found.setdefault(trainee_id, {})[meeting_id] = MeetingFact(starts_at, minutes, state, presence)
    return found


def plans_of(
    session: Session, intake_id: int, *, actor: Actor, now: datetime, zone: ZoneInfo
) -> tuple[Intake, list[PlanRow]]:
    """Return an intake and the plans of its trainees for the leader. Raises NotFound, Forbidden. Five queries."""
    intake = led_intake(session, intake_id, actor=actor)
    cards = plan_cards(session, intake_id, now=now, zone=zone)
    rows = [PlanRow(trainee, cards.get(trainee.id) or no_plan(trainee.id)) for trainee in enrolled(session, intake_id)]
    return intake, rows


def two_texts(
    session: Session, trainee_id: int, *, before: int, after: int | None, actor: Actor
) -> tuple[Seat, PlanVersion, PlanVersion | None, PlanComparison]:
    """Compare two agreed versions, or one with the text that is being written (``after`` None). Raises NotFound."""
    seat = seat_of(session, trainee_id, actor=actor)
    plan = plan_of(session, trainee_id)
    versions = (
        {one.number: one for one in session.scalars(select(PlanVersion).where(PlanVersion.plan_id == plan.id))}
        if plan
        else {}
    )
    if plan is None or before not in versions or (after is not None and after not in versions):
        raise NotFound("no_such_version", _l("There is no such version of the plan."))
    later = versions[after] if after is not None else None
    text = later.content if later is not None else content_of(plan)
    return seat, versions[before], later, compare(versions[before].content, text)
